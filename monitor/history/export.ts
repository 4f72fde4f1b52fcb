/** Writes a table of the store as CSV (RFC 4180), JSON lines or Parquet, part by part. */
import { ByteWriter, ParquetWriter } from 'hyparquet-writer';
import type { Store } from './store.ts';
import { type Column, type Filter, type Table, type TableName, tables, type Value } from './tables.ts';

export type Format = 'csv' | 'json' | 'parquet';
export const formats: readonly Format[] = ['csv', 'json', 'parquet'];

type Writer = { part(rows: readonly Value[][]): void; end(): void };
type Bytes = (bytes: string | Uint8Array) => void;

const csvCell = (value: Value): string => {
  const text = value === null ? '' : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};

const csv = ({ columns }: Table, out: Bytes): Writer => {
  out(`${columns.map(({ name }) => name).join(',')}\r\n`);
  return {
    part: (rows) => out(rows.map((row) => `${row.map(csvCell).join(',')}\r\n`).join('')),
    end: () => {},
  };
};

/** Numbers beyond 2^53 are decimal text, as everywhere in `--json`. */
const jsonValue = (value: Value) =>
  typeof value === 'bigint' && value >= -(2n ** 53n) && value <= 2n ** 53n
    ? Number(value)
    : value?.toString();

const json = ({ columns }: Table, out: Bytes): Writer => ({
  part: (rows) =>
    out(
      rows
        .map((row) => {
          const object = Object.fromEntries(columns.map(({ name }, i) => [name, jsonValue(row[i]!) ?? null]));
          return `${JSON.stringify(object)}\n`;
        })
        .join(''),
    ),
  end: () => {},
});

/** Apache Parquet's schema elements: 64-bit numbers with their sign, times in milliseconds of UTC. */
const element = ({ name, type }: Column) => {
  const head = { name, repetition_type: 'OPTIONAL' as const };
  if (type === 'text' || type === 'histogram')
    return { ...head, type: 'BYTE_ARRAY' as const, converted_type: 'UTF8' as const };
  const converted = { integer: 'INT_64', unsigned: 'UINT_64', time: 'TIMESTAMP_MILLIS' } as const;
  return { ...head, type: 'INT64' as const, converted_type: converted[type] };
};

const cellOf = ({ type }: Column, value: Value) => {
  return type === 'time' && value !== null ? new Date(Number(value)) : value;
};

const parquet = ({ columns }: Table, out: Bytes): Writer => {
  const writer = new ByteWriter();
  /** The library keeps what was written for good; what went out is cut off here, and its offsets go on counting. */
  const file = new ParquetWriter({
    writer,
    schema: [{ name: 'root', num_children: columns.length }, ...columns.map(element)],
    createdBy: 'velocity',
  });
  const drain = () => {
    out(writer.getBytes().slice());
    writer.index = 0;
  };
  return {
    part: (rows) => {
      file.write({
        columnData: columns.map((column, i) => ({
          name: column.name,
          data: rows.map((row) => cellOf(column, row[i]!)),
        })),
        rowGroupSize: rows.length,
      });
      drain();
    },
    end: () => {
      file.finish();
      drain();
    },
  };
};

const writers = { csv, json, parquet } as const;

/** Hands the table out in pieces; returns how many rows it had. */
export const exportTable = (
  store: Store,
  name: TableName,
  format: Format,
  filter: Filter,
  out: Bytes,
): number => {
  const table: Table = tables[name];
  const writer = writers[format](table, out);
  let count = 0;
  for (const rows of table.read(store, filter)) {
    writer.part(rows);
    count += rows.length;
  }
  writer.end();
  return count;
};
