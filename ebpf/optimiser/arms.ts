/** What follows a choice between two constants is computed on both of them. */
import type { Operation } from '../instruction.ts';
import { registersOf } from '../prover/flow.ts';
import { type Code, copyCode, isEnd, type Node, nodeOf, replaceNodes } from './code.ts';
import { calculate } from './constants.ts';
import { setTo } from './folding.ts';
import type { Rule } from './rule.ts';

/** The constant that an operation sets `r` to. */
const constantOf = (op: Operation, r: number): bigint | undefined => {
  if (op.kind !== 'alu' || op.op !== 'mov' || op.dst !== r || op.src.kind !== 'imm') return undefined;
  return BigInt.asUintN(64, op.width === 64 ? BigInt(op.src.imm) : BigInt.asUintN(32, BigInt(op.src.imm)));
};

/** The node before a branch that sets `r` to a constant for it alone. */
const setBefore = (
  code: Code,
  branch: number,
  r: number,
  targets: ReadonlySet<Node | undefined>,
): number | undefined => {
  if ((registersOf(code[branch]!.op).reads & (1 << r)) !== 0) return undefined;
  for (let i = branch - 1; i >= 0 && !targets.has(code[i + 1]); i--) {
    const { op } = code[i]!;
    if (isEnd(code[i]!) || op.kind === 'branch') return undefined;
    const { reads, writes } = registersOf(op);
    if ((writes & (1 << r)) !== 0) return constantOf(op, r) === undefined ? undefined : i;
    if ((reads & (1 << r)) !== 0) return undefined;
  }
  return undefined;
};

const after = (op: Operation, value: bigint): Operation | undefined => {
  if (op.kind !== 'alu' || op.src.kind !== 'imm' || op.op === 'mov') return undefined;
  return setTo(op.dst, calculate(op.op, op.width, value, BigInt(op.src.imm)));
};

/** `r = a; if c goto L; r = b; L: r op= k` at the branch: what replaces the first, the second and the last. */
const armsAt = (
  code: Code,
  at: number,
  targets: readonly (Node | undefined)[],
): ReadonlyMap<number, Node[]> | undefined => {
  const [branch, second, last] = [code[at]!, code[at + 1], code[at + 2]];
  if (branch.op.kind !== 'branch' || !second || !last || branch.target !== last) return undefined;
  if (last.op.kind !== 'alu' || targets.filter((t) => t === last).length !== 1 || targets.includes(second))
    return undefined;
  const r = last.op.dst;
  const first = setBefore(code, at, r, new Set(targets));
  const b = constantOf(second.op, r);
  if (first === undefined || b === undefined) return undefined;
  const made = [after(last.op, constantOf(code[first]!.op, r)!), after(last.op, b)];
  if (!made[0] || !made[1]) return undefined;
  return new Map([
    [first, [nodeOf(made[0])]],
    [at + 1, [nodeOf(made[1])]],
    [at + 2, []],
  ]);
};

export const constantArms: Rule = {
  name: 'constant-arms',
  doc: 'Computes what follows a choice between two constants on both of them.',
  apply: (code) => {
    const targets = code.map((n) => n.target);
    for (const at of code.keys()) {
      const made = armsAt(code, at, targets);
      if (made) return replaceNodes(copyCode(code), (_, i) => made.get(i));
    }
    return undefined;
  },
};
