import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import type { ProfileSample } from '../../abi/index.ts';
import { disassemble, type ModuleProgram } from '../../ebpf/index.ts';
import { functionsAt, paths, readSymbols } from '../../firmware/index.ts';
import { chosenKey, type SigningKey } from '../../firmware/sign.ts';
import { writePieces } from '../../firmware/write.ts';
import type { ModuleInfo, VelocityLink } from '../../link/index.ts';
import { flameGraph, folded, type Places, pprof, type Stack, stacksOf } from '../../monitor/index.ts';
import { finished } from '../cleanup.ts';
import { boardOptionsOf, withLink } from '../connect.ts';
import type { Context } from '../context.ts';
import { readProgram } from '../module-file.ts';
import { wholeNumber } from '../numbers.ts';
import { versionWith } from '../optimising.ts';

type ProfileOptions = {
  readonly seconds: number;
  readonly every: number;
  readonly module: readonly string[];
  readonly elf?: string;
  readonly idle?: boolean;
  readonly svg?: string;
  readonly folded?: string;
  readonly pprof?: string;
};

type Taken = {
  readonly samples: ProfileSample[];
  readonly elapsed_ns: number;
  readonly lost: number;
  readonly modules: ReadonlyMap<number, ModuleInfo>;
  /** What ended it before its time; undefined when nothing did. */
  readonly broken: unknown;
};

const POLL_MS = 50;
const HOTTEST = 15;

/** The board samples no more, and nobody told it so. */
class EndedError extends Error {
  readonly code = 'failed';
  readonly hint = 'ask `velocity events` whether it restarted; try again';
  constructor(board: string) {
    super(`${board} ended the sampling: it restarted, or what it took was not read in time`);
    this.name = 'EndedError';
  }
}

/** Samples for so long, or until that is cut off, and leaves the board without sampling. What went wrong meanwhile comes with what was taken. */
const takeSamples = async (
  link: VelocityLink,
  { seconds, every }: ProfileOptions,
  signal: AbortSignal,
): Promise<Taken> => {
  const modules = new Map((await link.report()).modules.map((module) => [module.id, module]));
  const begin = await link.profile(every);
  const samples: ProfileSample[] = [];
  const until = performance.now() + seconds * 1000;
  let last = begin;
  const read = async (more?: number) => {
    const taken = await link.profile(more);
    samples.push(...taken.samples);
    if (more === undefined && taken.every === 0) throw new EndedError(link.describe());
    last = taken;
  };
  const work = async () => {
    while (performance.now() < until && !signal.aborted) {
      await sleep(POLL_MS, undefined, { signal }).catch(() => {});
      await read();
    }
    await read(0);
  };
  const broken = await work().then(
    () => undefined,
    (error: unknown) => error,
  );
  return {
    samples,
    elapsed_ns: Number(last.time_ns - begin.time_ns),
    lost: Number(last.lost - begin.lost),
    modules,
    broken,
  };
};

/** Symbols of another build would name the wrong functions. */
const kernelPlaces = (build: string, elf: string, samples: readonly ProfileSample[]) => {
  const offsets = [
    ...new Set(samples.flatMap(({ frames }) => frames.map((at, i) => (i === 0 ? at : at - 4)))),
  ];
  const symbols = existsSync(elf) ? readSymbols(elf) : undefined;
  if (symbols?.buildId !== build) return undefined;
  return functionsAt(elf, symbols, offsets);
};

const insnTexts = ({ code, lines }: ModuleProgram): Map<number, string> =>
  new Map(
    disassemble(code, { helperNames: true }).map(({ slot, text }) => {
      const line = lines?.[slot];
      return [slot, line ? `${line.file.split('/').at(-1)}:${line.line} ${text}` : `${slot}: ${text}`];
    }),
  );

/** Sources or objects that modules came from, by the name of the module: the program's, or the file's. */
const programsOf = async (
  { module: files }: ProfileOptions,
  running: readonly ModuleInfo[],
  key: SigningKey,
): Promise<Map<string, Map<number, string>>> => {
  const found = new Map<string, Map<number, string>>();
  for (const file of files) {
    const given = await readProgram(file);
    const sha = running.find(({ name }) => name === given.name)?.sha;
    const program = (sha && (await versionWith(given, sha, key))) ?? given;
    found.set(program.name, insnTexts(program));
  }
  return found;
};

const placesFor = async (
  build: string,
  { samples, modules }: Taken,
  options: ProfileOptions,
  key: SigningKey,
) => {
  const { elf = paths.elf } = options;
  const kernel = kernelPlaces(build, elf, samples);
  const programs = await programsOf(options, [...modules.values()], key);
  const nameOf = (id: number) => modules.get(id)?.name ?? `module ${id}`;
  const places: Places = {
    module: (id, version) => `${nameOf(id)} v${version}`,
    insn: (id, _version, insn) => programs.get(nameOf(id))?.get(insn) ?? `instruction ${insn}`,
    kernel: (offset) => kernel?.get(offset) ?? [`image+0x${offset.toString(16)}`],
  };
  return {
    places,
    remark: kernel ? '' : `${elf} is not the build that runs: addresses instead of names`,
  };
};

const write = (path: string | undefined, contents: () => string | Buffer) => {
  if (path !== undefined) writePieces(path, (out) => out(Buffer.from(contents())));
};

const share = (ns: number, total: number) => (total > 0 ? ns / total : 0);

const tell = (
  { output }: Context,
  stacks: readonly Stack[],
  idle_ns: number,
  { samples, elapsed_ns, lost }: Taken,
  remark: string,
) => {
  const total = stacks.reduce((sum, { ns }) => sum + ns, 0);
  output.fact(
    {
      event: 'profile',
      samples: samples.length,
      lost,
      seconds: elapsed_ns / 1e9,
      busy_ns: Math.round(total),
      idle_ns: Math.round(idle_ns),
    },
    `${samples.length} samples in ${(elapsed_ns / 1e9).toFixed(2)} s of board time, ${lost} lost; cores were idle for ${(share(idle_ns, idle_ns + total) * 100).toFixed(1)} %`,
  );
  for (const { frames, ns } of stacks.slice(0, HOTTEST))
    output.fact(
      { event: 'stack', frames, ns: Math.round(ns), share: share(ns, total) },
      `${(share(ns, total) * 100).toFixed(1).padStart(6)} %  ${frames.join(' > ')}`,
    );
  if (remark) output.progress(remark);
};

const profile = async (
  context: Context,
  link: VelocityLink,
  options: ProfileOptions,
  key: SigningKey,
): Promise<void> => {
  const { build, board } = await link.info();
  const taken = await takeSamples(link, options, context.cleanup.signal);
  if (taken.broken && taken.samples.length === 0) throw taken.broken;
  const { places, remark } = await placesFor(build, taken, options, key);
  const all = stacksOf(taken.samples, taken.elapsed_ns, places);
  const idle_ns = all.find(({ frames }) => frames[0] === 'idle')?.ns ?? 0;
  const stacks = options.idle ? all : all.filter(({ frames }) => frames[0] !== 'idle');
  write(options.svg, () => flameGraph(stacks, `${board}, ${(taken.elapsed_ns / 1e9).toFixed(2)} s`));
  write(options.folded, () => folded(stacks));
  write(options.pprof, () => pprof(stacks, Date.now(), taken.elapsed_ns));
  tell(context, stacks, idle_ns, taken, remark);
  if (taken.broken) throw taken.broken;
};

const collect = (value: string, before: readonly string[]) => [...before, value];

/** `velocity profile`: where the time of a board goes, down to instructions of modules. */
export const registerProfile = (program: Command, context: Context): void => {
  program
    .command('profile')
    .description('sample what the cores of a board do: kernel functions, and instructions of modules')
    .option('--seconds <n>', 'how long', wholeNumber(1, 3600), 10)
    .option(
      '--every <n>',
      'sample one of so many calls of modules, and of so many interrupts',
      wholeNumber(1, 1_000_000),
      8,
    )
    .option('--svg <file>', 'write a flame graph')
    .option('--folded <file>', 'write folded stacks, for flamegraph.pl and speedscope')
    .option('--pprof <file>', 'write a profile for pprof')
    .option(
      '--module <file>',
      'source or object of a module, to name its instructions and lines; may be given again',
      collect,
      [],
    )
    .option('--elf <file>', 'linked kernel with symbols; default: the one of the last build')
    .option('--idle', 'with the time in which cores sleep')
    .addHelpText(
      'after',
      '\nExample:\n  velocity profile --svg hot.svg --module modules/fir/fir.c --port /dev/ttyUSB0',
    )
    .action((options: ProfileOptions, command: Command) => {
      const board = boardOptionsOf(command);
      return withLink(context, board, (link) =>
        finished(context.cleanup, profile(context, link, options, chosenKey(board.key))),
      );
    });
};
