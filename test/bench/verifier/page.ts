/** The figures with goals, and the page of the reference. */
import { inColumns } from '../../../cli/columns.ts';
import { BOARD_CHECKER_BYTES } from '../../../ebpf/index.ts';
import { markdown } from '../markdown.ts';
import { atMost, type Metric, table } from '../metric.ts';
import type { Row } from './measure.ts';
import { plot } from './plot.ts';

/** Executed A64 instructions of the check, per eBPF instruction. */
export const CHECK_GOAL = 60;

const perInsn = (row: Row): number => row.check / row.slots;
const rounded = (value: number, digits = 1) => Number(value.toFixed(digits));

const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return sorted.length % 2 === 1 ? sorted[Math.floor(middle)]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
};

const of = (rows: readonly Row[], series: Row['series']) => rows.filter((row) => row.series === series);

/** The figures with goals. Without a certificate the board's own search counts as its check. */
export const verifierMetrics = (rows: readonly Row[]): Metric[] => {
  const made = rows.filter((row) => row.series !== 'program');
  const programs = of(rows, 'program');
  const all =
    programs.reduce((sum, row) => sum + row.check, 0) / programs.reduce((sum, row) => sum + row.slots, 0);
  return [
    atMost('infer_median', rounded(median(rows.map((row) => row.infer_ms)), 3), 'ms', 2),
    atMost('infer_max', rounded(Math.max(...rows.map((row) => row.infer_ms)), 3), 'ms', 1000),
    atMost(
      'check_per_insn_worst_size',
      rounded(Math.max(...of(rows, 'size').map(perInsn))),
      'instructions',
      CHECK_GOAL,
    ),
    atMost(
      'check_per_insn_worst_branches',
      rounded(Math.max(...of(rows, 'branches').map(perInsn))),
      'instructions',
      CHECK_GOAL,
    ),
    atMost('check_per_insn_programs', rounded(all), 'instructions', CHECK_GOAL),
    atMost('check_without_certificate', rows.filter((row) => row.certificate === 0).length, 'programs', 0),
    atMost('check_memory', BOARD_CHECKER_BYTES, 'bytes', 256 * 1024),
    atMost(
      'certificate_per_insn_median',
      rounded(median([...made, ...programs].map((row) => row.certificate / row.slots)), 2),
      'bytes',
      4,
    ),
  ];
};

const cells = (row: Row): string[] => [
  row.name,
  String(row.slots),
  String(row.branches),
  row.certificate === 0 ? 'none' : `${row.certificate} (${(row.certificate / row.slots).toFixed(2)})`,
  row.infer_ms.toFixed(2),
  row.check.toLocaleString('en'),
  perInsn(row).toFixed(1),
];

const HEAD = ['program', 'slots', 'branches', 'certificate', 'infer, ms', 'check', 'a slot'];

const lines = (rows: readonly Row[]): string[][] => [HEAD, ...rows.map(cells)];

/** Rows in plain text. */
export const rowTable = (rows: readonly Row[]): string => inColumns(lines(rows));

/** verifier-benchmark.svg */
export const drawing = (rows: readonly Row[]): string =>
  plot(
    [
      {
        title: 'check per instruction, over size (a branch every 8)',
        unit: 'eBPF instructions',
        points: of(rows, 'size').map((row) => [row.slots, perInsn(row)] as const),
      },
      {
        title: 'check per instruction, over branches (4,096 instructions)',
        unit: 'branches',
        points: of(rows, 'branches').map((row) => [row.branches, perInsn(row)] as const),
      },
    ],
    CHECK_GOAL,
  );

/** docs/reference/verifier-benchmark.md, whole. */
export const page = (
  rows: readonly Row[],
  around: { readonly qemu: number; readonly host: string },
): string =>
  `<!-- Written by \`velocity bench --verifier --write\`; do not edit. -->
# What verifying costs

The host searches for a certificate, the board checks it in one pass ([how](../explanation.md)). **check**: A64 instructions that the board executed from having the program and its certificate to having proven it safe and bounded, counted by its cycle counter on an emulated Cortex-A72 (QEMU ${around.qemu}, \`-icount shift=0\`); **a slot**: the same, divided by the program's eBPF slots. **infer**: milliseconds of the search in WebAssembly, the fastest of five; they depend on the machine (${around.host}) and on its load. **certificate**: bytes, and bytes a slot. Programs named by size are made: loads, masks, shifts, spills, an index from data into the memory, stores, and so many conditional branches over one to five instructions. The others are those of the [JIT's benchmark](jit-benchmark.md). Where there is no certificate, the board searched for itself, turn by turn of each loop.

Run it yourself: \`./velocity bench --verifier\`; with \`--write\` it renews this page.

![check per instruction over program size and branches; the dashed line is the goal](verifier-benchmark.svg)

${markdown(lines(rows))}

## Figures with goals

\`\`\`
${table(verifierMetrics(rows))}
\`\`\`
`;
