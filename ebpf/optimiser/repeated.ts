/** Values computed from a copy first and once more from the original later: they are computed once, in the original's place. */
import type { Operation } from '../instruction.ts';
import { registersOf } from '../prover/flow.ts';
import { type Code, copyCode, isEnd, type Node, nodeOf, replaceNodes } from './code.ts';
import { liveAfter } from './liveness.ts';
import type { Rule } from './rule.ts';
import { copyOf } from './webs.ts';

/** Whether the operation only changes its one register, without another one. */
const isUnary = (op: Operation, register: number): boolean => {
  if (op.kind === 'movsx') return op.dst === register && op.src === register;
  if (op.kind === 'swap' || op.kind === 'neg') return op.dst === register;
  return op.kind === 'alu' && op.op !== 'mov' && op.dst === register && op.src.kind === 'imm';
};

const onto = (op: Operation, register: number): Operation =>
  op.kind === 'movsx' ? { ...op, dst: register, src: register } : ({ ...op, dst: register } as Operation);

/** The operations on one register from `from` on, until another one, or one that is jumped to. */
const unaryFrom = (code: Code, from: number, register: number, targets: ReadonlySet<Node | undefined>) => {
  const out: Operation[] = [];
  for (let i = from; i < code.length; i++) {
    const { op } = code[i]!;
    if (!isUnary(op, register) || targets.has(code[i]!)) break;
    out.push(op);
  }
  return out;
};

/** Bytes of a word in the other order, and of these the upper ones: what that is at twice the width has the same low half. */
const isWiderShift = (narrow: readonly Operation[], wide: readonly Operation[]): boolean => {
  const [a, b] = narrow;
  const [x, y] = wide;
  if (narrow.length !== 2 || wide.length !== 2 || a!.kind !== 'swap' || x!.kind !== 'swap') return false;
  if (b!.kind !== 'alu' || y!.kind !== 'alu' || b!.src.kind !== 'imm' || y!.src.kind !== 'imm') return false;
  const turned = a!.order !== 'le' && x!.order !== 'le' && a!.bits === 32 && x!.bits === 64;
  const shifted = b!.width === 32 && y!.width === 64 && y!.src.imm === b!.src.imm + 32;
  return turned && shifted && b!.op === 'arsh' && y!.op === 'arsh';
};

/** Whether nothing reads the upper half of a register from `from` on. */
const isNarrow = (code: Code, from: number, register: number, live: readonly number[]): boolean => {
  const bit = 1 << register;
  for (let i = from; i < code.length; i++) {
    if ((live[i - 1]! & bit) === 0) return true;
    const { op } = code[i]!;
    const { reads, writes } = registersOf(op);
    const isLow =
      (op.kind === 'store' && op.size <= 4 && op.dst !== register) || (op.kind === 'alu' && op.width === 32);
    if ((reads & bit) !== 0 && !isLow) return false;
    if ((writes & bit) !== 0) return true;
    if (code[i]!.target || isEnd(code[i]!)) return false;
  }
  return false;
};

/** Where a register is read or written next, on the straight way from `from` on. */
const nextUse = (code: Code, from: number, register: number, targets: ReadonlySet<Node | undefined>) => {
  for (let i = from; i < code.length; i++) {
    const { reads, writes } = registersOf(code[i]!.op);
    if (targets.has(code[i]!) || code[i]!.target || isEnd(code[i]!)) return undefined;
    if ((reads | writes) & (1 << register)) return i;
  }
  return undefined;
};

const isSame = (a: readonly Operation[], b: readonly Operation[]) => JSON.stringify(a) === JSON.stringify(b);

const applyAt = (code: Code, at: number, live: readonly number[]): Code | undefined => {
  const copy = copyOf(code[at]!.op);
  if (!copy || copy.src === copy.dst || copy.src === 10) return undefined;
  const targets = new Set(code.map((n) => n.target));
  const first = unaryFrom(code, at + 1, copy.dst, targets);
  const behind = at + 1 + first.length;
  const again = first.length === 0 ? undefined : nextUse(code, behind, copy.src, targets);
  if (again === undefined) return undefined;
  const second = unaryFrom(code, again, copy.src, targets).slice(0, first.length);
  const wanted = first.map((op) => onto(op, copy.src));
  const isWider = isWiderShift(wanted, second) && isNarrow(code, behind, copy.dst, live);
  if (!isSame(wanted, second) && !isWider) return undefined;
  return replaceNodes(copyCode(code), (node, i) => {
    if (i === at) return [...second.map((op) => nodeOf(op)), nodeOf(node.op)];
    const isGone = (i > at && i < behind) || (i >= again && i < again + second.length);
    return isGone ? [] : undefined;
  });
};

export const computingInPlace: Rule = {
  name: 'computing-in-place',
  doc: 'Computes once, in the place of the original, what is computed from a copy of it and later from the original itself.',
  apply: (code) => {
    const live = liveAfter(code);
    for (const at of code.keys()) {
      const made = applyAt(code, at, live);
      if (made) return made;
    }
    return undefined;
  },
};
