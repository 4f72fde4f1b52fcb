/** Rules on known values: constants, powers of two, operations without effect. */
import type { Alu, Operation } from '../instruction.ts';
import { type Code, copyCode, type Node, nodeOf, replaceNodes } from './code.ts';
import { constantsOf, decide, type Known, type Registers, valueAfter } from './constants.ts';
import type { Rule } from './rule.ts';

const fits32 = (value: bigint) => BigInt.asUintN(64, BigInt.asIntN(32, value)) === value;

/** The immediate that a 64-bit operation sign-extends, or a 32-bit one takes, to this value. */
const immediateFor = (value: bigint, width: number): number | undefined => {
  if (width === 32) return Number(BigInt.asIntN(32, value));
  return fits32(value) ? Number(BigInt.asIntN(32, value)) : undefined;
};

/** The move of a constant to a register, in one slot; undefined when it takes two. */
export const setTo = (dst: number, value: bigint): Operation | undefined => {
  if (fits32(value))
    return {
      kind: 'alu',
      width: 64,
      op: 'mov',
      dst,
      src: { kind: 'imm', imm: Number(BigInt.asIntN(32, value)) },
    };
  if (value >> 32n !== 0n) return undefined;
  return {
    kind: 'alu',
    width: 32,
    op: 'mov',
    dst,
    src: { kind: 'imm', imm: Number(BigInt.asIntN(32, value)) },
  };
};

type Rewrite = (node: Node, regs: Registers) => Node[] | undefined;

/** Applies a rewrite to every reachable node; undefined when none changed. */
export const rewriteWithConstants = (code: Code, rewrite: Rewrite): Code | undefined => {
  const copy = copyCode(code);
  const before = constantsOf(copy);
  let changed = false;
  const out = replaceNodes(copy, (node, index) => {
    const regs = before[index];
    const made = regs && rewrite(node, regs);
    if (made) changed = true;
    return made;
  });
  return changed ? out : undefined;
};

/** The operation with its register operand replaced by the constant it holds. */
const withImmediate = (op: Operation, regs: Registers): Operation | undefined => {
  if (op.kind !== 'alu' && op.kind !== 'branch' && op.kind !== 'store') return undefined;
  if (op.src.kind !== 'reg') return undefined;
  const value = regs[op.src.reg];
  if (typeof value !== 'bigint') return undefined;
  const width = op.kind === 'store' ? (op.size === 8 ? 64 : 32) : op.width;
  const imm = immediateFor(value, width);
  return imm === undefined ? undefined : { ...op, src: { kind: 'imm', imm } };
};

const isPlainConstant = (op: Operation) =>
  op.kind === 'ld_imm64' || (op.kind === 'alu' && op.op === 'mov' && op.src.kind === 'imm');

const fold: Rewrite = (node, regs) => {
  const { op } = node;
  if (op.kind === 'branch') {
    const taken = decide(op, regs);
    if (taken === true) return [nodeOf({ kind: 'jump', long: false, off: 0 }, node.target)];
    if (taken === false) return [];
  }
  const value = valueAfter(op, regs);
  if (typeof value === 'bigint' && 'dst' in op && !isPlainConstant(op) && op.kind !== 'store') {
    const made = setTo(op.dst, value);
    if (made) return [nodeOf(made)];
  }
  const made = withImmediate(op, regs);
  return made && [nodeOf(made, node.target)];
};

export const constantFolding: Rule = {
  name: 'constant-folding',
  doc: 'Computes what is known before the program runs, and takes branches that are decided.',
  apply: (code) => rewriteWithConstants(code, fold),
};

const log2 = (imm: number): number | undefined => {
  const k = Math.log2(imm);
  return imm > 0 && Number.isInteger(k) ? k : undefined;
};

const isLow = (k: Known) => k === 'low' || (typeof k === 'bigint' && k >> 32n === 0n);

const neutral: Partial<Record<Alu['op'], number>> = {
  add: 0,
  sub: 0,
  or: 0,
  xor: 0,
  lsh: 0,
  rsh: 0,
  arsh: 0,
  mul: 1,
  div: 1,
  sdiv: 1,
  and: -1,
};

const hasNoEffect = (op: Alu, regs: Registers): boolean => {
  if (op.width === 32 && !isLow(regs[op.dst])) return false;
  if (op.op === 'mov') return op.src.kind === 'reg' && op.src.reg === op.dst;
  return op.src.kind === 'imm' && neutral[op.op] === op.src.imm;
};

const reduce: Rewrite = ({ op }, regs) => {
  if (op.kind !== 'alu') return undefined;
  if (hasNoEffect(op, regs)) return [];
  if (op.src.kind !== 'imm') return undefined;
  const made = (name: Alu['op'], imm: number) => [nodeOf({ ...op, op: name, src: { kind: 'imm', imm } })];
  const zero = op.src.imm === 0 && (op.op === 'mul' || op.op === 'and');
  if (zero) return made('mov', 0);
  const k = log2(op.src.imm);
  if (k === undefined) return undefined;
  if (op.op === 'mul') return made('lsh', k);
  if (op.op === 'div') return made('rsh', k);
  return op.op === 'mod' ? made('and', op.src.imm - 1) : undefined;
};

export const strengthReduction: Rule = {
  name: 'strength-reduction',
  doc: 'Shifts and masks in place of multiplying and dividing by powers of two; drops operations without effect.',
  apply: (code) => rewriteWithConstants(code, reduce),
};
