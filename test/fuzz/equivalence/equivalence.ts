/**
 * Random C through clang, and what the prover says of it: of each program's ends, of the same source compiled otherwise, of careless
 * and rare mutants, and of what optimiser and vectoriser make of it. Runs in the interpreter show where that is wrong.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hooks } from '../../../abi/index.ts';
import { type Host, loadHost, type ModuleProgram, Reference } from '../../../ebpf/index.ts';
import { applyRule, optimise } from '../../../ebpf/optimiser/index.ts';
import { mutant, stopSolver } from '../../../ebpf/prover/index.ts';
import { Random } from '../../../ebpf/random.ts';
import { vectorise } from '../../../ebpf/vectoriser/index.ts';
import type { RunInput } from '../../../ebpf/wasm/index.ts';
import { root } from '../../../firmware/index.ts';
import { loopSource } from '../c-loops.ts';
import { CPUS, clangPrograms, firstTaken, withNumbersOfMaps } from '../c-programs.ts';
import { sourceText } from '../c-source.ts';
import type { Finding, Limit } from '../fuzz.ts';
import { judgePair, sizeOf } from './pair.ts';
import { rareMutant } from './rare.ts';
import { endsOf, unsaid } from './summary.ts';

export type EquivalenceTarget = { readonly name: string; readonly doc: string; readonly proofs: true };

export const equivalenceTargets: readonly EquivalenceTarget[] = [
  {
    name: 'equivalence',
    doc: 'random C, as clang compiles it, beside other levels, mutants, optimiser and vectoriser: what is proven equivalent does the same',
    proofs: true,
  },
];

/** C functions of a batch; each seed is a batch. */
const FUNCTIONS = 24;
/** Longer ones take more than their share of the time. */
const MOST_SLOTS = 300;
const SLOT_BYTES = 8;
const INPUTS = 24;
/** Of those, on which the ends are evaluated. */
const EVALUATED = 6;
const MUTANTS = 2;
/** The verifier refuses most that touch addresses. */
const MUTANT_TRIES = 8;
const PROOF_MS = 300;
const SEARCH_MS = 300;

const folder = join(root, 'build/fuzz/equivalence');

const KINDS = [
  'inlined',
  'compiled otherwise',
  'careless mutant',
  'rare mutant',
  'optimised',
  'vectorised',
] as const;
type Kind = (typeof KINDS)[number];
type Candidate = { readonly kind: Kind; readonly code: Uint8Array };

type Counts = {
  seed: number;
  next_seed: number;
  /** Programs that the verifier accepts, those whose ends are known, and runs that were held against these. */
  programs: number;
  followed: number;
  evaluated: number;
  pairs: number;
  proven: number;
  different: number;
  undecided: number;
  /** Of pairs of which a run shows a difference. */
  shown: number;
  shown_undecided: number;
};

const counted = (n: number) => n.toLocaleString('en');

const summaryOf = (c: Counts): string =>
  [
    `${counted(c.pairs)} pairs, seeds ${c.seed} to ${c.next_seed - 1}`,
    `${counted(c.proven)} proven, ${counted(c.different)} different, ${counted(c.undecided)} undecided`,
    `of ${counted(c.shown)} that runs tell apart ${counted(c.shown_undecided)} undecided`,
    `${counted(c.followed)} of ${counted(c.programs)} programs followed to their ends, ${counted(c.evaluated)} runs end there`,
  ].join(', ');

/** A run of what may execute more than its hook allows would end in the middle. */
const accepts = (host: Host, program: ModuleProgram): boolean => {
  const verdict = host.verify(program, sizeOf(program));
  return verdict.ok && verdict.bound <= hooks[program.hook].budget;
};

/** One program under way. */
class Trial {
  readonly #host: Host;
  readonly #program: ModuleProgram;
  readonly #random: Random;
  readonly #inputs: readonly RunInput[];

  constructor(host: Host, program: ModuleProgram, random: Random) {
    this.#host = host;
    this.#program = program;
    this.#random = random;
    const reference = new Reference(host, program, { ...sizeOf(program), seed: random.next() });
    this.#inputs = Array.from({ length: INPUTS }, (_, i) => reference.trial(i).input);
  }

  accepts(code: Uint8Array): boolean {
    return accepts(this.#host, { ...this.#program, code });
  }

  /** What a run shows that the prover's terms do not say. */
  ends(counts: Counts): string | undefined {
    const ends = endsOf(this.#program);
    if (!ends) return undefined;
    counts.followed++;
    for (const input of this.#inputs.slice(0, EVALUATED)) {
      counts.evaluated++;
      const wrong = unsaid(this.#host, this.#program, ends, input);
      if (wrong) return wrong;
    }
    return undefined;
  }

  *candidates(otherwise: ModuleProgram | undefined): Generator<Candidate> {
    const { code, maps } = this.#program;
    const inlined = applyRule(code, 'inlining', { maps });
    if (inlined) yield { kind: 'inlined', code: inlined };
    const names = maps.map(({ name }) => name);
    if (otherwise && otherwise.code.length <= MOST_SLOTS * SLOT_BYTES)
      yield { kind: 'compiled otherwise', code: withNumbersOfMaps(otherwise, names) };
    const check = (made: Uint8Array) => this.accepts(made);
    const lifted = vectorise(code, { context: { maps }, check });
    for (const made of lifted) yield { kind: 'vectorised', code: made.code };
    const optimised = optimise(code, { maps, timeMs: SEARCH_MS, check });
    for (const made of new Set([optimised[0], optimised.at(-1)]))
      if (made) yield { kind: 'optimised', code: made.code };
    yield* this.#mutants(lifted[0]?.code ?? code);
  }

  *#mutants(code: Uint8Array): Generator<Candidate> {
    for (let n = 0; n < MUTANTS; n++) {
      const careless = this.#accepted(() => mutant(code, this.#random)?.code);
      if (careless) yield { kind: 'careless mutant', code: careless };
      const input = this.#random.pick(this.#inputs);
      const rare = this.#accepted(() => rareMutant(this.#host, this.#program, input, this.#random));
      if (rare) yield { kind: 'rare mutant', code: rare };
    }
  }

  #accepted(make: () => Uint8Array | undefined): Uint8Array | undefined {
    for (let tries = 0; tries < MUTANT_TRIES; tries++) {
      const code = make();
      if (code && this.accepts(code)) return code;
    }
    return undefined;
  }

  /** What is wrong with the verdict on a candidate. */
  async judge(code: Uint8Array, counts: Counts): Promise<string | undefined> {
    const { proof, shown, complaint } = await judgePair(
      this.#host,
      this.#program,
      code,
      this.#inputs,
      PROOF_MS,
    );
    const verdict = proof.verdict === 'unknown' ? 'undecided' : proof.verdict;
    counts.pairs++;
    counts[verdict]++;
    if (shown === undefined) return complaint;
    counts.shown++;
    if (verdict === 'undecided') counts.shown_undecided++;
    return complaint;
  }
}

type Batch = {
  readonly one: readonly ModuleProgram[];
  readonly other: readonly ModuleProgram[];
  readonly seed: number;
};

/** A source compiled in two ways. */
const compiledTwice = async (seed: number, signal?: AbortSignal): Promise<Batch> => {
  const random = new Random(seed);
  const [cpu, second] = [random.pick(CPUS), random.pick(CPUS)];
  const atomics = cpu > 'v2' && second > 'v2';
  const outside = {
    ...{ atomics, percpu: random.once(3), globals: random.once(2), legacy: random.once(2) },
    calls: random.pick([0, 20, 40]),
    lines: true,
  };
  const text = random.once(3) ? loopSource(random, FUNCTIONS) : sourceText(random, FUNCTIONS, outside);
  const one = await clangPrograms(text, cpu, random, folder, signal);
  return { one, other: await clangPrograms(text, second, random, folder, signal), seed };
};

/** Both programs are kept, for who looks into it. */
const reportOf = (what: string, seed: number, program: ModuleProgram, code: Uint8Array): string => {
  const [before, after] = ['before', 'after'].map((name) => join(folder, name));
  writeFileSync(before!, program.code);
  writeFileSync(after!, code);
  return `seed ${seed}, ${program.name}: ${what}\nprograms: ${before} and ${after}\nagain: velocity fuzz --target equivalence --seconds 1 --seed ${seed}`;
};

/** What is wrong with one program of a batch; `isOver` ends it early. */
const tried = async (
  host: Host,
  { one, other, seed }: Batch,
  n: number,
  counts: Counts,
  isOver: () => boolean,
): Promise<string | undefined> => {
  const program = one[n]!;
  if (program.code.length > MOST_SLOTS * SLOT_BYTES) return undefined;
  if (!accepts(host, program)) return undefined;
  counts.programs++;
  const trial = new Trial(host, program, new Random(seed * FUNCTIONS + n));
  const wrong = trial.ends(counts);
  if (wrong) return reportOf(wrong, seed, program, program.code);
  for (const { kind, code } of trial.candidates(other.find(({ name }) => name === program.name))) {
    if (isOver()) return undefined;
    if (!trial.accepts(code)) continue;
    const complaint = await trial.judge(code, counts);
    if (complaint) return reportOf(`what is ${kind} ${complaint}`, seed, program, code);
  }
  return undefined;
};

/** Ends at a limit, at the first finding, or by `signal`; `limit.runs` are pairs. */
export const fuzzEquivalence = async (
  target: EquivalenceTarget,
  limit: Limit,
  signal?: AbortSignal,
  say: (line: string) => void = () => {},
): Promise<Finding> => {
  const host = await loadHost();
  const first = limit.seed ?? 1;
  const most = limit.runs ?? Number.POSITIVE_INFINITY;
  const end =
    performance.now() + 1000 * (limit.runs === undefined ? (limit.seconds ?? 0) : Number.POSITIVE_INFINITY);
  const counts: Counts = {
    ...{ seed: first, next_seed: first, programs: 0, followed: 0, evaluated: 0, pairs: 0 },
    ...{ proven: 0, different: 0, undecided: 0, shown: 0, shown_undecided: 0 },
  };
  const isOver = () => counts.pairs >= most || performance.now() > end || signal?.aborted === true;
  let report = '';
  try {
    do {
      const batch = await firstTaken(counts.next_seed, (seed) => compiledTwice(seed, signal));
      counts.next_seed = batch.seed + 1;
      for (let n = 0; n < batch.one.length && report === '' && !isOver(); n++)
        report = (await tried(host, batch, n, counts, isOver)) ?? '';
      say(`${target.name}: ${summaryOf(counts)}`);
    } while (report === '' && !isOver());
  } catch (error) {
    if (!signal?.aborted) throw error;
  } finally {
    stopSolver();
  }
  const features = [counts.proven, counts.different, counts.undecided].filter((n) => n > 0).length;
  const ok = report === '';
  return {
    target: target.name,
    ok,
    runs: counts.pairs,
    features,
    report,
    summary: summaryOf(counts),
    details: { ...counts },
  };
};
