/** Interrupts save v0..v7 and v16..v31 only (boot/vectors.S): nothing in the kernel may use the others. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { findTool, root } from '../../firmware/index.ts';

const folder = join(root, 'kernel-aarch64/neon');
const flags = [
  '--target=aarch64-none-elf',
  '-march=armv8-a',
  '-ffreestanding',
  '-std=c23',
  '-I',
  join(root, 'kernel-aarch64'),
];
const kept = /\b[vqdshb](?:8|9|1[0-5])(?:\.|\b)/;
const clang = findTool('clang');
const ifClang = clang ? test : test.skip;

const assemblyOf = (source: string, level: string, temporary: string): string[] => {
  const output = join(temporary, 'a.s');
  execFileSync(clang!, [...flags, level, '-S', '-o', output, join(folder, source)]);
  return execFileSync('cat', [output], { encoding: 'utf8' })
    .split('\n')
    .filter((line) => /^\t[a-z]/.test(line));
};

ifClang('vector routines leave v8 to v15 alone', (t) => {
  const temporary = mkdtempSync(join(tmpdir(), 'velocity-vectors-'));
  for (const source of readdirSync(folder).filter((name) => name.endsWith('.c'))) {
    const lines = assemblyOf(source, '-Os', temporary);
    t.true(lines.length > 0);
    t.deepEqual(
      lines.filter((line) => kept.test(line)),
      [],
      source,
    );
  }
  rmSync(temporary, { recursive: true });
});

test('the check sees a register that is kept', (t) => {
  t.regex('\tadd\tv9.4s, v1.4s, v2.4s', kept);
  t.regex('\tldr\tq15, [x0]', kept);
  t.notRegex('\tadd\tv16.8h, v1.8h, v7.8h', kept);
});
