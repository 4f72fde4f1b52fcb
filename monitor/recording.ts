/**
 * Recordings: one JSON object a line, `{"time_ms", "port", "kind", …}` as in entry.ts. Numbers of 64 bits are decimal text
 * where JavaScript's numbers do not hold them, bytes are hex. A file is only ever appended to.
 */
import { closeSync, fstatSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import {
  decodeRecord,
  encodeRecord,
  type Fields,
  messages,
  NAME_BYTES,
  text as textField,
  u32,
  u64,
} from '../abi/index.ts';
import type { BoardEvent, BoardInfo, LinkHealth, ModuleInfo, TaskStat, Telemetry } from '../link/index.ts';
import type { Entry, Pace, Reading, Sink, Told } from './entry.ts';

/** A line that is no entry: names file, line, what is wrong and what to do. */
export class RecordingError extends Error {
  readonly code = 'bad_file';
  readonly hint = 'give a file that `velocity monitor --record` wrote; delete the line to replay the rest';
  constructor(file: string, line: number, problem: string, options?: ErrorOptions) {
    super(`${file}:${line}: ${problem}`, options);
    this.name = 'RecordingError';
  }
}

const toJson = (_key: string, value: unknown): unknown => {
  if (typeof value !== 'bigint') return value;
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value.toString();
};

const hexed = (value: unknown): unknown => {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (Array.isArray(value)) return value.map(hexed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, hexed(inner)]));
};

/** JSON of an entry, or of a part of one. */
export const encodePart = (part: object): string => JSON.stringify(hexed(part), toJson);

/** One line, without its end. */
export const encodeTold = ({ port, entry: { time_ms, ...content } }: Told): string =>
  encodePart({ time_ms, port, ...content });

type Json = Readonly<Record<string, unknown>>;

const fail = (what: string): never => {
  throw new TypeError(what);
};
const object = (value: unknown, what: string): Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Json)
    : fail(`${what} is missing`);
const list = (value: unknown, what: string): readonly unknown[] =>
  Array.isArray(value) ? value : fail(`${what} is no list`);
const text = (value: unknown, what: string): string =>
  typeof value === 'string' ? value : fail(`${what} is no text`);
const number = (value: unknown, what: string): number => {
  const result = Number(value);
  return Number.isFinite(result) && value !== null && value !== '' ? result : fail(`${what} is no number`);
};

const time = (value: unknown): bigint => {
  if (/^\d{1,20}$/.test(String(value))) return BigInt(String(value));
  return fail('time_ns is no time');
};

const numbers = (value: unknown, what: string): Record<string, number> =>
  Object.fromEntries(Object.entries(object(value, what)).map(([key, inner]) => [key, number(inner, key)]));

/** Gives the types back that JSON lacks, and checks the record as one that came from a board. */
const record = (fields: Fields, value: unknown, what: string): Json => {
  const json = object(value, what);
  const typed = Object.entries(fields).map(([key, field]) => {
    const inner = json[key];
    if (field.kind === 'bytes' && typeof inner === 'string')
      return [key, Uint8Array.from(Buffer.from(inner, 'hex'))];
    return [key, field.kind === 'u64' && typeof inner === 'string' ? BigInt(inner) : inner];
  });
  return decodeRecord(fields, encodeRecord(fields, Object.fromEntries(typed)));
};

const counters = {
  name: textField(NAME_BYTES, 'module name'),
  version: u32(''),
  time_ns: u64(''),
  calls: u64(''),
  cycles: u64(''),
  min: u64(''),
  max: u64(''),
  last_result: u64(''),
};

const telemetryOf = (value: unknown): Telemetry => {
  const histogram = list(object(value, 'telemetry').histogram, 'histogram').map((bin) =>
    number(bin, 'histogram'),
  );
  return { ...record(counters, value, 'telemetry'), histogram } as unknown as Telemetry;
};

const readingOf = (value: unknown): Reading => {
  const json = object(value, 'reading');
  const cores = Object.entries(object(json.cores, 'cores'));
  return {
    board: record(messages.info.response, json.board, 'board') as unknown as BoardInfo,
    modules: list(json.modules, 'modules').map(
      (module) =>
        record(
          messages.module.response,
          { id: 0, ...object(module, 'module') },
          'module',
        ) as unknown as ModuleInfo,
    ),
    ...(json.time_ns === undefined ? {} : { time_ns: time(json.time_ns) }),
    telemetry: list(json.telemetry, 'telemetry').map(telemetryOf),
    health: numbers(json.health, 'health') as unknown as LinkHealth,
    cores: Object.fromEntries(cores.map(([name, core]): [string, TaskStat] => [name, numbers(core, name)])),
    stats: numbers(json.stats, 'stats'),
    ...(json.pace === undefined ? {} : { pace: numbers(json.pace, 'pace') as unknown as Pace }),
  };
};

const contentOf = (json: Json, time_ms: number): Entry => {
  if (json.kind === 'reading') return { kind: 'reading', time_ms, reading: readingOf(json.reading) };
  if (json.kind === 'console') return { kind: 'console', time_ms, line: text(json.line, 'line') };
  if (json.kind === 'down') return { kind: 'down', time_ms, why: text(json.why, 'why') };
  if (json.kind !== 'event') return fail(`kind ${JSON.stringify(json.kind)} is not known`);
  const event = record(messages.event.response, json.event, 'event') as unknown as BoardEvent;
  return { kind: 'event', time_ms, event };
};

const entryIn = (json: Json): Entry => contentOf(json, number(json.time_ms, 'time_ms'));

/** @throws Error that says what is wrong with the line */
export const decodeEntry = (line: string): Entry => entryIn(object(JSON.parse(line), 'the object'));

/** Lines of older recordings, which were of one board each, do not name it: it is `unnamed` then. */
const decodeTold = (line: string, unnamed: string): Told => {
  const json = object(JSON.parse(line), 'the object');
  return { port: json.port === undefined ? unnamed : text(json.port, 'port'), entry: entryIn(json) };
};

const CHUNK = 64 * 1024;

/** Length of the file up to and with its last newline. */
const wholeLines = (fd: number, size: number): number => {
  const chunk = Buffer.alloc(CHUNK);
  for (let end = size; end > 0; end -= CHUNK) {
    const start = Math.max(0, end - CHUNK);
    const read = readSync(fd, chunk, 0, end - start, start);
    const at = chunk.subarray(0, read).lastIndexOf('\n');
    if (at >= 0) return start + at + 1;
  }
  return 0;
};

export type Recorder = {
  /** Where entries of this board go. What they throw is of the file; nothing of the entry is in it then. */
  readonly board: (port: string) => Sink;
  readonly repaired: number;
  close(): void;
};

/** All of it, or none: a disk that fills up in the middle of a line takes only its first bytes, and says nothing. */
const appendLine = (fd: number, line: string): void => {
  const bytes = Buffer.from(`${line}\n`);
  const { size } = fstatSync(fd);
  let at = 0;
  try {
    while (at < bytes.length) at += writeSync(fd, bytes, at);
  } catch (error) {
    if (at > 0 && fstatSync(fd).size === size + at) ftruncateSync(fd, size); // else another monitor wrote behind it
    throw error;
  }
};

const HEAD = '{"time_ms":';

/** The beginning of an entry, or bytes that never came to the disk. */
const isTorn = (fd: number, from: number): boolean => {
  const rest = Buffer.alloc(HEAD.length);
  const text = rest.toString('latin1', 0, readSync(fd, rest, 0, rest.length, from));
  return HEAD.startsWith(text) || text.startsWith('\0');
};

/**
 * Opens a file to append to; a last line that was cut off is removed first, and `repaired` is its length in bytes.
 * @throws Error when the last line is cut off and no entry: somebody's own file was named
 */
export const openRecorder = (path: string): Recorder => {
  const fd = openSync(path, 'a+', 0o600);
  const { size } = fstatSync(fd);
  const whole = wholeLines(fd, size);
  if (whole < size && !isTorn(fd, whole)) {
    closeSync(fd);
    throw new Error('its last line is no entry of a recording, and was left as it is');
  }
  if (whole < size) ftruncateSync(fd, whole);
  return {
    repaired: size - whole,
    board: (port) => (entry) => appendLine(fd, encodeTold({ port, entry })),
    close: () => closeSync(fd),
  };
};

/** Entries of a recording, oldest first; a last line that was cut off is left out. @throws RecordingError */
export function* entriesOf(content: string, file: string): Generator<Told> {
  const lines = content.split('\n');
  for (const [i, line] of lines.entries()) {
    if (i === lines.length - 1) return;
    if (line.trim() === '') continue;
    let told: Told;
    try {
      told = decodeTold(line, file);
    } catch (cause) {
      throw new RecordingError(file, i + 1, `is no entry of a recording: ${(cause as Error).message}`, {
        cause,
      });
    }
    yield told;
  }
}
