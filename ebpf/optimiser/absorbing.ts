/** A constant added to a sum is added to the constants that one of its parts may be. */
import type { Operation } from '../instruction.ts';
import { registersOf } from '../prover/flow.ts';
import {
  type Code,
  copyCode,
  functionsOf,
  isEnd,
  nodeOf,
  positionsOf,
  replaceNodes,
  successors,
} from './code.ts';
import type { Rule } from './rule.ts';

/** Where `x += k` follows node `at`, which writes x, with nothing between that touches x. */
const stepAfter = (code: Code, at: number, x: number): number | undefined => {
  const targets = new Set(code.map((n) => n.target));
  for (let i = at + 1; i < code.length && !targets.has(code[i]); i++) {
    const { op, target } = code[i]!;
    if (op.kind === 'alu' && op.op === 'add' && op.width === 64 && op.dst === x)
      return op.src.kind === 'imm' ? i : undefined;
    const { reads, writes } = registersOf(op);
    if (target || isEnd(code[i]!) || ((reads | writes) & (1 << x)) !== 0) return undefined;
  }
  return undefined;
};

/** Places where `register` gets what it holds before node `at`; undefined when it may come from the caller. */
const sourcesOf = (code: Code, at: number, register: number): number[] | undefined => {
  const positions = positionsOf(code);
  const before: number[][] = code.map(() => []);
  for (const i of code.keys()) for (const to of successors(code, i, positions)) before[to]!.push(i);
  const entries = new Set(functionsOf(code, positions));
  const seen = new Set<number>();
  const sources: number[] = [];
  const work = [at];
  for (let i = work.pop(); i !== undefined; i = work.pop()) {
    if (entries.has(i)) return undefined;
    for (const from of before[i]!) {
      if (seen.has(from)) continue;
      seen.add(from);
      if (registersOf(code[from]!.op).writes & (1 << register)) sources.push(from);
      else work.push(from);
    }
  }
  return sources;
};

/** Whether what node `from` puts into the register is read by node `at` alone. */
const isForOnly = (code: Code, from: number, register: number, at: number): boolean => {
  const positions = positionsOf(code);
  const seen = new Set<number>();
  const work = successors(code, from, positions);
  for (let i = work.pop(); i !== undefined; i = work.pop()) {
    if (seen.has(i)) continue;
    seen.add(i);
    const { reads, writes } = registersOf(code[i]!.op);
    if (reads & (1 << register) && i !== at) return false;
    if ((writes & (1 << register)) === 0) work.push(...successors(code, i, positions));
  }
  return true;
};

/** Those places with `by` added to the constant that each sets; undefined when one of them sets no constant or is read elsewhere. */
const raised = (code: Code, at: number, register: number, by: number): Map<number, Operation> | undefined => {
  const made = new Map<number, Operation>();
  for (const i of sourcesOf(code, at, register) ?? []) {
    const { op } = code[i]!;
    if (op.kind !== 'alu' || op.op !== 'mov' || op.width !== 64 || op.src.kind !== 'imm') return undefined;
    const imm = op.src.imm + by;
    if (imm !== (imm | 0) || !isForOnly(code, i, register, at)) return undefined;
    made.set(i, { ...op, src: { kind: 'imm', imm } });
  }
  return made.size > 0 ? made : undefined;
};

export const constantAbsorbing: Rule = {
  name: 'constant-absorbing',
  doc: 'Adds what is added to a sum to the constants that one of its parts is chosen from.',
  apply: (code) => {
    for (const [i, { op }] of code.entries()) {
      if (op.kind !== 'alu' || op.op !== 'add' || op.width !== 64 || op.src.kind !== 'reg') continue;
      if (op.src.reg === op.dst) continue;
      const step = stepAfter(code, i, op.dst);
      const by = step === undefined ? undefined : code[step]!.op;
      if (by?.kind !== 'alu' || by.src.kind !== 'imm') continue;
      const made = raised(code, i, op.src.reg, by.src.imm) ?? raised(code, i, op.dst, by.src.imm);
      if (!made) continue;
      return replaceNodes(copyCode(code), (node, k) => {
        if (k === step) return [];
        const changed = made.get(k);
        return changed && [nodeOf(changed, node.target)];
      });
    }
    return undefined;
  },
};
