/** Loops as clang and the rewrite rules leave them, and what does eight bytes a turn in their place: pairs that agree in the kernel's interpreter. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  comparePrograms,
  compileModule,
  type Host,
  loadFunctions,
  loadHost,
  type ModuleProgram,
} from '../../../ebpf/index.ts';
import { optimise } from '../../../ebpf/optimiser/index.ts';
import { Random } from '../../../ebpf/random.ts';
import { loopWindowsOf } from '../../loop/loop.ts';
import { spellLoop, unspellLanes } from '../../loop/spelling.ts';
import { spliceLoop } from '../../loop/splice.ts';
import { loopAnswerOf, loopQuestionOf } from '../../loop/vocabulary.ts';
import type { LoopFamily } from './family.ts';
import { type LoopPair, lanesFor } from './pair.ts';
import { type LoopSource, loopFile, loopSource } from './source.ts';

export type LoopPairOptions = {
  readonly seed: number;
  readonly families: readonly LoopFamily[];
  /** C functions, each compiled in three ways. */
  readonly functions: number;
  readonly isLeftOut: (source: LoopSource) => boolean;
  /** Questions that are not asked again. */
  readonly known: Set<string>;
};

const VARIANTS = ['-O1', '-O2', '-Os'].flatMap((level) =>
  (['v2', 'v3', 'v4'] as const).map((cpu) => ({ level, cpu })),
);
const PER_FILE = 40;
const UNROLLINGS = ['loop-unrolling', 'partial-unrolling'];
const RUNS = 6;

const agrees = (host: Host, program: ModuleProgram, code: Uint8Array): boolean =>
  host.verify({ ...program, code }).ok &&
  comparePrograms(host, program, { ...program, code }, { runs: RUNS }).same;

const pairOf = (host: Host, program: ModuleProgram, source: LoopSource): LoopPair | undefined => {
  const [window, more] = loopWindowsOf(program.code);
  if (!window || more) return undefined;
  const spelling = spellLoop(window);
  const lanes = lanesFor(window, spelling, source);
  if (!lanes || !agrees(host, program, spliceLoop(window, unspellLanes(spelling, lanes)))) return undefined;
  const question = loopQuestionOf(spelling.turn, window.size);
  return { family: source.family.name, program, question, answer: loopAnswerOf(lanes) };
};

/** Undefined as well for what can't be written, e.g. with too many labels. */
const pairIn = (host: Host, program: ModuleProgram, source: LoopSource): LoopPair | undefined => {
  try {
    const [best] = optimise(program.code, { maps: program.maps, without: UNROLLINGS });
    return best && pairOf(host, { ...program, code: best.code }, source);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
};

const sourcesFrom = (random: Random, at: number, { families, isLeftOut }: LoopPairOptions): LoopSource[] => {
  const sources: LoopSource[] = [];
  while (sources.length < PER_FILE) {
    const family = families[(at + sources.length) % families.length]!;
    const source = loopSource(random, family, sources.length);
    if (!isLeftOut(source)) sources.push(source);
  }
  return sources;
};

const fileOfPairs = async (host: Host, path: string, random: Random, sources: readonly LoopSource[]) => {
  const pairs: LoopPair[] = [];
  writeFileSync(path, loopFile(sources));
  for (const { level, cpu } of random.shuffle(VARIANTS).slice(0, 3)) {
    const object = await compileModule(path, { cpu, arguments: [level, '-Wno-everything'] });
    for (const f of loadFunctions(object)) {
      const source = 'program' in f ? sources[Number(f.program.name.slice(1))] : undefined;
      const pair = 'program' in f && source ? pairIn(host, f.program, source) : undefined;
      if (pair) pairs.push(pair);
    }
  }
  return pairs;
};

/** Pairs with different questions. */
export const loopPairs = async (options: LoopPairOptions): Promise<LoopPair[]> => {
  const host = await loadHost();
  const random = new Random(options.seed);
  const folder = mkdtempSync(join(tmpdir(), 'velocity-loops-'));
  const pairs: LoopPair[] = [];
  try {
    for (let at = 0; at < options.functions; at += PER_FILE) {
      const sources = sourcesFrom(random, at, options);
      for (const pair of await fileOfPairs(host, join(folder, `loops${at}.c`), random, sources)) {
        const text = pair.question.join('');
        if (options.known.has(text)) continue;
        options.known.add(text);
        pairs.push(pair);
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return pairs;
};
