/** Windows of real code: C compiled by clang at several levels and for several versions of the instruction set. */
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type CompileOptions, compileModule, loadFunctions } from '../../ebpf/index.ts';
import { optimise } from '../../ebpf/optimiser/index.ts';
import type { Random } from '../../ebpf/random.ts';
import { spell } from '../window/canonical.ts';
import { type Window, windowsOf } from '../window/window.ts';
import { sourceText } from './c-source.ts';

const MODULES = fileURLToPath(new URL('../../modules', import.meta.url));

type Variant = { readonly level: string; readonly cpu: NonNullable<CompileOptions['cpu']> };

const LEVELS = ['-O1', '-O2', '-Os'];
const CPUS = ['v1', 'v2', 'v3', 'v4'] as const;
const variants: readonly Variant[] = LEVELS.flatMap((level) => CPUS.map((cpu) => ({ level, cpu })));

const FUNCTIONS = 60;
/** Room is left for what families add. */
const LONGEST = 10;
const STRIDE = 4;
const UNROLLINGS = ['loop-unrolling', 'partial-unrolling'];

/** The program after the rewrite rules: what they find, the model need not learn. */
const tidied = (code: Uint8Array): Uint8Array => {
  try {
    return optimise(code, { without: UNROLLINGS })[0]?.code ?? code;
  } catch (error) {
    if (error instanceof RangeError) return code;
    throw error;
  }
};

/** -O1 and -Os come after the -O2 that compileModule passes, and win. */
const programsOf = async (path: string, { level, cpu }: Variant): Promise<Uint8Array[]> => {
  const object = await compileModule(path, { cpu, arguments: [level, '-Wno-everything'] });
  return loadFunctions(object).flatMap((f) => ('program' in f ? [f.program.code] : []));
};

const moduleSources = async (): Promise<string[]> =>
  (await readdir(MODULES, { recursive: true })).filter((f) => f.endsWith('.c')).map((f) => join(MODULES, f));

/** @returns windows in canonical spelling, each once. */
export const corpusWindows = async (random: Random, files: number): Promise<Window[]> => {
  const folder = await mkdtemp(join(tmpdir(), 'velocity-corpus-'));
  const seen = new Map<string, Window>();
  const take = (code: Uint8Array) => {
    for (const window of windowsOf(tidied(code), LONGEST, STRIDE)) {
      const { window: spelled } = spell(window);
      seen.set(JSON.stringify(spelled), spelled);
    }
  };
  try {
    const made = await Promise.all(
      Array.from({ length: files }, async (_, i) => {
        const path = join(folder, `programs${i}.c`);
        await writeFile(path, sourceText(random, FUNCTIONS));
        return path;
      }),
    );
    for (const path of [...made, ...(await moduleSources())])
      for (const variant of variants) for (const code of await programsOf(path, variant)) take(code);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return [...seen.values()];
};
