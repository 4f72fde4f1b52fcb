/** Differential runs: whether two programs do the same on many random inputs. Evidence, never a proof. */
import { isDeepStrictEqual } from 'node:util';
import { type ContextField, hooks, mapTypes } from '../../abi/index.ts';
import type { MapDefinition } from '../elf/index.ts';
import { decodeProgram, type Instruction } from '../instruction.ts';
import type { Host } from './index.ts';
import { arrayKey, type MapState } from './map-state.ts';
import type { Program } from './program.ts';
import type { RunInput, RunResult } from './run.ts';

export type CompareOptions = {
  /** Inputs to try. Default 1000. */
  readonly runs?: number;
  /** Start of the random sequence; the same seed gives the same inputs. Default 1. */
  readonly seed?: number;
  /** Hook run: size of the memory. Default 64. */
  readonly memorySize?: number;
};

export type Comparison = {
  readonly same: boolean;
  readonly runs: number;
  /** Slots of the new program that some run executed, of how many. */
  readonly covered: number;
  readonly slots: number;
  /** eBPF instructions executed in all runs together. */
  readonly stepsBefore: number;
  readonly stepsAfter: number;
  /** The first input on which they differ, and what each made of it. */
  readonly difference?: { readonly input: RunInput; readonly before: RunResult; readonly after: RunResult };
};

/** Runs after which the maps start afresh; until then each run finds what the one before left. */
const SEQUENCE = 8;
/** Every n-th run records coverage, which is slow. */
const COVERAGE_EVERY = 4;

class Random {
  #state: number;
  constructor(seed: number) {
    this.#state = seed >>> 0 || 1;
  }

  /** xorshift32: 0..limit-1. */
  below(limit: number): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state >>> 0) % limit;
  }

  /** Often a border, as bugs lie there. */
  byte(): number {
    return this.below(3) === 0 ? [0, 1, 0x7f, 0x80, 0xff][this.below(5)]! : this.below(256);
  }

  bytes(size: number): Uint8Array {
    const whole = this.below(8);
    if (whole < 2) return new Uint8Array(size).fill(whole === 0 ? 0 : 0xff);
    return Uint8Array.from({ length: size }, () => this.byte());
  }

  u64(): bigint {
    return Buffer.from(this.bytes(8)).readBigUInt64LE();
  }
}

/** Frames that get past the first checks of a filter: Ethernet, IPv4, UDP or TCP; each header byte wrong now and then. */
const frame = (random: Random): Uint8Array => {
  const out = random.bytes([13, 14, 34, 42, 60, 64, 128][random.below(7)]!);
  const put = (at: number, ...bytes: number[]) => {
    for (const [i, byte] of bytes.entries())
      if (at + i < out.length && random.below(16) !== 0) out[at + i] = byte;
  };
  put(12, 0x08, 0x00, 0x45, 0, 0, out.length - 14);
  put(23, random.below(4) === 0 ? 6 : 17, 0, 0, 10, 0, 0, random.below(3), 10, 0, 0, random.below(3));
  put(34, 0, random.below(4), 0, random.below(4), 0, out.length - 34);
  return out;
};

const numbersOf = (instructions: readonly Instruction[]): number[] =>
  instructions.flatMap((o) =>
    'src' in o && typeof o.src === 'object' && o.src?.kind === 'imm' ? [o.src.imm] : [],
  );

const context = (random: Random, program: Program, hints: readonly number[]) => {
  const fields: readonly ContextField[] = hooks[program.hook].context;
  const value = () =>
    hints.length > 0 && random.below(3) === 0
      ? BigInt(hints[random.below(hints.length)]! + random.below(3) - 1)
      : random.u64() >> BigInt(random.below(64));
  return Object.fromEntries(fields.map((f) => [f.name, value()]));
};

/** Values near the program's own constants make its branches go both ways. */
const mapValue = (random: Random, size: number, hints: readonly number[]): Uint8Array => {
  const out = Buffer.from(random.bytes(size));
  for (let at = 0; at + 4 <= size && hints.length > 0; at += 4)
    if (random.below(3) === 0)
      out.writeInt32LE((hints[random.below(hints.length)]! + random.below(3) - 1) | 0, at);
  return new Uint8Array(out);
};

const mapState = (random: Random, m: MapDefinition, hints: readonly number[]): MapState | undefined => {
  if (m.flags !== 0 || random.below(8) === 0) return undefined;
  const count = Math.min(m.maxEntries, 1 + random.below(8));
  const key = (i: number) =>
    m.type === mapTypes.hash ? Buffer.from(random.bytes(m.keySize)).toString('hex') : arrayKey(i);
  return new Map(Array.from({ length: count }, (_, i) => [key(i), mapValue(random, m.valueSize, hints)]));
};

const inputFor = (
  random: Random,
  program: Program,
  hints: readonly number[],
  options: CompareOptions,
): RunInput => {
  const fields = context(random, program, hints);
  if (program.hook === 'timer') return { context: fields };
  const memory = program.hook === 'packet' ? frame(random) : random.bytes(options.memorySize ?? 64);
  return { context: fields, memory };
};

/** Everything that anybody can see of a run; how many instructions it took is not part of it. */
const effects = (r: RunResult) =>
  r.ok ? { r0: r.r0, memory: r.memory, maps: r.maps, log: r.log } : { error: r.error.code };

const union = (before: Program, after: Program) =>
  [...new Set([before, after].flatMap((p) => numbersOf(decodeProgram(p.code))))].slice(0, 64);

/**
 * Runs both programs on the same random contexts, memory, maps, times and random numbers; stops at the first difference.
 * Both must have the same hook and maps, and be accepted by the verifier.
 */
export const comparePrograms = (
  host: Host,
  before: Program,
  after: Program,
  options: CompareOptions = {},
): Comparison => {
  const random = new Random(options.seed ?? 1);
  const hints = union(before, after);
  const runs = options.runs ?? 1000;
  const seen = new Set<number>();
  const slots = decodeProgram(after.code).length;
  const total = { before: 0, after: 0 };
  let maps: readonly (MapState | undefined)[] = [];
  const summary = (done: number) => ({
    runs: done,
    covered: seen.size,
    slots,
    stepsBefore: total.before,
    stepsAfter: total.after,
  });
  for (let i = 0; i < runs; i++) {
    if (i % SEQUENCE === 0) maps = (before.maps ?? []).map((m) => mapState(random, m, hints));
    const input: RunInput = { ...inputFor(random, before, hints, options), maps };
    const one = host.run(before, input);
    const observe = { observe: (slot: number) => seen.add(slot) };
    const other = host.run(after, i % COVERAGE_EVERY === 0 ? { ...input, ...observe } : input);
    if (one.ok) total.before += one.steps;
    if (other.ok) total.after += other.steps;
    if (!isDeepStrictEqual(effects(one), effects(other)))
      return { same: false, ...summary(i + 1), difference: { input, before: one, after: other } };
    if (one.ok) maps = one.maps.map((state, k) => (before.maps?.[k]?.flags === 0 ? state : undefined));
  }
  return { same: true, ...summary(runs) };
};
