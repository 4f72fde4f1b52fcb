/** Reads bench files: YAML with one entry a board. Every problem is named with its line. */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { type Document, isNode, LineCounter, parseDocument } from 'yaml';
import { type Board, boardNamed, boards, virtualBoards } from '../../boards/index.ts';
import { type BoardEntry, boardFields, type Emulated, type Flash, type Power } from './fields.ts';
import { checkGroup, type Path, type Problem } from './schema.ts';

/** A bench file cannot be used: names every problem and its line. */
export class BenchFileError extends Error {
  readonly code = 'bad_file';
  readonly hint =
    'docs/how-to-rig.md lists every field; `velocity rig list --bench FILE` shows what a file means';
  readonly problems: readonly string[];
  constructor(path: string, problems: readonly string[], options?: ErrorOptions) {
    super(
      problems.length === 1
        ? problems[0]!
        : [`${path} has ${problems.length} problems`, ...problems].join('\n  '),
      options,
    );
    this.name = 'BenchFileError';
    this.problems = problems;
  }
}

/** One board that tests run on, real or emulated. */
export type RigBoard = {
  /** Name in the bench file; a twin's ends in `/twin`. */
  readonly name: string;
  readonly board: Board;
  readonly kind: 'real' | 'emulated';
  /** Address of the console of a real board. */
  readonly serial?: string;
  readonly baud: number;
  readonly power: Power;
  readonly flash: Flash;
  readonly bootSeconds: number;
  readonly emulated: Emulated;
  /** Name of the real board that this one stands beside. */
  readonly twinOf?: string;
};

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;

const emulatedBoard = (name: string, board: Board, emulated: Emulated, bootSeconds: number): RigBoard => ({
  name,
  board,
  kind: 'emulated',
  baud: boardFields.baud.standard,
  power: { by: 'none' },
  flash: { by: 'none' },
  bootSeconds,
  emulated,
});

/** Without a bench file: every board that QEMU can stand in for. */
export const defaultBench = (): RigBoard[] =>
  virtualBoards.map((board) => emulatedBoard(board.name, board, {}, boardFields.boot_seconds.standard));

const fromFolder = (folder: string, path: string | undefined) =>
  path === undefined ? undefined : resolve(folder, path);

const twinName = ({ board, twin }: BoardEntry): string | undefined => {
  if (twin === false) return undefined;
  return twin ?? (boards[board]?.qemu ? board : undefined);
};

const emulatedOf = (folder: string, emulated: Emulated | true): Emulated => {
  if (emulated === true) return {};
  const { image, device_tree, ...rest } = emulated;
  return {
    ...rest,
    ...(image ? { image: fromFolder(folder, image)! } : {}),
    ...(device_tree ? { device_tree: fromFolder(folder, device_tree)! } : {}),
  };
};

const flashOf = (folder: string, flash: Flash): Flash =>
  'firmware_dir' in flash && flash.firmware_dir !== undefined
    ? { ...flash, firmware_dir: fromFolder(folder, flash.firmware_dir)! }
    : flash;

const boardsOf = (name: string, entry: BoardEntry, folder: string): RigBoard[] => {
  const board = boardNamed(entry.board);
  const bootSeconds = entry.boot_seconds ?? boardFields.boot_seconds.standard;
  if (entry.emulated !== undefined) {
    return [emulatedBoard(name, board, emulatedOf(folder, entry.emulated), bootSeconds)];
  }
  const real: RigBoard = {
    name,
    board,
    kind: 'real',
    serial: entry.serial!,
    baud: entry.baud ?? boardFields.baud.standard,
    power: entry.power ?? { by: 'none' },
    flash: flashOf(folder, entry.flash ?? { by: 'none' }),
    bootSeconds,
    emulated: {},
  };
  const twin = twinName(entry);
  return twin === undefined
    ? [real]
    : [real, { ...emulatedBoard(`${name}/twin`, boardNamed(twin), {}, bootSeconds), twinOf: name }];
};

/** What fields alone do not say: which of them go together. */
const together = (name: string, entry: BoardEntry): Problem[] => {
  const path = ['boards', name];
  const problems: Problem[] = [];
  if (!NAME.test(name)) problems.push({ path, text: 'must be letters, digits, ".", "_" and "-"' });
  if (entry.serial === undefined && entry.emulated === undefined) {
    problems.push({ path, text: 'needs serial: PORT for a real board, or emulated: true' });
  }
  if (entry.serial !== undefined && entry.emulated !== undefined) {
    problems.push({ path, text: 'has both serial and emulated: give two entries, or a twin' });
  }
  if (entry.emulated === undefined) return problems;
  if (boards[entry.board] && !boards[entry.board]!.qemu) {
    problems.push({ path, text: `${entry.board} cannot be emulated: QEMU has no such machine` });
  }
  for (const key of ['power', 'flash', 'baud', 'twin'] as const) {
    if (entry[key] !== undefined) problems.push({ path: [...path, key], text: 'is for real boards only' });
  }
  return problems;
};

const problemsOf = (value: unknown): Problem[] => {
  const top = checkGroup(
    { boards: { type: 'text', doc: 'a map from names to boards', example: '' } },
    value,
    [],
  ).filter(({ path }) => path[0] !== 'boards');
  if (top.length > 0) return top;
  const entries = (value as { boards: unknown }).boards;
  if (
    typeof entries !== 'object' ||
    entries === null ||
    Array.isArray(entries) ||
    Object.keys(entries).length === 0
  ) {
    return [{ path: ['boards'], text: 'must be a map with one entry a board' }];
  }
  return Object.entries(entries).flatMap(([name, entry]) => {
    const problems = checkGroup(boardFields, entry, ['boards', name]);
    return problems.length > 0 ? problems : together(name, entry as BoardEntry);
  });
};

/** Two entries that would talk to one port. */
const sharedPorts = (entries: Readonly<Record<string, BoardEntry>>): Problem[] => {
  const seen = new Map<string, string>();
  return Object.entries(entries).flatMap(([name, { serial }]) => {
    const other = serial === undefined ? undefined : seen.get(serial);
    if (serial !== undefined && other === undefined) seen.set(serial, name);
    return other ? [{ path: ['boards', name, 'serial'], text: `is the port of ${other} already` }] : [];
  });
};

/** The nearest thing on that path that stands in the file. */
const lineOf = (document: Document, counter: LineCounter, path: Path): string => {
  for (let length = path.length; length >= 0; length--) {
    const node = length === 0 ? document.contents : document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) {
      const { line, col } = counter.linePos(node.range[0]);
      return `:${line}:${col}`;
    }
  }
  return '';
};

/** An alias may name nothing, very much, or what it stands in. @throws BenchFileError */
const contentsOf = (document: Document, path: string): { boards: Record<string, BoardEntry> } => {
  try {
    const value = document.toJS();
    JSON.stringify(value);
    return value;
  } catch (cause) {
    throw new BenchFileError(path, [`${path}: ${(cause as Error).message.split('\n')[0]}`], { cause });
  }
};

/** `text` is the file's contents, `path` its name for messages and the folder that its paths start from. @throws BenchFileError */
export const parseBench = (text: string, path: string): RigBoard[] => {
  const counter = new LineCounter();
  const document = parseDocument(text, { lineCounter: counter, logLevel: 'error' });
  if (document.errors.length > 0) {
    throw new BenchFileError(
      path,
      document.errors.map(({ linePos, message }) => {
        const at = linePos ? `:${linePos[0].line}:${linePos[0].col}` : '';
        return `${path}${at}: ${message.split('\n')[0]!.replace(/ at line \d+, column \d+:?$/, '')}`;
      }),
    );
  }
  const value = contentsOf(document, path);
  const fieldProblems = problemsOf(value);
  const problems = fieldProblems.length > 0 ? fieldProblems : sharedPorts(value.boards);
  if (problems.length > 0) {
    throw new BenchFileError(
      path,
      problems.map((problem) => {
        const what = problem.path.join('.') || 'the file';
        return `${path}${lineOf(document, counter, problem.path)}: ${what} ${problem.text}`;
      }),
    );
  }
  return Object.entries(value.boards).flatMap(([name, entry]) =>
    boardsOf(name, entry, dirname(resolve(path))),
  );
};

/** @throws BenchFileError */
export const readBench = (path: string): RigBoard[] => {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    throw new BenchFileError(
      path,
      [`${path}: ${missing ? 'there is no such file' : (cause as Error).message}`],
      { cause },
    );
  }
  return parseBench(text, path);
};
