/** Compiles small C programs against the kernel's headers for the machine the tests run on. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const KERNEL = fileURLToPath(new URL('../../kernel-aarch64', import.meta.url));

/** Whether a tool can be run; tests that need it say so and are skipped where it is missing. */
export const hasTool = (tool: string) => spawnSync(tool, ['--version']).status === 0;

/** Path of the program that clang-19 makes of this source. */
export const compileNative = (source: string, sources: readonly string[] = []): string => {
  const folder = mkdtempSync(join(tmpdir(), 'velocity-jit-'));
  const file = join(folder, 'test.c');
  const program = join(folder, 'test');
  writeFileSync(file, source);
  const paths = sources.map((path) => join(KERNEL, path));
  execFileSync('clang-19', [
    '-std=c23',
    '-O1',
    '-Wall',
    '-Wextra',
    '-Werror',
    `-I${KERNEL}`,
    '-o',
    program,
    file,
    ...paths,
  ]);
  return program;
};

export const runNative = (program: string, input = ''): string =>
  execFileSync(program, { input, maxBuffer: 1 << 26 }).toString();
