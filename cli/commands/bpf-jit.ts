import { spawnSync } from 'node:child_process';
import type { Command } from 'commander';
import { jitObject } from '../../ebpf/index.ts';
import { findTool } from '../../firmware/index.ts';
import type { Context } from '../context.ts';
import { OutcomeError } from '../failure.ts';
import { readObject } from '../module-file.ts';
import type { Output } from '../output.ts';

const bytesOf = (word: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(word >>> 0);
  return [...bytes].map((byte) => `0x${byte.toString(16)}`).join(' ');
};

/** A64 text by LLVM where it is installed, one line a word; undefined where it is not. */
const disassembleA64 = (words: Uint32Array): string[] | undefined => {
  const mc = findTool('llvmMc');
  if (!mc) return undefined;
  const input = [...words].map((word) => `${bytesOf(word)}\n`).join('');
  const { stdout, status } = spawnSync(mc, ['--disassemble', '--triple=aarch64', '-mattr=+all'], {
    input,
    encoding: 'utf8',
  });
  const lines = stdout.split('\n').filter((line) => line.startsWith('\t') && !line.startsWith('\t.'));
  return status === 0 && lines.length === words.length
    ? lines.map((line) => line.trim().replaceAll('\t', ' '))
    : undefined;
};

const hex = (word: number) => (word >>> 0).toString(16).padStart(8, '0');

type Row = Awaited<ReturnType<typeof jitObject>>[number];

const show = (file: string, { section, function: name, insns, result }: Row, output: Output) => {
  const head = { file, section, function: name, bpf_insns: insns };
  if (!result.ok) {
    const { error } = result;
    output.fact({ ...head, ok: false, error }, `; ${name}: ${error.code}: ${error.message}\n`);
    return;
  }
  const { words } = result;
  const text = disassembleA64(words);
  const code = Buffer.from(words.buffer, words.byteOffset, words.byteLength).toString('hex');
  const lines = [...words].map((word, i) => `  ${hex(word)}  ${text?.[i] ?? ''}`.trimEnd());
  output.fact(
    { ...head, ok: true, a64_insns: words.length, hex: code, ...(text ? { text } : {}) },
    `; ${section}: ${name}, ${insns} eBPF instructions, ${words.length} of A64\n${lines.join('\n')}\n`,
  );
};

/** `velocity bpf jit FILE` */
export const registerBpfJit = (parent: Command, context: Context): void => {
  parent
    .command('jit')
    .description('show the A64 code that a board would run for each program of an object')
    .argument('<file>', 'object compiled with clang --target=bpf, or C source')
    .addHelpText('after', '\nExample:\n  velocity bpf jit modules/fir/fir.c')
    .action(async (file: string) => {
      const rows = await jitObject(await readObject(file));
      for (const row of rows) show(file, row, context.output);
      const refused = rows.filter(({ result }) => !result.ok).length;
      if (refused > 0) throw new OutcomeError('verify_failed', `${refused} programs are refused`);
    });
};
