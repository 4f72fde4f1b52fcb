/** Which boards a command means, and what is needed before they start. */
import { existsSync } from 'node:fs';
import { relative } from 'node:path';
import type { Board } from '../../boards/index.ts';
import { findTool, paths } from '../../firmware/index.ts';
import { defaultBench, type RigBoard, readBench, unavailableReason } from '../../rig/index.ts';
import { UsageError } from '../failure.ts';
import { installTools } from '../system-packages.ts';
import { buildFor, type Say } from '../virtual.ts';
import type { Images } from './session.ts';

export type BenchOptions = {
  readonly bench?: string;
  /** Names in the bench file. */
  readonly boards?: readonly string[];
  readonly twins?: boolean;
};

const FILES = ['velocity-bench.yaml', 'velocity-bench.yml'];
const BUILT_IN = 'the emulated boards';

export type ChosenBench = {
  /** The bench file, or a word for the one that holds without. */
  readonly from: string;
  readonly entries: readonly RigBoard[];
};

/** The bench file that is named, else the one of this folder, else every emulated board. @throws BenchFileError */
export const findBench = ({ bench }: BenchOptions): ChosenBench => {
  const path = bench ?? FILES.find((name) => existsSync(name));
  return path === undefined
    ? { from: BUILT_IN, entries: defaultBench() }
    : { from: relative('.', path) || path, entries: readBench(path) };
};

/** A board's name means its twin too, unless twins are not wanted. */
const isMeant = ({ name, twinOf }: RigBoard, wanted: string) => name === wanted || twinOf === wanted;

/** @throws BenchFileError, UsageError */
export const chooseBoards = (options: BenchOptions): ChosenBench => {
  const { from, entries } = findBench(options);
  const { boards = [], twins = true } = options;
  const possible = twins ? entries : entries.filter(({ twinOf }) => twinOf === undefined);
  for (const wanted of boards) {
    if (possible.some((entry) => isMeant(entry, wanted))) continue;
    throw new UsageError(
      `there is no board ${wanted}`,
      `${from}: ${possible.map(({ name }) => name).join(', ')}`,
    );
  }
  return {
    from,
    entries:
      boards.length === 0
        ? possible
        : possible.filter((entry) => boards.some((wanted) => isMeant(entry, wanted))),
  };
};

/** Why this entry cannot be used here; undefined when it can. */
export const whyUnusable = (entry: RigBoard): string | undefined =>
  entry.kind === 'emulated' ? unavailableReason(entry.board, findTool('qemu')) : undefined;

/** Builds the kernel once, and the device tree of each board that needs one. */
export const buildImages = async (boards: readonly Board[], say: Say): Promise<(board: Board) => Images> => {
  const trees = new Map<string, string>();
  let build = '';
  for (const board of boards) {
    const built = await buildFor(board, say);
    build = built.manifest.build;
    if (built.dtb) trees.set(board.name, built.dtb);
  }
  return (board) => {
    const deviceTree = trees.get(board.name);
    return {
      manifest: paths.manifest,
      image: paths.image,
      build,
      elf: paths.elf,
      ...(deviceTree ? { deviceTree } : {}),
    };
  };
};

export const needsQemu = (entries: readonly RigBoard[], say: Say): void => {
  if (entries.some(({ kind }) => kind === 'emulated')) installTools(['qemu'], say);
};
