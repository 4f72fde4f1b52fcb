/** Random C as clang compiles it, at any level and for any version, in files that the fuzzers in C read (test/jit/emulator/given.h). */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CompileError, compileModule, loadFunctions, type ModuleProgram } from '../../ebpf/index.ts';
import { Random } from '../../ebpf/random.ts';
import { FRAME_BYTES, MEMORY_BYTES } from './c-scope.ts';
import { MAPS, sourceText } from './c-source.ts';

/** C functions of a batch; each seed is a batch. */
const FUNCTIONS = 120;
/** PROGRAM_MAX of the oracle. */
const MOST_SLOTS = 1024;
const SLOT_BYTES = 8;

const LEVELS = ['-O1', '-O2', '-O3', '-Os'];
export const CPUS = ['v1', 'v2', 'v3', 'v4'] as const;

/** Nothing is turned into a call that this target lacks, or into numbers of 128 bits; and the verifier refuses by itself what is too deep. */
const ALL_COMPILES = ['-fno-builtin', '-mllvm', '-replexitval=never', '-mllvm', '-bpf-stack-size=4096'];

/** Batches that clang may refuse one after the other, for arithmetic that its BPF target lacks. */
const MOST_REFUSED = 10;

/** RFC 9669 §5.4: `dst = imm64` whose src says that the constant is a map, by its number. */
const LOAD_IMMEDIATE = 0x18;
const IS_MAP = [1, 2];

/** The code with maps numbered as they stand in `names`; a program's own are in the order in which it uses them. Of one that is not there nobody knows. */
export const withNumbersOfMaps = ({ code, maps }: ModuleProgram, names: readonly string[]): Uint8Array => {
  const changed = new DataView(code.slice().buffer);
  for (let at = 0; at < code.length; at += SLOT_BYTES) {
    if (changed.getUint8(at) !== LOAD_IMMEDIATE) continue;
    const number = names.indexOf(maps[changed.getInt32(at + 4, true)]?.name ?? '');
    if (IS_MAP.includes(changed.getUint8(at + 1) >> 4)) changed.setInt32(at + 4, number, true);
    at += SLOT_BYTES;
  }
  return new Uint8Array(changed.buffer);
};

const record = (program: ModuleProgram): Uint8Array => {
  const header = new DataView(new ArrayBuffer(SLOT_BYTES));
  header.setUint32(0, program.code.length / SLOT_BYTES, true);
  header.setUint16(4, program.hook === 'packet' ? FRAME_BYTES : MEMORY_BYTES, true);
  header.setUint16(6, program.hookId, true);
  return Buffer.concat([new Uint8Array(header.buffer), withNumbersOfMaps(program, MAPS)]);
};

export type Batch = { readonly path: string; readonly count: number; readonly seed: number };

/** The programs of a C file, which is kept in a folder, compiled at any level. @throws CompileError */
export const clangPrograms = async (
  text: string,
  cpu: (typeof CPUS)[number],
  random: Random,
  folder: string,
  signal?: AbortSignal,
): Promise<ModuleProgram[]> => {
  mkdirSync(folder, { recursive: true });
  const source = join(folder, 'programs.c');
  writeFileSync(source, text);
  const level = [random.pick(LEVELS), '-Wno-everything', ...ALL_COMPILES];
  const object = await compileModule(source, { cpu, arguments: level, signal });
  return loadFunctions(object).flatMap((f) => ('program' in f ? [f.program] : []));
};

/** Writes the programs of a seed to a file in a folder. @throws CompileError */
const compiledPrograms = async (seed: number, folder: string, signal?: AbortSignal): Promise<Batch> => {
  const random = new Random(seed);
  const cpu = random.pick(CPUS);
  const all = await clangPrograms(
    sourceText(random, FUNCTIONS, { atomics: cpu > 'v2', calls: random.pick([0, 0, 20, 40]) }),
    cpu,
    random,
    folder,
    signal,
  );
  const programs = all.filter(({ code }) => code.length <= MOST_SLOTS * SLOT_BYTES);
  const path = join(folder, 'programs');
  writeFileSync(path, Buffer.concat(programs.map(record)));
  return { path, count: programs.length, seed };
};

/** What is made of this seed or, where clang refuses that, of the next that it takes. @throws CompileError */
export const firstTaken = async <T>(from: number, make: (seed: number) => Promise<T>): Promise<T> => {
  for (let seed = from; ; seed++)
    try {
      return await make(seed);
    } catch (error) {
      if (!(error instanceof CompileError) || seed - from >= MOST_REFUSED) throw error;
    }
};

/** @throws CompileError */
export const nextBatch = (from: number, folder: string, signal?: AbortSignal): Promise<Batch> =>
  firstTaken(from, (seed) => compiledPrograms(seed, folder, signal));
