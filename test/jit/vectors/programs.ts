/** Programs that call one vector helper each, and memory to call it on. */
import { type VectorArgument, vectors } from '../../../abi/index.ts';
import { Random } from '../../../ebpf/random.ts';
import { EXIT, insn, load64, movImm } from '../cases/case.ts';
import { references } from './reference.ts';

export const MEMORY_BYTES = 3968;
/** Buffers begin here, each with so much room, moved on by 0..15 bytes. */
const FIRST = 64;
const ROOM = 1296;

export type Call = {
  readonly helper: string;
  /** Counts, in the order of the arguments. */
  readonly counts: readonly number[];
  /** Where each buffer begins, beyond its place. */
  readonly shifts: readonly number[];
  /** Counts are known to the verifier, or only their limits. */
  readonly known: boolean;
  /** The second buffer begins so many bytes, -64 to 64, behind the first. */
  readonly overlap?: number;
  readonly seed: number;
};

type Placed = { readonly code: string; readonly args: bigint[]; readonly memory: Uint8Array };

/** Random bytes, extremes, or few different ones. */
const fillBuffer = (memory: Uint8Array, from: number, to: number, random: Random) => {
  const style = random.below(5);
  const constant = [0x80, 0xff, 0x7f, 0x00][random.below(4)]!;
  for (let i = from; i < to; i++) {
    if (style === 0) memory[i] = constant;
    else if (style === 1) memory[i] = 0x7e + random.below(4);
    else memory[i] = random.below(256);
  }
};

const initialMemory = ({ helper, counts, seed }: Call): Uint8Array => {
  const random = new Random(seed);
  const memory = Uint8Array.from({ length: MEMORY_BYTES }, () => random.below(256));
  new DataView(memory.buffer).setUint16(0, counts[0]!, true);
  new DataView(memory.buffer).setUint16(2, counts[1] ?? 0, true);
  for (let b = 0; b < 3; b++) fillBuffer(memory, FIRST + b * ROOM, FIRST + (b + 1) * ROOM, random);
  if (helper === 'vl_mem_compare' && random.below(4) > 0) {
    memory.copyWithin(FIRST + ROOM, FIRST, FIRST + ROOM);
    const at = random.below(counts[0]! + 8);
    if (random.below(3) > 0) memory[FIRST + ROOM + at] = memory[FIRST + ROOM + at]! ^ (1 << random.below(8));
  }
  return memory;
};

/** Largest counts for which every buffer has room. */
const limits: Readonly<Record<string, readonly number[]>> = { vl_gemv_i8: [9, 130], vl_fir_i16: [500, 130] };
const limitsOf = (helper: string): readonly number[] => {
  const widest = Math.max(
    ...Object.values(vectors[helper]!.args).map((a) =>
      'elements' in a && a.elements !== '256' ? a.bytes : 1,
    ),
  );
  return limits[helper] ?? [Math.floor(1280 / widest)];
};

type Line = { readonly slot: string } | { readonly leaveAbove: number; readonly register: number };

/** The program: r7 must survive the call, r0 is its result with r7 mixed in. */
export const place = (call: Call): Placed => {
  const { helper, counts, shifts, known, seed, overlap } = call;
  const memory = initialMemory(call);
  const number = new DataView(memory.buffer).getBigUint64(16, true);
  const lines: Line[] = [{ slot: insn(0xbf, 6, 1) }, { slot: load64(7, 6, 8) }];
  const args: bigint[] = [];
  let buffer = 0;
  let count = 0;
  const add = (a: VectorArgument, register: number) => {
    if ('elements' in a) {
      const apart = FIRST + buffer * ROOM + shifts[buffer]!;
      const at = overlap === undefined ? apart : FIRST + 64 + shifts[0]! + (buffer === 0 ? 0 : overlap);
      buffer++;
      args.push(BigInt(at));
      lines.push({ slot: insn(0xbf, register, 6) }, { slot: insn(0x07, register, 0, 0, at) });
    } else if (a.kind === 'number') {
      const small = seed % 3 === 0;
      args.push(small ? BigInt(seed % 200) : number);
      lines.push({ slot: small ? movImm(register, seed % 200) : load64(register, 6, 16) });
    } else {
      args.push(BigInt(counts[count]!));
      if (known) lines.push({ slot: movImm(register, counts[count]!) });
      else {
        lines.push({ slot: insn(0x69, register, 6, 2 * count) });
        if (a.kind === 'count1')
          lines.push({ slot: insn(0x55, register, 0, 1, 0) }, { slot: movImm(register, 1) });
        lines.push({ leaveAbove: limitsOf(helper)[count]!, register });
      }
      count++;
    }
  };
  Object.values(vectors[helper]!.args).forEach((a, i) => void add(a, i + 1));
  lines.push({ slot: insn(0x85, 0, 0, 0, vectors[helper]!.id) });
  if (vectors[helper]!.returns === 'nothing') lines.push({ slot: movImm(0, 0) });
  lines.push({ slot: insn(0xaf, 0, 7) });
  const code = lines.map((line, i) =>
    'slot' in line ? line.slot : insn(0x25, line.register, 0, lines.length - i, line.leaveAbove),
  );
  const leaves = known ? [] : [movImm(0, 77), EXIT];
  return { code: [...code, EXIT, ...leaves].join(''), args, memory };
};

/** r0 and memory that must come out. */
export const expected = (call: Call): { r0: bigint; memory: Uint8Array } => {
  const { args, memory } = place(call);
  const seven = new DataView(memory.buffer).getBigUint64(8, true);
  const after = memory.slice();
  const result = references[call.helper]!(after, args) ?? 0n;
  return { r0: result ^ seven, memory: after };
};
