/** The vector helpers' table for people, and their page of the reference. */
import { inColumns } from '../../../cli/columns.ts';
import { markdown } from '../markdown.ts';
import { table as metricTable } from '../metric.ts';
import type { Surroundings } from './page.ts';
import { type VectorRow, vectorMetrics } from './vector-row.ts';

const count = (value: number) => value.toLocaleString('en');
const ratio = (value: number, of: number) => (value / of).toFixed(2);

const COLUMNS: readonly (readonly [head: string, cell: (row: VectorRow) => string])[] = [
  ['helper', (row) => row.helper],
  ['elements', (row) => row.size],
  ['helper runs', (row) => count(row.velocity)],
  ['loop here', (row) => count(row.loop)],
  ['loop in Linux', (row) => count(row.linux)],
  ['clang -O3', (row) => count(row.native)],
  ['/loop', (row) => ratio(row.velocity, row.loop)],
  ['/Linux', (row) => ratio(row.velocity, row.linux)],
  ['/native', (row) => ratio(row.velocity, row.native)],
  ['words', (row) => count(row.words)],
  ['bound', (row) => count(row.bound)],
];

const cells = (rows: readonly VectorRow[]): string[][] => [
  COLUMNS.map(([head]) => head),
  ...rows.map((row) => COLUMNS.map(([, cell]) => cell(row))),
];

/** Rows in plain text; those with wrong results say whose. */
export const vectorTable = (rows: readonly VectorRow[]): string => {
  return inColumns(cells(rows), 2)
    .split('\n')
    .map((text, i) => {
      const wrong = rows[i - 1]?.wrong ?? [];
      return wrong.length > 0 ? `${text}  WRONG: ${wrong.join(', ')}` : text;
    })
    .join('\n');
};

/** docs/reference/vector-benchmark.md, whole. */
export const vectorPage = (
  rows: readonly VectorRow[],
  { linux, clang, qemu }: Surroundings,
): string => `<!-- Written by \`velocity bench --peers --write\`; do not edit. -->
# The vector helpers next to loops

Each [vector helper](contract.md#vector-helpers) in a module, next to the loop in C that does the same work (\`test/bench/programs/vectors.c\`): compiled to eBPF and run by this kernel's JIT and by Linux' (Debian's \`${linux.package}\`, ${linux.version}), and compiled to native code by clang -O3 -mcpu=cortex-a72. Everything runs on the same emulated Cortex-A72 (QEMU ${qemu}, \`-icount shift=0\`), which has no instruction for dot products, and which counts executed instructions exactly; they are not cycles, which emulation cannot tell. Compiler: ${clang}.

- All are net of an empty program measured the same way. Results and all of the memory are compared with what the same C computes, unoptimised, on the machine that runs the benchmark.
- **words**: A64 words of the program with the helper. Sizes here are known to the verifier; what is not made in place calls a routine, whose words are the kernel's.
- **bound**: what the verifier gives as the most instructions that this program executes.

- **vl_histogram_u8** has its floor at four instructions a byte, to take it out of the word it was loaded with, and to load, add and store its bin: NEON has no scatter, and more tables would only shorten what waits for a store. Its goal would take less than three.

Run it yourself: \`./velocity bench --peers\`; with \`--write\` it renews this page.

## Executed instructions

${markdown(cells(rows))}

## Figures with goals

Means are geometric; the worst is that of a single helper.

\`\`\`
${metricTable(vectorMetrics(rows))}
\`\`\`
`;
