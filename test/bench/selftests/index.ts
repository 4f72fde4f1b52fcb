/** The verifier for Linux beside what Linux' own tests of its verifier expect. */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { inColumns } from '../../../cli/columns.ts';
import { verifyObject } from '../../../ebpf/index.ts';
import { markdown } from '../markdown.ts';
import { atMost, type Metric, table } from '../metric.ts';
import { type Expected, expectedOf } from './expected.ts';
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

export const selftestMetrics = ({ rows }: SelftestRun): Metric[] => [
  atMost('selftests_good_refused', wrong(rows, 'accepted').length, 'programs', 0),
  atMost('selftests_bad_accepted', wrong(rows, 'refused').length, 'programs', 0),
  atMost('selftests_longest', Math.max(0, ...rows.map((row) => row.infer_ms)), 'ms', 10_000),
];

/** Those that are judged otherwise, the good ones by why. */
const cells = ({ rows }: SelftestRun): string[][] => {
  const accepted = wrong(rows, 'refused').map((row) => ['accepted', `${row.file} ${row.function}`]);
  const byCode = new Map<string, SelftestRow[]>();
  for (const row of wrong(rows, 'accepted'))
    byCode.set(row.code ?? '', [...(byCode.get(row.code ?? '') ?? []), row]);
  const refused = [...byCode]
    .sort(([, a], [, b]) => b.length - a.length)
    .flatMap(([code, of]) => of.map((row) => [`refused: ${code}`, `${row.file} ${row.function}`]));
  return [['judged', 'program'], ...accepted, ...refused];
};

export const selftestTable = (run: SelftestRun): string => inColumns(cells(run), 2);

const count = ({ rows }: SelftestRun, expected: Expected) =>
  rows.filter((row) => row.expected === expected).length;

export const selftestPage = (
  run: SelftestRun,
  clang: string,
): string => `<!-- Written by \`velocity bench --selftests --write\`; do not edit. -->
# The verifier beside Linux' own tests

Linux tests its verifier with programs that are marked with what it is to make of them (\`tools/testing/selftests/bpf/progs\`). Those of Debian's source of Linux ${run.version}, compiled for an arm64 kernel by ${clang} (${run.objects} objects${run.skipped.length > 0 ? `; not compiled: ${run.skipped.join(', ')}` : ''}), are judged here by \`velocity bpf verify --platform linux\`: ${count(run, 'accepted')} programs that Linux is to accept and ${count(run, 'refused')} that it is to refuse. Marks for users without privileges count nowhere. Modes that a test sets, as alignment that is strict, are not known here, nor are types and functions of the module that comes with the tests.

Run it yourself: \`./velocity bench --selftests\`; with \`--write\` it renews this page.

\`\`\`
${table(selftestMetrics(run))}
\`\`\`

## Programs that are judged otherwise

A program that is refused here was not proven safe; which of those that are accepted could do harm, no test says: where more is known of a value than in Linux, a program is accepted for it.

${markdown(cells(run))}
`;
