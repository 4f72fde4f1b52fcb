/** The table for people, and the page of the reference. */
import { inColumns } from '../../../cli/columns.ts';
import { markdown } from '../markdown.ts';
import { table as metricTable } from '../metric.ts';
import { type CycleRow, cycleSection } from './cycles.ts';
import { type Improved, improvedSection } from './improved.ts';
import type { LinuxKernel } from './linux-package.ts';
import type { ObjectRow } from './objects.ts';
import { objectSection } from './objects-page.ts';
import { peerMetrics, type Row } from './row.ts';

const COLUMNS: readonly (readonly [head: string, cell: (row: Row) => string])[] = [
  ['program', (row) => row.program],
  ['eBPF', (row) => String(row.insns)],
  ['velocity', (row) => count(row.velocity)],
  ['Linux', (row) => count(row.linux)],
  ['native', (row) => count(row.native)],
  ['plain', (row) => count(row.plain)],
  ['/Linux', (row) => ratio(row.velocity, row.linux)],
  ['/native', (row) => ratio(row.velocity, row.native)],
  ['/plain', (row) => ratio(row.velocity, row.plain)],
  ['words', (row) => count(row.words)],
  ['Linux words', (row) => count(row.linux_words)],
  ['verify', (row) => count(row.verify)],
  ['compile', (row) => count(row.compile)],
  ['Linux load', (row) => count(row.linux_load)],
];

const count = (value: number) => value.toLocaleString('en');
const ratio = (value: number, of: number) => (value / of).toFixed(2);

const cells = (rows: readonly Row[]): string[][] => [
  COLUMNS.map(([head]) => head),
  ...rows.map((row) => COLUMNS.map(([, cell]) => cell(row))),
];

/** Rows in plain text; those with wrong results say whose. */
export const rowTable = (rows: readonly Row[]): string =>
  inColumns(cells(rows))
    .split('\n')
    .map((line, i) => {
      const wrong = rows[i - 1]?.wrong ?? [];
      return wrong.length > 0 ? `${line}  WRONG: ${wrong.join(', ')}` : line;
    })
    .join('\n');

const BAR = 40;

const bar = (row: Row): string => {
  const line = (label: string, value: number, of: number) =>
    `${label}${'█'.repeat(Math.max(1, Math.round((value / of) * BAR)))} ${count(value)}`;
  const longest = Math.max(row.linux, row.velocity, row.plain);
  return [
    line(`${row.program.padEnd(14)} velocity `, row.velocity, longest),
    line(`${''.padEnd(14)} Linux    `, row.linux, longest),
    line(`${''.padEnd(14)} native   `, row.native, longest),
  ].join('\n');
};

/** What the page says beside the figures. */
export type Surroundings = { readonly linux: LinuxKernel; readonly clang: string; readonly qemu: number };

const wrongNote = (rows: readonly Row[]) =>
  rows
    .filter((row) => row.wrong.length > 0)
    .map(
      (row) => `\n**${row.program} is wrong** in: ${row.wrong.join(', ')}. It counts in no figure below.\n`,
    )
    .join('');

export type Compared = {
  readonly rows: readonly Row[];
  readonly objectRows: readonly ObjectRow[];
  readonly cycles: readonly CycleRow[];
  readonly improved: readonly Improved[];
};

/** docs/reference/jit-benchmark.md, whole. */
export const page = (
  { rows, objectRows, cycles, improved }: Compared,
  { linux, clang, qemu }: Surroundings,
): string => `<!-- Written by \`velocity bench --peers --write\`; do not edit. -->
# The JIT next to its peers

The same ${rows.length} programs, compiled once to eBPF from C (\`test/bench/programs\`), run by this kernel's JIT and by Linux' (Debian's \`${linux.package}\`, ${linux.version}), and compiled to native code by clang -O2 -mcpu=cortex-a72. Everything runs on the same emulated Cortex-A72 (QEMU ${qemu}, \`-icount shift=0\`), which counts executed instructions exactly; they are not cycles, which emulation cannot tell. Compiler: ${clang}.

- **velocity**: the \`run\` message; the cycle counter around one run.
- **Linux**: \`BPF_PROG_TEST_RUN\` of an XDP program whose memory is the value of an array map, which gives it the very same bytecode after two more instructions; median of eleven samples of some 400,000 instructions.
- **native** and **plain**: the same C in a process, measured as often; plain is without vectors and partly unrolled loops, which clang does not make for eBPF. What lies between the two is the front end's; what lies between plain and velocity is the JIT's. Native code of \`fibonacci\`, \`ip_checksum\`, \`load_balancer\`, \`fir\` and \`gemv\` works on vectors or several elements a turn, as this JIT makes of loops of a known number of turns that copy, add up or multiply what lies side by side, and of the sums of products in filters that clang unrolled; of others it does not.
- All are net of an empty program measured the same way. That takes Linux' fixed prologue off its figures, as far as an empty program has it, and nothing off ours but \`mov\` and \`ret\`.
- Each result and all of the memory are compared with what the same C computes, unoptimised, on the machine that runs the benchmark. A row where anything differs is an error.
- **words**: A64 words of the compiled program. **verify**, **compile** and **Linux load**: executed instructions of loading the program, the system call included in Linux.

Run it yourself: \`./velocity bench --peers\`; with \`--write\` it renews this page.

## Executed instructions

${markdown(cells(rows))}
${wrongNote(rows)}
\`\`\`
${rows.map(bar).join('\n')}
\`\`\`

## Figures with goals

Ratios are geometric means over the programs; figures per instruction are sums over all programs, divided.

\`\`\`
${metricTable(peerMetrics(rows))}
\`\`\`

${improvedSection(improved, rows)}
${cycleSection(cycles)}
${objectSection(objectRows)}
## The programs

${markdown([['program', 'what it does'], ...rows.map((row) => [row.program, row.title])]).replace('--:', '---')}
`;
