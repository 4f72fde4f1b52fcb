/** Rules that take out what nobody reads and nobody reaches. */
import { registersOf } from '../prover/flow.ts';
import {
  type Code,
  copyCode,
  functionsOf,
  functionTarget,
  type Node,
  positionsOf,
  replaceNodes,
  successors,
} from './code.ts';
import { frameUses } from './frame.ts';
import { liveAfter, stackLiveAfter } from './liveness.ts';
import type { Rule } from './rule.ts';

export const hasOnlyResult = (node: Node): boolean =>
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
      const entry = functionTarget(code[i]!);
      if (entry) work.push(positions.get(entry)!);
    }
    return functionsOf(code, positions).length === 0 ? undefined : keep(code, (i) => reached.has(i));
  },
};

export const deadStores: Rule = {
  name: 'dead-stores',
  doc: 'Removes stores to stack bytes that are not read again, by loads or by helpers.',
  apply: (code, context) => {
    const live = stackLiveAfter(code, context);
    const uses = live && frameUses(code, context);
    if (!live || !uses) return undefined;
    return keep(code, (i) => {
      const { writes } = uses[i]!;
      return code[i]!.op.kind !== 'store' || writes === 0n || (live[i]! & writes) !== 0n;
    });
  },
};
