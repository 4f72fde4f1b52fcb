/** Entries as rows of the store, and back. What comes back is what went in, to the bit. */
import type { Telemetry } from '../../link/index.ts';
import type { Entry } from '../entry.ts';
import { decodeEntry, encodePart } from '../recording.ts';
import type { Row } from './store.ts';

/** In the order of `entries.kind`. */
export const kinds = ['reading', 'event', 'console', 'down'] as const satisfies readonly Entry['kind'][];

const signed = (value: bigint) => BigInt.asIntN(64, value);
const unsigned = (value: Row[string]) => BigInt.asUintN(64, value as bigint);

const BINS = 32;

/** Only bins in use: their number, then the count as a base-128 number (least first, bit 7: more follow). */
export const packHistogram = (bins: readonly number[]): Uint8Array => {
  const out: number[] = [];
  for (const [bin, count] of bins.entries()) {
    if (count === 0) continue;
    out.push(bin);
    let rest = count;
    for (; rest >= 128; rest = Math.floor(rest / 128)) out.push((rest % 128) + 128);
    out.push(rest);
  }
  return Uint8Array.from(out);
};

export const unpackHistogram = (bytes: Uint8Array): number[] => {
  const bins = new Array<number>(BINS).fill(0);
  for (let at = 0; at < bytes.length; at += 1) {
    const bin = bytes[at]!;
    let [count, unit] = [0, 1];
    do {
      at += 1;
      count += (bytes[at]! % 128) * unit;
      unit *= 128;
    } while (bytes[at]! >= 128);
    bins[bin] = count;
  }
  return bins;
};

/** Values for the columns from `place` on. */
export const telemetryValues = (t: Telemetry, place: number): unknown[] => [
  place,
  t.version,
  signed(t.time_ns),
  signed(t.calls),
  signed(t.cycles),
  signed(t.min),
  signed(t.max),
  signed(t.last_result),
  packHistogram(t.histogram),
];

/** A row that names its module as `name`. */
export const telemetryOf = (row: Row): Telemetry => ({
  name: String(row.name),
  version: Number(row.version),
  time_ns: unsigned(row.board_ns!),
  calls: unsigned(row.calls!),
  cycles: unsigned(row.cycles!),
  min: unsigned(row.min!),
  max: unsigned(row.max!),
  last_result: unsigned(row.result!),
  histogram: unpackHistogram(new Uint8Array(row.histogram as ArrayBuffer)),
});

/** SQLite's texts end at their first zero byte; a board that talks garbage sends some, and then it is kept as bytes. */
export const storedText = (text: string): string | Uint8Array =>
  text.includes('\0') ? Buffer.from(text) : text;

export const textIn = (value: Row[string]): string =>
  value instanceof ArrayBuffer ? Buffer.from(value).toString() : String(value);

/** A reading without its telemetry is three texts, of which two hardly ever change. */
export type EntryTexts = { readonly board?: string; readonly modules?: string; readonly body: string };

const encoded = new WeakMap<object, string>();

/** Readings share the list of modules for as long as it does not change. */
const encodeOnce = (part: object): string => {
  const known = encoded.get(part) ?? encodePart(part);
  encoded.set(part, known);
  return known;
};

export const textsOf = (entry: Entry): EntryTexts => {
  if (entry.kind === 'console') return { body: entry.line };
  if (entry.kind === 'down') return { body: entry.why };
  if (entry.kind === 'event') return { body: encodePart(entry.event) };
  const { board, modules, telemetry: _, ...rest } = entry.reading;
  return { board: encodePart(board), modules: encodeOnce(modules), body: encodePart(rest) };
};

/** `telemetry` in the order of the reading. */
export const entryOf = (
  kind: number,
  time_ms: number,
  { board = '', modules = '', body }: EntryTexts,
  telemetry: readonly Telemetry[],
): Entry => {
  const name = kinds[kind]!;
  if (name === 'console') return { kind: name, time_ms, line: body };
  if (name === 'down') return { kind: name, time_ms, why: body };
  if (name === 'event') return decodeEntry(`{"kind":"event","time_ms":${time_ms},"event":${body}}`);
  const rest = body.slice(1, -1);
  const entry = decodeEntry(
    `{"kind":"reading","time_ms":${time_ms},"reading":{"board":${board},"modules":${modules},"telemetry":[],${rest}}}`,
  ) as Entry & { kind: 'reading' };
  return { ...entry, reading: { ...entry.reading, telemetry } };
};
