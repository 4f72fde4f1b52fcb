/** Differential runs: whether two programs do the same on many random inputs. Evidence, never a proof. */
import { isDeepStrictEqual } from 'node:util';
import { type ContextField, hooks, mapTypes } from '../../abi/index.ts';
import type { MapDefinition } from '../elf/index.ts';
import { decodeProgram, type Instruction } from '../instruction.ts';
import { frame } from './frames.ts';
import type { Host } from './index.ts';
import { Lookups } from './lookups.ts';
import { arrayKey, type MapState } from './map-state.ts';
import type { Program } from './program.ts';
import { RandomInputs } from './random-inputs.ts';
import type { RunInput, RunResult } from './run.ts';
import { type Sought, soughtBy, typedLine } from './typed-line.ts';

export type CompareOptions = {
  /** Inputs to try. Default 1000. */
  readonly runs?: number;
  /** Start of the random sequence; the same seed gives the same inputs. Default 1. */
  readonly seed?: number;
  /** Hook run: size of the memory. Default 64. */
  readonly memorySize?: number;
  /** Frames to try first, e.g. those of counterexamples. */
  readonly frames?: readonly Uint8Array[];
};

/** How often slots were executed, and A64 instructions of the calls of vector helpers among them. */
export type Visits = { readonly slots: ReadonlyMap<number, number>; readonly vectorInsns: number };

export type Comparison = {
  readonly same: boolean;
  readonly runs: number;
  /** Slots of the new program that some run executed, of how many. */
  readonly covered: number;
  readonly slots: number;
  /** eBPF instructions executed in all runs together, vector helpers by what they execute (`RunResult.executed`). */
  readonly stepsBefore: number;
  readonly stepsAfter: number;
  /** Which slots the runs that record coverage executed, and how often. */
  readonly visitsBefore: Visits;
  readonly visitsAfter: Visits;
  /** The first input on which they differ, and what each made of it. */
  readonly difference?: { readonly input: RunInput; readonly before: RunResult; readonly after: RunResult };
};

/** Runs after which the maps start afresh; until then each run finds what the one before left. */
const SEQUENCE = 8;
/** Every n-th run records coverage and keys, which is slow. */
const OBSERVE_EVERY = 4;

const numbersOf = (instructions: readonly Instruction[]): number[] =>
  instructions.flatMap((o) =>
    'src' in o && typeof o.src === 'object' && o.src?.kind === 'imm' ? [o.src.imm] : [],
  );

const context = (random: RandomInputs, program: Program, hints: readonly number[]) => {
  const fields: readonly ContextField[] = hooks[program.hook].context;
  const value = () =>
    hints.length > 0 && random.below(3) === 0
      ? BigInt(hints[random.below(hints.length)]! + random.below(3) - 1)
      : random.u64() >> BigInt(random.below(64));
  const small = () => BigInt(random.below(4));
  return Object.fromEntries(
    fields.map((f) => [f.name, f.name === 'port' || f.name === 'core' ? small() : value()]),
  );
};

/** Values near the program's own constants make its branches go both ways. */
const mapValue = (random: RandomInputs, size: number, hints: readonly number[]): Uint8Array => {
  const out = Buffer.from(random.bytes(size));
  for (let at = 0; at + 4 <= size && hints.length > 0; at += 4)
    if (random.below(3) === 0)
      out.writeInt32LE((hints[random.below(hints.length)]! + random.below(3) - 1) | 0, at);
  return new Uint8Array(out);
};

/** A map of larger entries begins empty: an object may say gigabytes, which no board has. */
const MOST_BYTES = 2 ** 20;

/** With contents: what is read-only has its own, and the host has taken what was in a ring buffer. */
const mayBegin = ({ flags, type, keySize, valueSize }: MapDefinition) =>
  flags === 0 && type !== mapTypes.ringbuf && keySize + valueSize <= MOST_BYTES;

const mapState = (
  random: RandomInputs,
  m: MapDefinition,
  hints: readonly number[],
  wanted: readonly string[],
): MapState | undefined => {
  if (!mayBegin(m) || random.below(8) === 0) return undefined;
  const count = Math.min(m.maxEntries, 1 + random.below(8));
  const key = (i: number) => {
    if (m.type !== mapTypes.hash) return arrayKey(i);
    if (wanted.length > 0 && random.below(4) !== 0) return wanted[random.below(wanted.length)]!;
    return Buffer.from(random.bytes(m.keySize)).toString('hex');
  };
  return new Map(Array.from({ length: count }, (_, i) => [key(i), mapValue(random, m.valueSize, hints)]));
};

const inputFor = (
  random: RandomInputs,
  program: Program,
  hints: readonly number[],
  sought: readonly Sought[],
  options: CompareOptions,
  run: number,
): RunInput => {
  const fields = context(random, program, hints);
  if (program.hook === 'timer') return { context: fields };
  if (program.hook === 'packet')
    return { context: fields, memory: options.frames?.[run] ?? frame(random, hints) };
  if (program.hook === 'uart_line') {
    const { memory, len } = typedLine(random, sought);
    return { context: { ...fields, len }, memory };
  }
  return { context: fields, memory: random.bytes(options.memorySize ?? 64) };
};

/** Everything that anybody can see of a run; how many instructions it took is not part of it. */
const effects = (r: RunResult) =>
  r.ok ? { r0: r.r0, memory: r.memory, maps: r.maps, log: r.log } : { error: r.error.code };

export type Trial = { readonly input: RunInput; readonly result: RunResult };

/** Counts visits, run by run. */
class Counter implements Visits {
  readonly slots = new Map<number, number>();
  vectorInsns = 0;

  readonly visit = (slot: number): void => void this.slots.set(slot, (this.slots.get(slot) ?? 0) + 1);

  ran(result: RunResult): void {
    if (result.ok) this.vectorInsns += result.vectorInsns;
  }
}

/** A program's inputs and what it makes of them, so that several candidates can be held against it. */
export class Reference {
  readonly #host: Host;
  readonly #program: Program;
  readonly #options: CompareOptions;
  readonly #random: RandomInputs;
  readonly #hints: readonly number[];
  readonly #sought: readonly Sought[];
  readonly #lookups: Lookups;
  readonly #trials: Trial[] = [];
  readonly #visits = new Counter();
  #maps: readonly (MapState | undefined)[] = [];

  /** @param hints constants that inputs should come near, besides the program's own */
  constructor(host: Host, program: Program, options: CompareOptions = {}, hints: readonly number[] = []) {
    this.#host = host;
    this.#program = program;
    this.#options = options;
    this.#random = new RandomInputs(options.seed ?? 1);
    const instructions = decodeProgram(program.code);
    this.#hints = [...new Set([...numbersOf(instructions), ...hints])].slice(0, 64);
    this.#sought = soughtBy(instructions);
    this.#lookups = new Lookups(instructions, program.maps ?? []);
  }

  /** Input i, and what the program makes of it. */
  trial(i: number): Trial {
    for (let n = this.#trials.length; n <= i; n++) this.#trials.push(this.#make(n));
    return this.#trials[i]!;
  }

  #make(i: number): Trial {
    const { maps = [] } = this.#program;
    if (i % SEQUENCE === 0)
      this.#maps = maps.map((m, k) => mapState(this.#random, m, this.#hints, this.#lookups.keys(k)));
    const input: RunInput = {
      ...inputFor(this.#random, this.#program, this.#hints, this.#sought, this.#options, i),
      maps: this.#maps,
    };
    const watched = i % OBSERVE_EVERY === 0;
    const observe: RunInput['observe'] = (slot, regs, read) => {
      this.#visits.visit(slot);
      this.#lookups.observe(slot, regs, read);
    };
    const result = this.#host.run(this.#program, watched ? { ...input, observe } : input);
    if (watched) this.#visits.ran(result);
    if (result.ok) this.#maps = result.maps.map((state, k) => (mayBegin(maps[k]!) ? state : undefined));
    return { input, result };
  }

  /** Stops at the first difference. */
  compare(after: Program): Comparison {
    const runs = this.#options.runs ?? 1000;
    const visits = new Counter();
    const total = { before: 0, after: 0 };
    const summary = (done: number) => ({
      runs: done,
      covered: visits.slots.size,
      slots: decodeProgram(after.code).length,
      stepsBefore: total.before,
      stepsAfter: total.after,
      visitsBefore: this.#visits,
      visitsAfter: visits,
    });
    for (let i = 0; i < runs; i++) {
      const { input, result } = this.trial(i);
      const watched = i % OBSERVE_EVERY === 0;
      const other = this.#host.run(after, watched ? { ...input, observe: visits.visit } : input);
      if (result.ok) total.before += result.executed;
      if (other.ok) total.after += other.executed;
      if (watched) visits.ran(other);
      if (!isDeepStrictEqual(effects(result), effects(other)))
        return { same: false, ...summary(i + 1), difference: { input, before: result, after: other } };
    }
    return { same: true, ...summary(runs) };
  }
}

/**
 * Runs both programs on the same random contexts, memory, maps, times and random numbers; stops at the first difference.
 * Both must have the same hook and maps, and be accepted by the verifier.
 */
export const comparePrograms = (
  host: Host,
  before: Program,
  after: Program,
  options: CompareOptions = {},
): Comparison => new Reference(host, before, options, numbersOf(decodeProgram(after.code))).compare(after);
