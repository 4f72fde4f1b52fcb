import { bpf } from '../../../abi/index.ts';
import { type Case, EXIT, hexOf, insn, load64, MASK32, movImm, u64 } from './case.ts';

const widths = { b: 1, h: 2, w: 4, dw: 8 } as const;
type Size = keyof typeof widths;

const BYTES = Array.from({ length: 64 }, (_, i) => BigInt((i * 37 + 0x81) & 255));
const memory = (bytes: readonly bigint[]) => bytes.map((byte) => hexOf(byte, 1)).join('');
const valueAt = (at: number, size: number) =>
  BYTES.slice(at, at + size).reduceRight((value, byte) => (value << 8n) | byte, 0n);
const withValue = (at: number, size: number, value: bigint) =>
  BYTES.map((byte, i) => (i >= at && i < at + size ? (value >> BigInt(8 * (i - at))) & 255n : byte));

const loads = (size: Size): Case[] =>
  [0, 8, 24, 64 - 8].flatMap((at) => [
    {
      name: `load ${size} at ${at}`,
      code: insn(bpf.classes.ldx | bpf.modes.mem | bpf.sizes[size], 0, 1, at) + EXIT,
      mem: memory(BYTES),
      r0: valueAt(at, widths[size]),
    },
    {
      name: `load ${size} at ${at}, through a moved pointer`,
      code:
        insn(0x07, 1, 0, 0, at + 5) +
        insn(bpf.classes.ldx | bpf.modes.mem | bpf.sizes[size], 0, 1, -5) +
        EXIT,
      mem: memory(BYTES),
      r0: valueAt(at, widths[size]),
    },
  ]);

const signedLoads = (size: Exclude<Size, 'dw'>): Case[] =>
  [0, 16, 40].map((at) => ({
    name: `load ${size} at ${at}, sign-extended`,
    code: insn(bpf.classes.ldx | bpf.modes.memsx | bpf.sizes[size], 0, 1, at) + EXIT,
    mem: memory(BYTES),
    r0: u64(BigInt.asIntN(8 * widths[size], valueAt(at, widths[size]))),
  }));

const stores = (size: Size): Case[] =>
  [0, 8, 56].flatMap((at) => [
    {
      name: `store ${size} at ${at}`,
      code:
        load64(3, 1, 16) +
        insn(bpf.classes.stx | bpf.modes.mem | bpf.sizes[size], 1, 3, at) +
        movImm(0, 0) +
        EXIT,
      mem: memory(BYTES),
      r0: 0n,
      memAfter: memory(withValue(at, widths[size], valueAt(16, 8))),
    },
    ...[0, -2, 0x12345678].map((imm) => ({
      name: `store ${size} at ${at}, imm ${imm}`,
      code: insn(bpf.classes.st | bpf.modes.mem | bpf.sizes[size], 1, 0, at, imm) + movImm(0, 0) + EXIT,
      mem: memory(BYTES),
      r0: 0n,
      memAfter: memory(withValue(at, widths[size], u64(BigInt(imm)))),
    })),
  ]);

/** §5.3: what is stored, and what the source register gets when the operation fetches. */
const atomicModels: Record<string, (old: bigint, src: bigint) => bigint> = {
  add: (old, src) => old + src,
  or: (old, src) => old | src,
  and: (old, src) => old & src,
  xor: (old, src) => old ^ src,
};

const atomic = (
  name: string,
  op: number,
  wide: boolean,
  model: (old: bigint, src: bigint) => bigint,
  fetches: boolean,
): Case => {
  const size = wide ? 8 : 4;
  const src = valueAt(16, 8);
  const old = valueAt(32, size);
  const code = insn(bpf.classes.stx | bpf.modes.atomic | (wide ? bpf.sizes.dw : bpf.sizes.w), 1, 0, 32, op);
  return {
    name: `atomic ${name} ${size * 8}`,
    code: load64(0, 1, 16) + code + EXIT,
    mem: memory(BYTES),
    r0: fetches ? old : src,
    memAfter: memory(withValue(32, size, model(old, src))),
  };
};

const compareExchange = (wide: boolean, matches: boolean): Case => {
  const size = wide ? 8 : 4;
  const old = valueAt(32, size);
  const code = insn(
    bpf.classes.stx | bpf.modes.atomic | (wide ? bpf.sizes.dw : bpf.sizes.w),
    1,
    3,
    32,
    bpf.atomicOps.cmpxchg,
  );
  return {
    name: `atomic cmpxchg ${size * 8}, ${matches ? 'equal' : 'different'}`,
    code: load64(3, 1, 16) + load64(0, 1, matches ? 32 : 0) + code + EXIT,
    mem: memory(BYTES),
    r0: wide ? old : old & MASK32,
    memAfter: memory(matches ? withValue(32, size, valueAt(16, 8)) : BYTES),
  };
};

const atomics = (wide: boolean): Case[] => [
  ...Object.entries(atomicModels).flatMap(([name, model]) => {
    const op = bpf.atomicOps[name as 'add'];
    return [
      atomic(name, op, wide, model, false),
      atomic(`${name} fetch`, op | bpf.atomicOps.fetch, wide, model, true),
    ];
  }),
  atomic('xchg', bpf.atomicOps.xchg, wide, (_, src) => src, true),
  compareExchange(wide, true),
  compareExchange(wide, false),
];

const mov64 = (dst: number, src: number) => insn(0xbf, dst, src);
const add64 = (dst: number, src: number) => insn(0x0f, dst, src);
const and64 = (dst: number, imm: number) => insn(0x57, dst, 0, 0, imm);
const loadByte = (dst: number, src: number, off: number) => insn(0x71, dst, src, off);

/** Between uses of an address that shares its sum with others, an atomic, whose own registers must not be that one's. */
const atomicBetweenSums = (address: 1 | 5): Case => {
  const index = Number(BYTES[0]! & 8n);
  const at = address === 1 ? 48 : index + 40;
  return {
    name: `atomic between uses of a shared sum, at r${address}`,
    code:
      loadByte(2, 1, 0) +
      and64(2, 8) +
      mov64(3, 1) +
      add64(3, 2) +
      loadByte(4, 3, 1) +
      mov64(5, 1) +
      add64(5, 2) +
      loadByte(0, 5, 2) +
      insn(bpf.classes.stx | bpf.modes.atomic | bpf.sizes.dw, address, 4, at - (address === 1 ? 0 : index)) +
      loadByte(2, 5, 3) +
      add64(0, 2) +
      EXIT,
    mem: memory(BYTES),
    r0: BYTES[index + 2]! + BYTES[index + 3]!,
    memAfter: memory(withValue(at, 8, valueAt(at, 8) + BYTES[index + 1]!)),
  };
};

/** Four neighbouring words copied through registers: the JIT may pair them. */
const copies = (): Case[] =>
  (['w', 'dw'] as const).map((size) => {
    const step = widths[size];
    const at = [0, 1, 2, 3].map((i) => i * step);
    const loaded = at.map((off, i) => insn(0x61 | bpf.sizes[size], 2 + i, 1, off)).join('');
    const stored = at.map((off, i) => insn(0x63 | bpf.sizes[size], 1, 2 + i, 32 + off)).join('');
    return {
      name: `copy of neighbouring ${size}`,
      code: loaded + stored + movImm(0, 1) + EXIT,
      mem: memory(BYTES),
      r0: 1n,
      memAfter: memory(BYTES.map((byte, i) => (i >= 32 && i < 32 + 4 * step ? BYTES[i - 32]! : byte))),
    };
  });

const FRAME_POINTER = 10;
const store64 = (dst: number, src: number, off: number) => insn(0x7b, dst, src, off);
const addImm = (dst: number, imm: number) => insn(0x07, dst, 0, 0, imm);

/** The address of the lowest slot is the stack pointer itself where no return address lies below: register 31, which most instructions take for zero. */
const lowestSlots = (bytes: 16 | 512): Case[] => {
  const lowest = store64(FRAME_POINTER, 3, -bytes) + mov64(2, FRAME_POINTER) + addImm(2, -bytes);
  const rest = Array.from({ length: bytes / 8 - 1 }, (_, i) => store64(FRAME_POINTER, 3, -8 * (i + 1))).join(
    '',
  );
  const uses: Record<string, string> = {
    'held over a jump': insn(0x15, 3, 0, 1, 7) + addImm(2, 0) + load64(0, 2, 0),
    'plus an index': loadByte(4, 1, 0) + and64(4, 8) + add64(2, 4) + load64(0, 2, 0),
    'less an address': mov64(4, FRAME_POINTER) + insn(0x1f, 4, 2) + load64(0, 2, 0) + add64(0, 4),
    'less nothing': movImm(4, 0) + insn(0x1f, 2, 4) + insn(0x15, 3, 0, 1, 7) + addImm(2, 0) + load64(0, 2, 0),
  };
  return Object.entries(uses).map(([name, use]) => ({
    name: `address of the lowest of ${bytes} bytes of stack, ${name}`,
    code: load64(3, 1, 16) + rest + lowest + use + EXIT,
    mem: memory(BYTES),
    r0: u64(valueAt(16, 8) + (name === 'less an address' ? BigInt(bytes) : 0n)),
  }));
};

/** The frame pointer is a value like others, which no register holds: twice, as each is a new one. */
const keptFramePointers: Case = {
  name: 'two copies of the frame pointer on the stack',
  code:
    store64(FRAME_POINTER, FRAME_POINTER, -8) +
    store64(FRAME_POINTER, FRAME_POINTER, -16) +
    load64(2, FRAME_POINTER, -8) +
    load64(3, 1, 16) +
    store64(2, 3, -24) +
    load64(4, FRAME_POINTER, -16) +
    load64(0, 4, -24) +
    EXIT,
  mem: memory(BYTES),
  r0: valueAt(16, 8),
};

export const memoryCases = (): Case[] => [
  ...(['b', 'h', 'w', 'dw'] as const).flatMap((size) => [...loads(size), ...stores(size)]),
  ...(['b', 'h', 'w'] as const).flatMap(signedLoads),
  ...[true, false].flatMap(atomics),
  atomicBetweenSums(1),
  atomicBetweenSums(5),
  ...copies(),
  ...lowestSlots(16),
  ...lowestSlots(512),
  keptFramePointers,
];
