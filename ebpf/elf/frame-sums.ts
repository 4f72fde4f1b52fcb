/**
 * Sums that clang wrote as `or`: an index is put on a place of the frame so where no bit can be set in both, as the frame is
 * aligned. The verifier adds to pointers and takes from them, nothing else; here such an `or` becomes the sum that it is.
 */
import { bpf, MAX_PROGRAM_INSNS } from '../../abi/index.ts';
import {
  type Alu,
  decodeProgram,
  type Instruction,
  type Operand,
  slotsOf,
  targetOf,
} from '../instruction.ts';

const { aluOps } = bpf;
const FRAME_POINTER = 10;
const REGISTERS = 11;
/** That of r10, which every place at a multiple of it shares. */
const FRAME_ALIGNMENT = 8;
const ALL = 2n ** 64n - 1n;
const LOW = 2n ** 32n - 1n;
/** Of registers that are written by each call: r0 to r5. */
const CALL_WRITES = 6;

/** A place of the frame, by its distance from r10; or the bits that may be set. */
type Value = { readonly place: number } | { readonly bits: bigint };

const ANY: Value = { bits: ALL };
const constant = (imm: number): Value => ({ bits: BigInt.asUintN(64, BigInt(imm)) });
const bitsOf = (value: Value): bigint => ('bits' in value ? value.bits : ALL);
const upTo = (bits: bigint): bigint => (bits === 0n ? 0n : 2n ** BigInt(bits.toString(2).length) - 1n);
const isPlace = (value: Value): value is { readonly place: number } => 'place' in value;

const joined = (a: Value, b: Value): Value => {
  if (isPlace(a) && isPlace(b) && a.place === b.place) return a;
  return { bits: bitsOf(a) | bitsOf(b) };
};

const alignmentOf = (place: number): number => {
  let alignment = FRAME_ALIGNMENT;
  while (place % alignment !== 0) alignment /= 2;
  return alignment;
};

/** Whether no bit is set in both, so that `or` is the sum. */
const isSum = (a: Value, b: Value): boolean => {
  const [place, number] = isPlace(a) ? [a, b] : [b, a];
  if (!isPlace(place) || isPlace(number)) return false;
  return number.bits < BigInt(alignmentOf(place.place));
};

type Registers = readonly Value[];

const operandOf = (src: Operand, at: Registers): Value =>
  src.kind === 'imm' ? constant(src.imm) : at[src.reg]!;

const shifted = (bits: bigint, { op, src, width }: Alu): bigint => {
  if (src.kind !== 'imm') return ALL;
  const by = BigInt(src.imm & (width - 1));
  return op === 'lsh' ? BigInt.asUintN(width, bits << by) : bits >> by;
};

const resultOf = (op: Alu, at: Registers): Value => {
  const [a, b] = [at[op.dst]!, operandOf(op.src, at)];
  if (op.op === 'mov') return op.width === 64 ? b : { bits: bitsOf(b) & LOW };
  if (op.width === 64 && op.op === 'add' && isPlace(a) && op.src.kind === 'imm')
    return { place: a.place + op.src.imm };
  const mask = op.width === 64 ? ALL : LOW;
  const [x, y] = [bitsOf(a) & mask, bitsOf(b) & mask];
  switch (op.op) {
    case 'and':
      return { bits: x & y };
    case 'or':
    case 'xor':
      return { bits: x | y };
    case 'lsh':
    case 'rsh':
      return { bits: shifted(x, op) & mask };
    case 'div':
      return { bits: upTo(x) };
    case 'mod':
      return { bits: op.src.kind === 'imm' && op.src.imm > 0 ? upTo(BigInt(op.src.imm - 1)) : upTo(x) };
    default:
      return { bits: mask };
  }
};

/** What the registers hold behind an instruction. */
const stepped = (i: Instruction, at: Registers): Registers => {
  const out = [...at];
  if (i.kind === 'alu') out[i.dst] = resultOf(i, at);
  else if (i.kind === 'load') out[i.dst] = i.signed ? ANY : { bits: 2n ** BigInt(8 * i.size) - 1n };
  else if (i.kind === 'ld_imm64') out[i.dst] = i.form === 'number' ? { bits: i.imm } : ANY;
  else if (i.kind === 'atomic') out[i.op === 'cmpxchg' ? 0 : i.src] = ANY;
  else if (i.kind === 'call' || i.kind === 'callx' || i.kind === 'ld_packet') out.fill(ANY, 0, CALL_WRITES);
  else if ('dst' in i && i.kind !== 'store' && i.kind !== 'branch') out[i.dst] = ANY;
  out[FRAME_POINTER] = { place: 0 };
  return out;
};

const waysOn = (i: Instruction): number[] => {
  const target = targetOf(i, i.slot);
  const next = i.kind === 'exit' || i.kind === 'jump' ? [] : [i.slot + slotsOf(i)];
  return i.kind === 'jump' || i.kind === 'branch' ? [...next, target!] : next;
};

const atStart = (): Registers =>
  Array.from({ length: REGISTERS }, (_, r) => (r === FRAME_POINTER ? { place: 0 } : ANY));

const same = (a: Value, b: Value): boolean =>
  isPlace(a) ? isPlace(b) && a.place === b.place : !isPlace(b) && a.bits === b.bits;

/** What the registers hold before each slot, whichever way it is come to. */
const knownIn = (instructions: readonly Instruction[]): ReadonlyMap<number, Registers> => {
  const bySlot = new Map(instructions.map((i) => [i.slot, i]));
  const functions = instructions.filter((i) => i.kind === 'call' && i.form === 'local');
  const starts = [0, ...functions.map((i) => targetOf(i, i.slot)!)];
  const known = new Map<number, Registers>(starts.map((slot) => [slot, atStart()]));
  const waiting = [...known.keys()];
  for (let slot = waiting.pop(); slot !== undefined; slot = waiting.pop()) {
    const instruction = bySlot.get(slot);
    if (!instruction) continue;
    const after = stepped(instruction, known.get(slot)!);
    for (const next of waysOn(instruction)) {
      const before = known.get(next);
      const now = before ? before.map((value, r) => joined(value, after[r]!)) : after;
      if (before?.every((value, r) => same(value, now[r]!))) continue;
      known.set(next, now);
      waiting.push(next);
    }
  }
  return known;
};

const isOr = (i: Instruction): i is Instruction & Alu => i.kind === 'alu' && i.op === 'or' && i.width === 64;

/** The code with each `or` on a place of the frame as a sum, where it is one. */
export const withFrameSums = (code: Uint8Array): Uint8Array => {
  if (code.length > MAX_PROGRAM_INSNS * bpf.INSN_BYTES) return code; // refused as it is, and bad files may not cost time
  const instructions = decodeProgram(code);
  const ors = instructions.filter(isOr);
  if (ors.length === 0) return code;
  const known = knownIn(instructions);
  const sums = ors.filter((i) => {
    const at = known.get(i.slot);
    return at && isSum(at[i.dst]!, operandOf(i.src, at));
  });
  if (sums.length === 0) return code;
  const out = code.slice();
  for (const { slot } of sums) {
    const at = slot * bpf.INSN_BYTES;
    out[at] = (out[at]! & ~0xf0) | aluOps.add;
  }
  return out;
};
