/** Rules that take out what nobody reads and nobody reaches. */
import { registersOf } from '../prover/flow.ts';
import {
  type Code,
  copyCode,
  functionsOf,
  type Node,
  positionsOf,
  replaceNodes,
  successors,
} from './code.ts';
import { liveAfter, stackLiveAfter } from './liveness.ts';
import type { Rule } from './rule.ts';

const hasOnlyResult = (node: Node): boolean =>
  ['alu', 'neg', 'movsx', 'swap', 'load', 'ld_imm64'].includes(node.op.kind);

const keep = (code: Code, wanted: (index: number) => boolean): Code | undefined => {
  const copy = copyCode(code);
  const out = replaceNodes(copy, (_, index) => (wanted(index) ? undefined : []));
  return out.length === code.length ? undefined : out;
};

export const deadCode: Rule = {
  name: 'dead-code',
  doc: 'Removes computations whose result is not read.',
  apply: (code) => {
    const live = liveAfter(code);
    return keep(code, (i) => {
      const { writes } = registersOf(code[i]!.op);
      return !hasOnlyResult(code[i]!) || (writes & live[i]!) !== 0;
    });
  },
};

export const unreachableCode: Rule = {
  name: 'unreachable-code',
  doc: 'Removes what control never reaches.',
  apply: (code) => {
    const positions = positionsOf(code);
    const reached = new Set<number>();
    const work = [0];
    for (let i = work.pop(); i !== undefined; i = work.pop()) {
      if (reached.has(i)) continue;
      reached.add(i);
      work.push(...successors(code, i, positions));
      const { op, target } = code[i]!;
      if (op.kind === 'call' && target) work.push(positions.get(target)!);
    }
    return functionsOf(code, positions).length === 0 ? undefined : keep(code, (i) => reached.has(i));
  },
};

export const deadStores: Rule = {
  name: 'dead-stores',
  doc: 'Removes stores to stack bytes that are not read again.',
  apply: (code) => {
    const live = stackLiveAfter(code);
    if (!live) return undefined;
    return keep(code, (i) => {
      const { op } = code[i]!;
      if (op.kind !== 'store' || op.dst !== 10) return true;
      const bytes = ((1n << BigInt(op.size)) - 1n) << BigInt(op.off + 512);
      return (live[i]! & bytes) !== 0n;
    });
  },
};
