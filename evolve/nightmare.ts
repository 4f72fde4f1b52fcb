/** Searches for the input that makes a module work hardest, or fail: how near it comes to its proven bound, and to its hook's budget. */
import { hooks } from '../abi/index.ts';
import {
  decodeProgram,
  type Host,
  loadHost,
  type ModuleProgram,
  Reference,
  type RunInput,
  type RunResult,
} from '../ebpf/index.ts';
import { Random } from '../ebpf/random.ts';

export type NightmareOptions = {
  /** Runs in all; the first quarter of them random, the others changes of the worst. Default 2,000. */
  readonly runs?: number;
  /** Default 1. */
  readonly seed?: number;
  readonly signal?: AbortSignal;
};

export type Nightmare = {
  readonly runs: number;
  /** Proven: no run executes more. */
  readonly bound: number;
  readonly budget: number;
  /** Instructions of the hardest run, vector helpers by their bounds, and of the mean random one. */
  readonly worst: number;
  readonly mean: number;
  readonly input: RunInput;
  /** An input that ends in an error: of a verified module, there should be none. */
  readonly fault?: { readonly input: RunInput; readonly code: string };
  /** What to do about it, in a sentence. */
  readonly advice: string;
};

const BYTES = [0, 1, 0x7f, 0x80, 0xff] as const;

/** Constants of the program: what its branches compare with. */
const hintsOf = (program: ModuleProgram): readonly number[] =>
  decodeProgram(program.code).flatMap((o) =>
    'src' in o && typeof o.src === 'object' && o.src?.kind === 'imm'
      ? [o.src.imm & 255, (o.src.imm >> 8) & 255]
      : [],
  );

/** A few bytes changed, or a piece copied to another place. */
const changedBytes = (bytes: Uint8Array, hints: readonly number[], random: Random): Uint8Array => {
  if (bytes.length === 0) return bytes;
  const out = bytes.slice();
  if (random.below(4) === 0) {
    const from = random.below(out.length);
    out.copyWithin(random.below(out.length), from, Math.min(out.length, from + 1 + random.below(16)));
    return out;
  }
  for (let n = 1 + random.below(4); n > 0; n--)
    out[random.below(out.length)] =
      random.below(3) === 0 ? random.below(256) : hints[random.below(hints.length)]!;
  return out;
};

/** An input near this one. */
const near = (input: RunInput, hints: readonly number[], random: Random): RunInput => {
  const maps = (input.maps ?? []).map(
    (m) =>
      m &&
      new Map(
        [...m].map(([key, value]) => [
          key,
          random.below(2) === 0 ? value : changedBytes(value, hints, random),
        ]),
      ),
  );
  const context = Object.fromEntries(
    Object.entries(input.context ?? {}).map(([name, v]) => [
      name,
      random.below(3) === 0 ? BigInt(random.below(2 ** 31)) : v,
    ]),
  );
  const { memory } = input;
  return { ...input, maps, context, ...(memory ? { memory: changedBytes(memory, hints, random) } : {}) };
};

const costOf = (r: RunResult): number => (r.ok ? r.executed : r.steps);

/** Above this share of its budget, a module leaves little room. */
const CLOSE = 0.8;

const adviceFor = (bound: number, budget: number, worst: number): string => {
  if (worst > budget * CLOSE)
    return `an input takes ${worst} of the budget of ${budget}: leave early on inputs like it, e.g. above a length, before the loop that it keeps turning`;
  if (bound > budget)
    return `the bound of ${bound} is above the budget of ${budget}: the board will refuse it`;
  if (worst * 2 < bound)
    return `no input found comes near the bound of ${bound}: bound the loops by what can really come, and more modules fit the hook`;
  return 'nothing to do: it comes near its bound, and that fits its budget';
};

class Search {
  worst = -1;
  input: RunInput = {};
  fault: Nightmare['fault'];
  runs = 0;
  readonly #host: Host;
  readonly #program: ModuleProgram;

  constructor(host: Host, program: ModuleProgram) {
    this.#host = host;
    this.#program = program;
  }

  look(input: RunInput, result: RunResult): number {
    const cost = costOf(result);
    this.runs++;
    if (!result.ok) this.fault ??= { input, code: result.error.code };
    if (cost >= this.worst) [this.worst, this.input] = [cost, input];
    return cost;
  }

  run(input: RunInput): number {
    return this.look(input, this.#host.run(this.#program, input));
  }
}

/** @param program must have passed the verifier; its bound is what runs are held against. @throws Error when it has not */
export const nightmare = async (
  program: ModuleProgram,
  { runs = 2000, seed = 1, signal }: NightmareOptions = {},
): Promise<Nightmare> => {
  const host = await loadHost();
  const verdict = host.verify(program);
  if (!verdict.ok) throw new Error(`${program.name} is refused by the verifier: ${verdict.error.message}`);
  const reference = new Reference(host, program, { seed });
  const random = new Random(seed);
  const hints = [...BYTES, ...hintsOf(program)];
  const search = new Search(host, program);
  const first = Math.max(1, Math.floor(runs / 4));
  let sum = 0;
  for (let i = 0; i < first; i++) {
    const { input, result } = reference.trial(i);
    sum += search.look(input, result);
  }
  while (search.runs < runs && !signal?.aborted) search.run(near(search.input, hints, random));
  const { budget } = hooks[program.hook];
  const { bound } = verdict;
  return {
    runs: search.runs,
    bound,
    budget,
    worst: search.worst,
    mean: sum / first,
    input: search.input,
    ...(search.fault ? { fault: search.fault } : {}),
    advice: adviceFor(bound, budget, search.worst),
  };
};
