/** A64 code as text. */
import { spawnSync } from 'node:child_process';
import { findTool } from '../firmware/index.ts';

const bytesOf = (word: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(word >>> 0);
  return [...bytes].map((byte) => `0x${byte.toString(16)}`).join(' ');
};

/** A64 text by LLVM where it is installed, one line a word; undefined where it is not. */
export const disassembleA64 = (words: Uint32Array): string[] | undefined => {
  const mc = findTool('llvmMc');
  if (!mc) return undefined;
  const input = [...words].map((word) => `${bytesOf(word)}\n`).join('');
  const { stdout, status } = spawnSync(mc, ['--disassemble', '--triple=aarch64', '-mattr=+all'], {
    input,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  const lines = stdout.split('\n').filter((line) => line.startsWith('\t') && !line.startsWith('\t.'));
  return status === 0 && lines.length === words.length
    ? lines.map((line) =>
        line
          .replace(/\/\/.*/, '')
          .trim()
          .replaceAll('\t', ' '),
      )
    : undefined;
};
