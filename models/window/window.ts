/** Windows: straight pieces of a program, without calls or branches, that a small model can take in whole. */
import { bpf } from '../../abi/index.ts';
import {
  type Alu,
  type ByteSwap,
  encodeProgram,
  type Load,
  type MovSx,
  type Neg,
  type Operation,
  type Store,
  slotsOf,
} from '../../ebpf/instruction.ts';
import { type Code, lift } from '../../ebpf/optimiser/index.ts';
import { liveAfter } from '../../ebpf/optimiser/liveness.ts';
import { registersOf } from '../../ebpf/prover/flow.ts';

/** What windows are made of; anything else ends one. */
export type PlainOperation = Alu | Neg | MovSx | ByteSwap | Load | Store;

export type Window = {
  readonly operations: readonly PlainOperation[];
  /** Bit mask of the registers that the window writes and that are read behind it. */
  readonly liveOut: number;
};

export type PlacedWindow = Window & {
  /** Index of its first instruction among the program's instructions. */
  readonly start: number;
  /** Bit mask of registers that hold something needed across the window, which it may not touch. */
  readonly taken: number;
};

const PLAIN: ReadonlySet<Operation['kind']> = new Set(['alu', 'neg', 'movsx', 'swap', 'load', 'store']);
export const isPlain = (op: Operation): op is PlainOperation => PLAIN.has(op.kind);

export const MAX_WINDOW = 20;
/** Fewer instructions leave nothing to gain that rules would not find. */
export const MIN_WINDOW = 2;
/** Windows of a longer piece overlap by what is left of them, so that no idiom is cut everywhere. */
const STRIDE = 10;

const read = (ops: readonly PlainOperation[]) => {
  let reads = 0;
  let writes = 0;
  for (const op of ops) {
    const effect = registersOf(op);
    reads |= effect.reads;
    writes |= effect.writes;
  }
  return { reads, writes };
};

const windowAt = (code: Code, live: readonly number[], start: number, end: number): PlacedWindow => {
  const operations = code.slice(start, end).map((n) => n.op as PlainOperation);
  const after = live[end - 1]!;
  const { reads, writes } = read(operations);
  return { operations, start, liveOut: after & writes, taken: after & ~(writes | reads) };
};

/** Index ranges of plain instructions that no jump leads into. */
const pieces = (code: Code): [number, number][] => {
  const targets = new Set(code.flatMap((n) => (n.target ? [n.target] : [])));
  const out: [number, number][] = [];
  let start = 0;
  for (let i = 0; i <= code.length; i++) {
    const node = code[i];
    const cut = node === undefined || !isPlain(node.op) || targets.has(node);
    if (!cut) continue;
    if (i - start >= MIN_WINDOW) out.push([start, i]);
    start = node && isPlain(node.op) ? i : i + 1;
  }
  return out;
};

/**
 * Every window of a program, in its order.
 * @throws RangeError when the program holds undefined instructions or jumps outside itself.
 */
export const windowsOf = (program: Uint8Array, longest = MAX_WINDOW, stride = STRIDE): PlacedWindow[] => {
  const code = lift(program);
  const live = liveAfter(code);
  return pieces(code).flatMap(([from, to]) => {
    const out: PlacedWindow[] = [];
    for (let at = from; ; at += stride) {
      const end = Math.min(at + longest, to);
      out.push(windowAt(code, live, at, end));
      if (end === to) return out;
    }
  });
};

/** Bytes of code of some operations. */
export const bytesOf = (ops: readonly PlainOperation[]): Uint8Array => encodeProgram(ops);

export const SLOT_BYTES = bpf.INSN_BYTES;
export const slotsIn = (ops: readonly PlainOperation[]): number => ops.reduce((n, op) => n + slotsOf(op), 0);
