import { type Command, Option } from 'commander';
import type { LinuxType } from '../../abi/index.ts';
import { type CpuName, cpuFeatures, disassemble, type JitRow, jitObject } from '../../ebpf/index.ts';
import { disassembleA64 } from '../a64-text.ts';
import type { Context } from '../context.ts';
import { readObject } from '../module-file.ts';
import type { Output } from '../output.ts';
import { addPlatformOptions, checkRefused, kernelOf } from './bpf-objects.ts';

type Compiled = JitRow & { readonly result: { readonly ok: true } };
type JitCommandOptions = {
  readonly platform: 'velocity' | 'linux';
  readonly type?: LinuxType;
  readonly btf?: string;
  readonly cpu: CpuName;
};

const hex = (word: number) => (word >>> 0).toString(16).padStart(8, '0');
const BPF_COLUMN = 44;

/** Each word beside the instruction that it comes from; instructions without a word of their own stand alone. */
const sideBySide = ({ code, result }: Compiled): string[] => {
  const text = disassembleA64(result.words);
  const bpf = new Map(disassemble(code).map((line) => [line.slot, `${line.slot}: ${line.text}`]));
  const lines: string[] = [];
  let next = 0;
  let last: number | undefined;
  for (const [i, word] of result.words.entries()) {
    const slot = result.insnOfWord[i];
    for (; slot !== undefined && next < slot; next += 1) if (bpf.has(next)) lines.push(bpf.get(next)!);
    const left = slot === undefined || slot === last ? '' : (bpf.get(slot) ?? '');
    lines.push(`${left.padEnd(BPF_COLUMN)}  ${hex(word)}  ${text?.[i] ?? ''}`.trimEnd());
    if (slot !== undefined) next = Math.max(next, slot + 1);
    last = slot;
  }
  return lines;
};

/** What the words do, by their encoding (DDI 0487 C4.1). */
const kindOf = (word: number): 'memory' | 'calls' | 'branches' | 'data' => {
  if ((word & 0x0a000000) === 0x08000000) return 'memory';
  if ((word & 0xfc000000) >>> 0 === 0x94000000 || (word & 0xfffffc1f) >>> 0 === 0xd63f0000) return 'calls';
  return (word & 0x1c000000) === 0x14000000 ? 'branches' : 'data';
};

const costOf = ({ insns, result }: Compiled) => {
  const counts = { memory: 0, calls: 0, branches: 0, data: 0 };
  for (const word of result.words) counts[kindOf(word)] += 1;
  return { insns, words: result.words.length, ...counts };
};

type Cost = ReturnType<typeof costOf>;

const COLUMNS = ['eBPF', 'A64', 'A64/eBPF', 'memory', 'branches', 'calls', 'data'];

const costLine = (name: string, cost: Cost, width: number) => {
  const { insns, words, memory, branches, calls, data } = cost;
  const numbers = [insns, words, (words / insns).toFixed(2), memory, branches, calls, data];
  return name.padEnd(width) + numbers.map((n, i) => String(n).padStart(COLUMNS[i]!.length + 2)).join('');
};

const NOTHING: Cost = { insns: 0, words: 0, memory: 0, calls: 0, branches: 0, data: 0 };

const added = (a: Cost, b: Cost): Cost => ({
  insns: a.insns + b.insns,
  words: a.words + b.words,
  memory: a.memory + b.memory,
  calls: a.calls + b.calls,
  branches: a.branches + b.branches,
  data: a.data + b.data,
});

const costTable = (rows: readonly Compiled[]): string => {
  const width = Math.max(8, ...rows.map((row) => row.function.length));
  const costs = rows.map(costOf);
  return [
    'program'.padEnd(width) + COLUMNS.map((title) => title.padStart(title.length + 2)).join(''),
    ...rows.map((row, i) => costLine(row.function, costs[i]!, width)),
    ...(rows.length > 1 ? [costLine('all', costs.reduce(added, NOTHING), width)] : []),
  ].join('\n');
};

const isCompiled = (row: JitRow): row is Compiled => row.result.ok;

const show = (file: string, row: JitRow, output: Output) => {
  const { section, function: name, insns } = row;
  const head = { file, section, function: name, bpf_insns: insns };
  if (!isCompiled(row)) {
    const { error } = row.result as Extract<JitRow['result'], { ok: false }>;
    const where = section ? `${section}: ${name}` : file;
    output.fact({ ...head, error }, `; ${where}: ${error.code}: ${error.message}\n`);
    return;
  }
  const { words } = row.result;
  const code = Buffer.from(words.buffer, words.byteOffset, words.byteLength).toString('hex');
  if (output.json) output.fact({ ...head, a64_insns: words.length, hex: code }, '');
  else output.print(`; ${section}: ${name}\n${sideBySide(row).join('\n')}\n`);
};

/** What an object costs in all; programs that have no code are counted beside. */
const totalOf = (file: string, rows: readonly JitRow[]) => {
  const compiled = rows.filter(isCompiled);
  const { insns, words, ...kinds } = compiled.map(costOf).reduce(added, NOTHING);
  const refused = rows.length - compiled.length;
  return { file, programs: compiled.length, refused, bpf_insns: insns, a64_insns: words, a64_kinds: kinds };
};

/** `velocity bpf jit FILE…` */
export const registerBpfJit = (parent: Command, context: Context): void => {
  const command = parent
    .command('jit')
    .description('show the A64 code that a board would run for each program of an object, and what it costs')
    .argument('<files...>', 'objects compiled with clang --target=bpf, or C sources');
  addPlatformOptions(command)
    .addOption(
      new Option('--cpu <name>', 'whose instructions may be used')
        .choices(Object.keys(cpuFeatures))
        .default('cortex-a72'),
    )
    .addHelpText(
      'after',
      '\nExample:\n  velocity bpf jit modules/fir/fir.c\n  velocity bpf jit --platform linux --cpu cortex-a76 xdp_drop.o\nWith --json each file ends with a line of what its programs cost in all.',
    )
    .action(async (files: string[], options: JitCommandOptions) => {
      const all: JitRow[] = [];
      const kernel = await kernelOf(options);
      for (const file of files) {
        const rows = await jitObject(await readObject(file), { ...options, ...kernel });
        for (const row of rows) show(file, row, context.output);
        if (context.output.json) context.output.fact(totalOf(file, rows), '');
        all.push(...rows);
      }
      const compiled = all.filter(isCompiled);
      if (compiled.length > 0) context.output.print(costTable(compiled));
      checkRefused(all.filter((row) => !row.result.ok));
    });
};
