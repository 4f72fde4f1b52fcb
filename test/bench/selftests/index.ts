/** The verifier for Linux beside what Linux' own tests of its verifier expect. */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { inColumns } from '../../../cli/columns.ts';
import { verifyObject } from '../../../ebpf/index.ts';
import { markdown } from '../markdown.ts';
import { atMost, type Metric, table } from '../metric.ts';
import { type Expected, expectedOf } from './expected.ts';
import { knownReasons } from './known.ts';
import { fetchSelftests } from './source.ts';

export type SelftestRow = {
  readonly file: string;
  readonly function: string;
  readonly expected: Expected;
  readonly ok: boolean;
  /** Why it is refused. */
  readonly code?: string;
  readonly message?: string;
  readonly infer_ms: number;
};

export type SelftestRun = {
  readonly version: string;
  readonly objects: number;
  readonly skipped: readonly string[];
  readonly rows: readonly SelftestRow[];
};

const rowsOf = async (path: string): Promise<SelftestRow[]> => {
  const object = readFileSync(path);
  const expected = expectedOf(object);
  const file = basename(path);
  const verdicts = await verifyObject(object, { file, platform: 'linux' });
  return verdicts.flatMap((row): SelftestRow[] => {
    const name = row.function ?? '';
    const wanted = expected.get(name);
    if (!wanted) return [];
    const why = row.error && { code: row.error.code, message: row.error.message };
    return [{ file, function: name, expected: wanted, ok: row.ok, ...why, infer_ms: row.infer_ms ?? 0 }];
  });
};

/** @throws NoPeerError when Debian's packages cannot be had */
export const measureSelftests = async (say: (line: string) => void): Promise<SelftestRun> => {
  const { version, objects, skipped } = await fetchSelftests(say);
  const rows: SelftestRow[] = [];
  for (const path of objects) rows.push(...(await rowsOf(path)));
  return { version, objects: objects.length, skipped, rows };
};

const wrong = (rows: readonly SelftestRow[], expected: Expected) =>
  rows.filter((row) => row.expected === expected && row.ok !== (expected === 'accepted'));

const count = (rows: readonly SelftestRow[], expected: Expected) =>
  rows.filter((row) => row.expected === expected).length;

export const selftestMetrics = ({ rows }: SelftestRun): Metric[] => [
  atMost(
    'selftests_good_refused',
    wrong(rows, 'accepted').length,
    `of ${count(rows, 'accepted')} programs`,
    0,
  ),
  atMost('selftests_bad_accepted', wrong(rows, 'refused').length, `of ${count(rows, 'refused')} programs`, 0),
  atMost('selftests_longest', Math.max(0, ...rows.map((row) => row.infer_ms)), 'ms', 10_000),
];

const nameOf = (row: SelftestRow) => `${row.file} ${row.function}`;

const acceptedCells = ({ rows }: SelftestRun): string[][] => [
  ['program', 'why'],
  ...wrong(rows, 'refused').map((row) => [nameOf(row), knownReasons[row.function] ?? 'not known']),
];

/** Those that have most fellows first. */
const refusedCells = ({ rows }: SelftestRun): string[][] => {
  const byCode = new Map<string, SelftestRow[]>();
  for (const row of wrong(rows, 'accepted'))
    byCode.set(row.code ?? '', [...(byCode.get(row.code ?? '') ?? []), row]);
  const groups = [...byCode].sort(([, a], [, b]) => b.length - a.length);
  return [['program', 'refused as'], ...groups.flatMap(([code, of]) => of.map((row) => [nameOf(row), code]))];
};

export const selftestTable = (run: SelftestRun): string =>
  [acceptedCells(run), refusedCells(run)].map((cells) => inColumns(cells, 2)).join('\n\n');

export const selftestPage = (
  run: SelftestRun,
  clang: string,
): string => `<!-- Written by \`velocity bench --selftests --write\`; do not edit. -->
# The verifier beside Linux' own tests

Linux tests its verifier with programs that are marked with what it is to make of them (\`tools/testing/selftests/bpf/progs\`). Those of Debian's source of Linux ${run.version}, compiled for an arm64 kernel by ${clang} (${run.objects} objects${run.skipped.length > 0 ? `; not compiled: ${run.skipped.join(', ')}` : ''}), are judged here by \`velocity bpf verify --platform linux\`: ${count(run.rows, 'accepted')} programs that Linux is to accept and ${count(run.rows, 'refused')} that it is to refuse. Marks for users without privileges count nowhere, nor those for other machines. Modes that a test sets, as alignment that is strict, are not known here, nor are types and functions of the module that comes with the tests.

Run it yourself: \`./velocity bench --selftests\`; with \`--write\` it renews this page.

\`\`\`
${table(selftestMetrics(run))}
\`\`\`

## Accepted, and refused by Linux

${markdown(acceptedCells(run))}

## Refused, and accepted by Linux

They were not proven safe, or use what is not known here.

${markdown(refusedCells(run))}
`;
