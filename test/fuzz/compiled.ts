/** C at random through clang, verifier, checker, interpreter and JIT: what a compiler makes of it looks like what users load. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CompileError, compileModule, loadFunctions } from '../../ebpf/index.ts';
import { Random } from '../../ebpf/random.ts';
import { root } from '../../firmware/index.ts';
import { MEMORY_BYTES, sourceText } from './c-source.ts';
import type { Finding, Limit } from './fuzz.ts';
import { type Counts, fuzzPrograms, type ProgramTarget, summaryOf } from './soundness.ts';

export type CompiledTarget = ProgramTarget & { readonly compiler: true };

export const compiledTargets: readonly CompiledTarget[] = [
  {
    name: 'soundness-compiled',
    doc: 'random C, as clang compiles it at any level and for any version: held to the same',
    sanitized: false,
    compiler: true,
  },
];

/** C functions of a batch; each seed is a batch. */
const FUNCTIONS = 120;
/** As each program is tried (oracle/given.h). */
const WAYS = 4;
/** PROGRAM_MAX of the oracle. */
const MOST_SLOTS = 1024;
const SLOT_BYTES = 8;

const folder = join(root, 'build/fuzz/soundness-compiled');

const LEVELS = ['-O1', '-O2', '-O3', '-Os'];
const CPUS = ['v1', 'v2', 'v3', 'v4'] as const;

/** Nothing is turned into a call that this target lacks, or into numbers of 128 bits; and the verifier refuses by itself what is too deep. */
const ALL_COMPILES = ['-fno-builtin', '-mllvm', '-replexitval=never', '-mllvm', '-bpf-stack-size=4096'];

/** Slots, bytes of memory, and code: oracle/given.h. */
const record = (code: Uint8Array): Uint8Array =>
  Buffer.concat(
    [Uint32Array.of(code.length / SLOT_BYTES, MEMORY_BYTES), code].map((part) =>
      Buffer.from(part.buffer, part.byteOffset, part.byteLength),
    ),
  );

/** Batches that clang may refuse one after the other, for arithmetic that its BPF target lacks. */
const MOST_REFUSED = 10;

type Batch = { readonly path: string; readonly count: number };

/** Writes the programs of a seed to a file. @throws CompileError */
const compiledPrograms = async (seed: number): Promise<Batch> => {
  const random = new Random(seed);
  mkdirSync(folder, { recursive: true });
  const source = join(folder, 'programs.c');
  writeFileSync(source, sourceText(random, FUNCTIONS));
  const level = [random.pick(LEVELS), '-Wno-everything', ...ALL_COMPILES];
  const object = await compileModule(source, { cpu: random.pick(CPUS), arguments: level });
  const programs = loadFunctions(object)
    .flatMap((f) => ('program' in f ? [f.program.code] : []))
    .filter((code) => code.length <= MOST_SLOTS * SLOT_BYTES);
  const path = join(folder, 'programs');
  writeFileSync(path, Buffer.concat(programs.map(record)));
  return { path, count: programs.length };
};

const added = (all: Counts, one: Counts): Counts => ({
  seed: all.seed,
  next_seed: one.next_seed,
  accepted: all.accepted + one.accepted,
  certified: all.certified + one.certified,
  damaged_accepted: all.damaged_accepted + one.damaged_accepted,
  states: all.states + one.states,
  compiled: all.compiled + one.compiled,
  compared: all.compared + one.compared,
});

/** Those of this seed or, where clang refuses one, of the next that it takes. */
const nextBatch = async (from: number): Promise<Batch & { readonly seed: number }> => {
  for (let seed = from; ; seed++)
    try {
      return { ...(await compiledPrograms(seed)), seed };
    } catch (error) {
      if (!(error instanceof CompileError) || seed - from >= MOST_REFUSED) throw error;
    }
};

/** Ends at a limit, at the first finding, or by `signal`; `limit.runs` are programs. */
export const fuzzCompiled = async (
  target: CompiledTarget,
  limit: Limit,
  signal?: AbortSignal,
  say: (line: string) => void = () => {},
): Promise<Finding> => {
  const first = limit.seed ?? 1;
  const most = limit.runs ?? Number.POSITIVE_INFINITY;
  const end =
    performance.now() + 1000 * (limit.runs === undefined ? (limit.seconds ?? 0) : Number.POSITIVE_INFINITY);
  let [runs, features] = [0, 0];
  let counts: Counts | undefined;
  for (let next = first; ; ) {
    const { path, count, seed } = await nextBatch(next);
    next = seed + 1;
    const batch = Math.min(count * WAYS, most - runs);
    const found = await fuzzPrograms(target, { runs: batch, seed: 0 }, signal, undefined, path);
    const one = { ...(found.details as Counts), seed: first, next_seed: next };
    counts = counts ? added(counts, one) : one;
    runs += found.runs;
    features = Math.max(features, found.features);
    const summary = summaryOf(runs, counts);
    const finding = { ...found, runs, features, summary, details: counts };
    if (!found.ok) {
      const replay = `again: velocity fuzz --target ${target.name} --runs ${count * WAYS} --seed ${seed}`;
      return { ...finding, report: `${found.report}\n${replay}` };
    }
    say(`${target.name}: ${summary}`);
    if (runs >= most || performance.now() > end || signal?.aborted) return finding;
  }
};
