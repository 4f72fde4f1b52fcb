/** What can be exported: tables of plain columns, read part by part. */
import { textIn, unpackHistogram } from './rows.ts';
import type { Row, Store } from './store.ts';

export type ColumnType = 'integer' | 'unsigned' | 'time' | 'text' | 'histogram';
export type Value = bigint | string | null;
export type Column = { readonly name: string; readonly type: ColumnType };

export type Filter = {
  readonly run?: number;
  readonly module?: string;
  /** Host time, milliseconds since 1970. */
  readonly from_ms?: number;
  readonly to_ms?: number;
};

export type Table = {
  readonly columns: readonly Column[];
  /** Rows in parts, each a list of rows with a value a column. */
  read(store: Store, filter: Filter): Generator<Value[][]>;
};

const PART = 10_000;

const columns = (text: string): Column[] =>
  text.split(' ').map((word) => {
    const [name, type = 'text'] = word.split(':');
    return { name: name!, type: type as ColumnType };
  });

const cellOf = (column: Column, value: Row[string] | undefined): Value => {
  if (value === null || value === undefined) return null;
  if (column.type === 'histogram') return histogramText(value as ArrayBuffer);
  if (column.type === 'text') return textIn(value);
  return column.type === 'unsigned' ? BigInt.asUintN(64, value as bigint) : BigInt(value as bigint);
};

/** `bin:calls` of the bins in use; bin i holds calls of [2^i, 2^(i+1)) cycles. */
const histogramText = (bytes: ArrayBuffer) =>
  unpackHistogram(new Uint8Array(bytes))
    .flatMap((calls, bin) => (calls > 0 ? [`${bin}:${calls}`] : []))
    .join(' ');

/** Pages by key, so that no reader keeps the store's writer from tidying up for long. */
const paged = (
  list: readonly Column[],
  select: string,
  keys: readonly string[],
  conditions: (filter: Filter) => readonly (readonly [string, unknown])[],
): Table => ({
  columns: list,
  *read(store, filter) {
    const asked = conditions(filter);
    let last: unknown[] | undefined;
    for (;;) {
      const after: (readonly [string, unknown[]])[] = last
        ? [[`(${keys.join(', ')}) > (${keys.map(() => '?').join(', ')})`, last]]
        : [];
      const all = [...asked.map(([text, value]) => [text, [value]] as const), ...after];
      const where = ['1', ...all.map(([text]) => text)].join(' AND ');
      const rows = store.all(
        `SELECT ${select} WHERE ${where} ORDER BY ${keys.join(', ')} LIMIT ${PART}`,
        ...all.flatMap(([, values]) => values),
      );
      if (rows.length === 0) return;
      yield rows.map((row) => list.map((column) => cellOf(column, row[column.name])));
      last = keys.map((_, i) => rows.at(-1)![`key${i}`]);
    }
  },
});

const keysAs = (keys: readonly string[]) => keys.map((key, i) => `${key} AS key${i}`).join(', ');

const within = (table: string, { run, from_ms, to_ms }: Filter): (readonly [string, unknown])[] => [
  ...(run === undefined ? [] : [[`${table}.run = ?`, run] as const]),
  ...(from_ms === undefined ? [] : [[`${table}.time_ms >= ?`, from_ms] as const]),
  ...(to_ms === undefined ? [] : [[`${table}.time_ms < ?`, to_ms] as const]),
];

const entryKeys = ['entries.run', 'entries.n'];
const telemetryKeys = ['telemetry.run', 'telemetry.module', 'telemetry.n'];
const entryTable = (kind: number, list: readonly Column[], what: string) =>
  paged(
    list,
    `${what}, ${keysAs(entryKeys)} FROM entries JOIN runs ON runs.id = entries.run`,
    entryKeys,
    (filter) => [
      ['entries.kind = ?', kind],
      ...within('entries', filter),
      ...(filter.module ? [["json_extract(entries.body, '$.name') = ?", filter.module] as const] : []),
    ],
  );

const field = (name: string) => `json_extract(entries.body, '$.${name}') AS ${name}`;
const eventFields = ['kind', 'name', 'version', 'reason', 'before', 'after', 'text'];

export const tables = {
  telemetry: paged(
    columns(
      'run:integer board port module time_ms:time reading:integer version:integer board_ns:unsigned calls:unsigned cycles:unsigned min:unsigned max:unsigned last_result:unsigned histogram:histogram',
    ),
    `telemetry.run AS run, runs.board AS board, runs.port AS port, texts.body AS module, telemetry.time_ms AS time_ms,
     telemetry.n AS reading, version, board_ns, calls, cycles, min, max, result AS last_result, histogram,
     ${keysAs(telemetryKeys)}
     FROM telemetry JOIN runs ON runs.id = telemetry.run JOIN texts ON texts.id = telemetry.module`,
    telemetryKeys,
    (filter) => [
      ...within('telemetry', filter),
      ...(filter.module
        ? [['telemetry.module = (SELECT id FROM texts WHERE body = ?)', filter.module] as const]
        : []),
    ],
  ),
  events: entryTable(
    1,
    columns(
      'run:integer board time_ms:time seq:integer kind name version:integer reason:integer before:integer after:integer text',
    ),
    `entries.run AS run, runs.board AS board, entries.time_ms AS time_ms, ${['seq', ...eventFields].map(field).join(', ')}`,
  ),
  console: entryTable(
    2,
    columns('run:integer board time_ms:time line'),
    'entries.run AS run, runs.board AS board, entries.time_ms AS time_ms, entries.body AS line',
  ),
  ledger: paged(
    columns('time_ms:time seq:integer module kind hash body'),
    `*, ${keysAs(['time_ms', 'hash'])} FROM ledger`,
    ['time_ms', 'hash'],
    ({ module, from_ms, to_ms }) => [
      ...within('ledger', {
        ...(from_ms === undefined ? {} : { from_ms }),
        ...(to_ms === undefined ? {} : { to_ms }),
      }),
      ...(module ? [['ledger.module = ?', module] as const] : []),
    ],
  ),
} as const satisfies Record<string, Table>;

export type TableName = keyof typeof tables;
