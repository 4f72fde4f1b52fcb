import type { Command } from 'commander';
import type { LinuxType } from '../../abi/index.ts';
import { type ExplainedLine, type VerifyRow, verifyObject } from '../../ebpf/index.ts';
import type { Context } from '../context.ts';
import { readObject } from '../module-file.ts';
import { addPlatformOptions, checkRefused, kernelOf } from './bpf-objects.ts';

const stateOf = ({ registers, stack }: ExplainedLine) =>
  [
    ...Object.entries(registers).map(([name, text]) => `${name}=${text}`),
    ...Object.entries(stack).map(([offset, text]) => `[r10${offset}]=${text}`),
  ].join('  ');

/** The program with its source, what is known before each instruction, and the refusal below the instruction that it names. */
const explain = (row: VerifyRow): string[] => {
  let line: number | undefined;
  return (row.explain ?? []).flatMap((at) => {
    const source = at.line !== undefined && at.line !== line ? [`      ; ${at.line}: ${at.source}`] : [];
    line = at.line ?? line;
    const state = at.ways === 0 ? 'no run that was looked at comes here' : stateOf(at);
    const text = `${`${at.insn}`.padStart(5)}: ${at.text.padEnd(36)} ${state}`.trimEnd();
    const refused = row.error?.insn === at.insn ? [`       ^ ${row.error.code}: ${row.error.message}`] : [];
    return [...source, text, ...refused];
  });
};

const describe = (row: VerifyRow) => {
  const where = row.section === '' ? row.file : `${row.section}: ${row.function}`;
  if (!row.error) return `accepted  ${where}  ${row.insns} insns, at most ${row.bound_insns} executed`;
  const { code, insn, line, source, message } = row.error;
  const at = insn === undefined ? '' : ` at instruction ${insn}`;
  const known = Object.entries(row.error.registers ?? {}).map(([name, text]) => `${name}=${text}`);
  const state = known.length === 0 ? '' : ` [${known.join(', ')}]`;
  return `refused   ${where}  ${code}${at}${line === undefined ? '' : ` (${source}:${line})`}: ${message}${state}`;
};

type Options = { platform: 'velocity' | 'linux'; type?: LinuxType; btf?: string; explain?: boolean };

/** `velocity bpf verify FILE…` */
export const registerBpfVerify = (parent: Command, context: Context): void => {
  const command = parent
    .command('verify')
    .description("run the board's own verifier on each program of an object, without a board")
    .argument('<files...>', 'objects compiled with clang --target=bpf, or C sources');
  addPlatformOptions(command)
    .option('--explain', 'show what is known before each instruction')
    .addHelpText(
      'after',
      '\nExample:\n  velocity bpf verify modules/fir/fir.c\n  velocity bpf verify --platform linux --btf /sys/kernel/btf/vmlinux xdp_drop.o',
    )
    .action(async (files: string[], options: Options) => {
      const all: VerifyRow[] = [];
      const kernel = await kernelOf(options);
      for (const file of files) {
        const rows = await verifyObject(await readObject(file), { file, ...options, ...kernel });
        for (const row of rows) {
          context.output.fact({ ...row, verdict: row.ok ? 'accepted' : 'refused' }, describe(row));
          for (const line of explain(row)) context.output.print(line);
        }
        all.push(...rows);
      }
      checkRefused(all.filter((row) => !row.ok));
    });
};
