/** Random changes of programs: most of what comes out is nearly right, which is where two verifiers differ. */
import { bpf } from '../../../abi/index.ts';
import type { Random } from '../../../ebpf/random.ts';
import { LD_IMM64, type Slot } from '../../../ebpf/slot.ts';
import { isCall, isExit, isFunctionAddress, isJump, isLocal, type Piece } from './pieces.ts';

const numbers = [
  0, 1, -1, 2, 3, 4, 7, 8, 14, 15, 16, 31, 32, 63, 64, 255, 256, 511, 512, 4096, 65_535, 0x7fffffff,
  -0x80000000,
];
const steps = [-16, -8, -4, -2, -1, 1, 2, 4, 8, 16];
const { alu, alu64, jmp, jmp32, ldx, st, stx } = bpf.classes;
const SIZES = 0x18;
const OPERATION = 0xf0;
const MOST_CHANGES = 3;
const MOST_SPLICED = 8;

type Pieces = readonly Piece[];
type Change = (pieces: Pieces, at: number, random: Random, other: Pieces) => Pieces;

const withSlot = (pieces: Pieces, at: number, change: Partial<Slot>): Pieces =>
  pieces.with(at, { ...pieces[at]!, slot: { ...pieces[at]!.slot, ...change } });

/** Where each target is afterwards. */
const retargeted = (pieces: Pieces, moved: (target: number) => number): Pieces =>
  pieces.map((p) => (p.target === undefined ? p : { ...p, target: moved(p.target) }));

const leaveOut: Change = (pieces, at) =>
  retargeted(pieces, (target) => (target > at ? target - 1 : target)).toSpliced(at, 1);

const insert = (pieces: Pieces, at: number, more: Pieces): Pieces =>
  retargeted(pieces, (target) => (target > at ? target + more.length : target)).toSpliced(at, 0, ...more);

const double: Change = (pieces, at) => {
  const { global: _, ...piece } = pieces[at]!;
  const target = piece.target === undefined || piece.target <= at ? {} : { target: piece.target + 1 };
  return insert(pieces, at, [{ ...piece, ...target }]);
};

const swap: Change = (pieces, at, random) => {
  const other = random.below(pieces.length);
  return pieces.with(at, pieces[other]!).with(other, pieces[at]!);
};

const number: Change = (pieces, at, random) => {
  const { slot } = pieces[at]!;
  if (isLocal(slot) || isFunctionAddress(slot)) return pieces;
  const imm = random.once(2) ? slot.imm + random.pick(steps) : random.pick(numbers);
  return withSlot(pieces, at, { imm: imm | 0 });
};

const offset: Change = (pieces, at, random) => {
  const { slot, target } = pieces[at]!;
  if (target !== undefined) {
    const far = target + random.pick(steps.filter((step) => Math.abs(step) <= 4));
    return pieces.with(at, { ...pieces[at]!, target: Math.max(0, Math.min(pieces.length - 1, far)) });
  }
  return withSlot(pieces, at, { off: Math.max(-32768, Math.min(32767, slot.off + random.pick(steps))) });
};

const register: Change = (pieces, at, random) => {
  const { slot } = pieces[at]!;
  if (isCall(slot) || isExit(slot)) return pieces;
  const to = random.below(11);
  return withSlot(pieces, at, random.once(2) || slot.opcode === LD_IMM64 ? { dst: to } : { src: to });
};

/** Another size, operator or class: what the opcode is made of. */
const operation: Change = (pieces, at, random) => {
  const { opcode } = pieces[at]!.slot;
  const of = opcode & 7;
  if (opcode === LD_IMM64) return pieces;
  if (of === ldx || of === st || of === stx)
    return withSlot(pieces, at, {
      opcode: random.once(4) ? opcode ^ 0x60 : (opcode & ~SIZES) | (random.below(4) << 3),
    });
  if (isCall(pieces[at]!.slot) || isExit(pieces[at]!.slot)) return pieces;
  if (random.once(4))
    return withSlot(pieces, at, {
      opcode: opcode ^ (of === alu || of === alu64 ? alu ^ alu64 : jmp ^ jmp32),
    });
  if (random.once(4)) return withSlot(pieces, at, { opcode: opcode ^ 8 });
  return withSlot(pieces, at, { opcode: (opcode & 15) | (random.below(14) << 4) });
};

const { jeq, jne, jgt, jle, jge, jlt, jsgt, jsle, jsge, jslt } = bpf.jumpOps;
const opposites = new Map<number, number>([
  [jeq, jne],
  [jgt, jle],
  [jge, jlt],
  [jsgt, jsle],
  [jsge, jslt],
]);
for (const [one, other] of [...opposites]) opposites.set(other, one);

/** A condition the other way round, or one that always or never holds. */
const condition: Change = (pieces, _, random) => {
  const conditions = pieces.filter((p) => isJump(p.slot) && opposites.has(p.slot.opcode & OPERATION));
  if (conditions.length === 0) return pieces;
  const piece = random.pick(conditions);
  const place = pieces.indexOf(piece);
  const { opcode } = piece.slot;
  const other = opposites.get(opcode & OPERATION)!;
  if (random.once(2)) return withSlot(pieces, place, { opcode: (opcode & ~OPERATION) | other });
  const always = { ...piece, slot: { opcode: jmp | bpf.jumpOps.ja, dst: 0, src: 0, off: 0, imm: 0 } };
  return pieces.with(place, random.once(2) ? always : { ...always, target: place + 1 });
};

/** A run of instructions of another program. */
const splice: Change = (pieces, at, random, other) => {
  const from = random.below(other.length);
  const run = other.slice(from, from + 1 + random.below(MOST_SPLICED));
  const kept = run.filter((p) => !isExit(p.slot) && !isLocal(p.slot) && !isFunctionAddress(p.slot));
  const last = pieces.length + kept.length - 1;
  const inside = kept.map(({ global: _, ...p }) =>
    p.target === undefined ? p : { ...p, target: Math.max(0, Math.min(last, p.target - from + at)) },
  );
  return insert(pieces, at, inside);
};

/** A call of another helper. */
const call: Change = (pieces, at, random, other) => {
  const calls = (from: Pieces) => from.filter((p) => isCall(p.slot) && !isLocal(p.slot));
  const [mine, theirs] = [calls(pieces), calls(other)];
  if (mine.length === 0 || theirs.length === 0) return number(pieces, at, random, other);
  return withSlot(pieces, pieces.indexOf(random.pick(mine)), { imm: random.pick(theirs).slot.imm });
};

const changes: readonly Change[] = [
  leaveOut,
  double,
  swap,
  number,
  number,
  offset,
  offset,
  register,
  register,
  operation,
  operation,
  condition,
  splice,
  call,
];

const isEmpty = (pieces: Pieces) => pieces.length === 0;

export const mutated = (pieces: Pieces, other: Pieces, random: Random): Pieces => {
  let result = pieces;
  for (let left = 1 + random.below(MOST_CHANGES); left > 0 && !isEmpty(result); left--)
    result = random.pick(changes)(result, random.below(result.length), random, other);
  return isEmpty(result) || !result.some((p) => isJump(p.slot)) ? pieces : result;
};
