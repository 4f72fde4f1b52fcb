/** The figures on the front page: those of the pages that the benchmarks write, with their goals, met or missed. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../firmware/index.ts';

/** A line of the page's list of metrics, or a row of its table of goals. */
type Figure = readonly [what: string, page: string, metric: string];

const figures: readonly Figure[] = [
  ["executed instructions, of those under Linux's JIT", 'jit-benchmark', 'peers_executed_of_linux'],
  ['… of those of native `clang -O2`, as `module load` sends it', 'jit-benchmark', 'peers_loaded_of_native'],
  [
    '… of those of native `clang -O2`, compiled by the board alone',
    'jit-benchmark',
    'peers_executed_of_native',
  ],
  ['A64 words per eBPF instruction of large objects', 'jit-benchmark', 'objects_words_per_insn'],
  ['… of the worst of them', 'jit-benchmark', 'objects_words_per_insn_worst'],
  ['compiling, per eBPF instruction', 'jit-benchmark', 'peers_compile_per_insn'],
  ["vector helpers, of the loop under Linux's JIT", 'vector-benchmark', 'vectors_executed_of_linux'],
  ['… the worst of them', 'vector-benchmark', 'vectors_worst_of_linux'],
  [
    'verifying on the board, per eBPF instruction, 500 branches',
    'verifier-benchmark',
    'check_per_insn_worst_branches',
  ],
  ['… of the programs of the benchmark', 'verifier-benchmark', 'check_per_insn_programs'],
  ['memory to verify 4,096 instructions', 'verifier-benchmark', 'check_memory'],
  ['searching a certificate on the host, longest', 'verifier-benchmark', 'infer_max'],
  ["good programs of Linux' own tests that are refused", 'linux-selftests', 'selftests_good_refused'],
  ['… bad ones that are accepted', 'linux-selftests', 'selftests_bad_accepted'],
  ['what the loop takes off executed eBPF instructions', 'proposers', 'executed'],
  ['what the loop takes off the size of programs', 'proposers', 'static'],
  ['proposals that the prover decides', 'proposers', 'decided within 5 s'],
];

const LISTED = /^(?<value>\S+)\s+(?<goal>≤ \S+)\s+(?<unit>.*?)\s+(?<met>met|missed)$/;
const TABLED = /^\| (?<value>[^|]+) \| (?<goal>[^|]+) \| (?<met>met|missed) \|$/;

/** @throws Error when the page has no such metric */
const read = (page: string, metric: string) => {
  const lines = readFileSync(join(root, 'docs/reference', `${page}.md`), 'utf8').split('\n');
  const rest = (start: string) => lines.find((line) => line.startsWith(start))?.slice(start.length);
  const found = LISTED.exec(rest(`${metric} `)?.trim() ?? '') ?? TABLED.exec(rest(`| ${metric} `) ?? '');
  if (!found?.groups) throw new Error(`docs/reference/${page}.md has no figure ${metric}`);
  return found.groups as { value: string; goal: string; unit?: string; met: string };
};

/** Cells of each row: what, value, goal, whether it is met, and the page. */
export const figureRows = (of: readonly Figure[] = figures): string[][] =>
  of.map(([what, page, metric]) => {
    const { value, goal, unit, met } = read(page, metric);
    const unitOf = unit === undefined || unit === 'ratio' || unit === 'A64 words' ? '' : ` ${unit}`;
    return [what, `${value}${unitOf}`, goal, met, `[${page}](docs/reference/${page}.md)`];
  });
