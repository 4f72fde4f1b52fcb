/** What follows a choice between two constants is computed on both of them. */
import type { Alu, Branch, Operation } from '../instruction.ts';
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

/** `r = a; if c goto L; r = b; L: last`, to whose last two nothing else leads. */
type Choice = {
  /** Where `r = a` is. */
  readonly first: number;
  readonly branch: Branch;
  readonly target: Node;
  readonly last: Alu;
  readonly a: bigint;
  readonly b: bigint;
};

type Targets = readonly (Node | undefined)[];

/** The choice at a branch; `chosen` says which register it has to be for what follows it. */
const choiceAt = (
  code: Code,
  at: number,
  targets: Targets,
  chosen: (last: Alu) => number | undefined,
): Choice | undefined => {
  const [{ op: branch }, second, target] = [code[at]!, code[at + 1], code[at + 2]];
  if (branch.kind !== 'branch' || !second || target?.op.kind !== 'alu') return undefined;
  if (code[at]!.target !== target || targets.includes(second)) return undefined;
  const r = targets.filter((one) => one === target).length === 1 ? chosen(target.op) : undefined;
  if (r === undefined) return undefined;
  const first = setBefore(code, at, r, new Set(targets));
  const b = constantOf(second.op, r);
  if (first === undefined || b === undefined) return undefined;
  return { first, branch, target, last: target.op, a: constantOf(code[first]!.op, r)!, b };
};

/** What replaces nodes, by their place. */
type Replaced = ReadonlyMap<number, Node[]>;

/** `L: r op= k`: what it makes of a and of b is set at once. */
const computedArms = (code: Code, at: number, targets: Targets): Replaced | undefined => {
  const choice = choiceAt(code, at, targets, (last) => last.dst);
  if (!choice) return undefined;
  const { first, last, a, b } = choice;
  const made = [after(last, a), after(last, b)];
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

/** Operations that 0 leaves as it is. */
const NEUTRAL_ZERO: ReadonlySet<string> = new Set(['add', 'sub', 'or', 'xor']);

/** `L: x += r`, where a or b is 0 and r is not asked for later: a branch over one addition. */
const skippedArm = (code: Code, at: number, targets: Targets): Replaced | undefined => {
  const choice = choiceAt(code, at, targets, ({ op, src, dst }) =>
    NEUTRAL_ZERO.has(op) && src.kind === 'reg' && src.reg !== dst ? src.reg : undefined,
  );
  if (choice?.last.src.kind !== 'reg' || liveAfter(code)[at + 2]! & (1 << choice.last.src.reg))
    return undefined;
  const { first, branch, target, last, a, b } = choice;
  if (last.width === 32 && !isLow(constantsOf(code)[at]?.[last.dst])) return undefined;
  const made = withConstant(last, a === 0n ? b : a);
  const inverse = a === 0n ? branch.op : opposite[branch.op];
  if ((a !== 0n && b !== 0n) || !made || !inverse) return undefined;
  return new Map([
    [first, []],
    [at, [nodeOf({ ...branch, op: inverse }, target)]],
    [at + 1, [nodeOf(made)]],
    [at + 2, []],
  ]);
};

export const constantArms: Rule = {
  name: 'constant-arms',
  doc: 'Computes what follows a choice between two constants on both of them.',
  apply: (code) => {
    const targets = code.map((n) => n.target);
    for (const at of code.keys()) {
      const made = computedArms(code, at, targets) ?? skippedArm(code, at, targets);
      if (!made) continue;
      return replaceNodes(copyCode(code), (node, i) =>
        made.get(i)?.map(({ op }) => nodeOf(op, op.kind === 'branch' ? node.target : undefined)),
      );
    }
    return undefined;
  },
};
