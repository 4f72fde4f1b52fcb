/** What follows a choice between two constants is computed on both of them. */
import type { Alu, Operation } from '../instruction.ts';
import { registersOf } from '../prover/flow.ts';
import { type Code, copyCode, isEnd, type Node, nodeOf, replaceNodes } from './code.ts';
import { calculate, constantsOf, isLow } from './constants.ts';
import { setTo } from './folding.ts';
import { opposite } from './jumps.ts';
import { liveAfter } from './liveness.ts';
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

const withConstant = (op: Alu, value: bigint): Alu | undefined => {
  const imm = Number(BigInt.asIntN(op.width, value));
  return imm === (imm | 0) ? { ...op, src: { kind: 'imm', imm } } : undefined;
};

/** `d = a; if c goto L; d = b; L: x += d`, with a or b 0: a branch over one addition. */
const choiceAt = (
  code: Code,
  at: number,
  targets: readonly (Node | undefined)[],
): ReadonlyMap<number, Node[]> | undefined => {
  const [branch, second, last] = [code[at]!, code[at + 1], code[at + 2]];
  if (branch.op.kind !== 'branch' || !second || !last || branch.target !== last) return undefined;
  const { op } = last;
  if (op.kind !== 'alu' || !NEUTRAL_ZERO.has(op.op) || op.src.kind !== 'reg' || op.src.reg === op.dst)
    return undefined;
  const d = op.src.reg;
  const hasOtherWays = targets.filter((t) => t === last).length !== 1 || targets.includes(second);
  if (hasOtherWays || liveAfter(code)[at + 2]! & (1 << d)) return undefined;
  if (op.width === 32 && !isLow(constantsOf(code)[at]?.[op.dst])) return undefined;
  const first = setBefore(code, at, d, new Set(targets));
  const b = constantOf(second.op, d);
  if (first === undefined || b === undefined) return undefined;
  const a = constantOf(code[first]!.op, d)!;
  const made = withConstant(op, a === 0n ? b : a);
  const inverse = a === 0n ? branch.op.op : opposite[branch.op.op];
  if ((a !== 0n && b !== 0n) || !made || !inverse) return undefined;
  return new Map([
    [first, []],
    [at, [nodeOf({ ...branch.op, op: inverse }, branch.target)]],
    [at + 1, [nodeOf(made)]],
    [at + 2, []],
  ]);
};

/** Operations that 0 leaves as it is. */
const NEUTRAL_ZERO: ReadonlySet<string> = new Set(['add', 'sub', 'or', 'xor']);

export const constantArms: Rule = {
  name: 'constant-arms',
  doc: 'Computes what follows a choice between two constants on both of them.',
  apply: (code) => {
    const targets = code.map((n) => n.target);
    for (const at of code.keys()) {
      const made = armsAt(code, at, targets) ?? choiceAt(code, at, targets);
      if (!made) continue;
      return replaceNodes(copyCode(code), (node, i) =>
        made.get(i)?.map(({ op }) => nodeOf(op, op.kind === 'branch' ? node.target : undefined)),
      );
    }
    return undefined;
  },
};
