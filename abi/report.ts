/**
 * The report of all modules' counters: differences to an earlier report that the host has.
 *
 * A report is about the places of the board's table of modules. Each place holds values, all 0 where no module is. For
 * each place that changed, the data has the number of the place (a byte), then for each value that changed a byte, the
 * number of the value, with `REPORT_LAST` at the last one of the place, and behind it the difference modulo 2^64: as
 * LEB128 of its zigzag form, so that small differences of either sign are short.
 */
import { CodecError } from './codec.ts';
import { HISTOGRAM_BINS } from './messages.ts';
import { pushSigned, VarintReader } from './varint.ts';

export const reportScalars = {
  id: 'number of the module, which no other one has had since the board started; 0: nothing is here',
  revision: 'twice the version that runs, and one more while it is a canary',
  cycles: 'cycle counter spent in the version so far',
  min: 'fastest call',
  max: 'slowest call',
  last_result: 'what the latest call returned',
} as const;

export type ReportScalar = keyof typeof reportScalars;

/** Numbers of values; bins of the histogram follow the scalars. */
export const reportIndex = Object.fromEntries(
  Object.keys(reportScalars).map((name, i) => [name, i]),
) as Record<ReportScalar, number>;
export const REPORT_BINS = Object.keys(reportScalars).length;
export const REPORT_VALUES = REPORT_BINS + HISTOGRAM_BINS;
/** Set with the number of the last value of a place. */
export const REPORT_LAST = 0x80;
/** What of a report all changes of one place take at most: place, and of each value its number and ten bytes. */
export const REPORT_PLACE_BYTES = 1 + REPORT_VALUES * 11;

/** Values by place; places that hold nothing may be missing. */
export type ReportPlaces = Map<number, bigint[]>;

const empty = (): bigint[] => new Array<bigint>(REPORT_VALUES).fill(0n);

/** What changed from `before` to `now`, for boards that are played. */
export const encodeReport = (before: ReportPlaces, now: ReportPlaces): Uint8Array => {
  const out: number[] = [];
  const places = [...new Set([...before.keys(), ...now.keys()])].sort((a, b) => a - b);
  for (const place of places) {
    const values = now.get(place) ?? empty();
    const old = before.get(place) ?? empty();
    const changed = values.flatMap((value, i) => (value === old[i] ? [] : [i]));
    if (changed.length > 0) out.push(place);
    for (const i of changed) {
      out.push(i === changed.at(-1) ? i | REPORT_LAST : i);
      pushSigned(out, values[i]! - old[i]!);
    }
  }
  return Uint8Array.from(out);
};

/**
 * Brings `places` from the report that the data differs from to the one it came with. Nothing is changed unless the data
 * is right as a whole.
 * @throws CodecError
 */
export const applyReport = (data: Uint8Array, places: ReportPlaces): void => {
  const reader = new VarintReader(data);
  const changed: [number, bigint[]][] = [];
  while (!reader.done) {
    const place = reader.byte();
    const values = [...(places.get(place) ?? empty())];
    for (let tag = 0; tag < REPORT_LAST; ) {
      tag = reader.byte();
      const i = tag & ~REPORT_LAST;
      if (i >= REPORT_VALUES) throw new CodecError('data', `has no value ${i}`);
      values[i] = BigInt.asUintN(64, values[i]! + reader.signed());
    }
    changed.push([place, values]);
  }
  for (const [place, values] of changed) {
    if (values[reportIndex.id] === 0n) places.delete(place);
    else places.set(place, values);
  }
};
