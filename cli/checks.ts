/** Everything `velocity test` runs: formatter and linter, type checker and every test. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from '../firmware/index.ts';
import { release, spawnGroupLeashed } from '../rig/child.ts';
import type { Cleanup } from './cleanup.ts';

export type Counts = { readonly passed: number; readonly failed: number; readonly skipped: number };

const none: Counts = { passed: 0, failed: 0, skipped: 0 };

export const sum = (counts: readonly Counts[]): Counts =>
  counts.reduce(
    (total, c) => ({
      passed: total.passed + c.passed,
      failed: total.failed + c.failed,
      skipped: total.skipped + c.skipped,
    }),
    none,
  );

const stripColours = (text: string) =>
  text.replace(new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, 'g'), '');

const countIn = (text: string, pattern: RegExp) => Number(pattern.exec(text)?.[1] ?? 0);

/** ava's reporter closes with the number of tests that passed only when none failed; each has its own tick. */
const countPassed = (text: string) => text.match(/^\s*✔ /gm)?.length ?? 0;

/** Reads the counts off what ava's reporter printed. A run that ends badly without any counts as one failure. */
export const countsOf = (output: string, status: number | null): Counts => {
  const text = stripColours(output);
  const closing = text.slice(-4000);
  const passed = countIn(closing, /^\s*(\d+) tests? passed/m) || countPassed(text);
  const skipped = countIn(closing, /^\s*(\d+) tests? skipped/m);
  const failed =
    countIn(closing, /^\s*(\d+) tests? failed/m) +
    countIn(closing, /^\s*(\d+) hooks? failed/m) +
    countIn(closing, /^\s*(\d+) uncaught exceptions?/m) +
    countIn(closing, /^\s*(\d+) unhandled rejections?/m) +
    countIn(closing, /^\s*(\d+) known failures?/m);
  return { passed, skipped, failed: failed === 0 && status !== 0 ? 1 : failed };
};

/** Runs a Node.js program of node_modules, echoing what it prints. It ends, with all that it started, when this process does. */
const runScript = async (
  cleanup: Cleanup,
  script: string,
  args: readonly string[],
  environment: NodeJS.ProcessEnv = {},
) => {
  const child = spawnGroupLeashed(process.execPath, [`node_modules/${script}`, ...args], {
    cwd: root,
    env: { ...process.env, ...environment },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      output += chunk;
      process.stdout.write(chunk);
    });
  const closed = new Promise<number | null>((resolve) => child.on('close', resolve));
  const end = cleanup.add(() => release(child, closed));
  const status = await closed;
  await end();
  return { status, output };
};

const check = async (
  cleanup: Cleanup,
  name: string,
  script: string,
  args: readonly string[],
): Promise<Counts> => {
  process.stdout.write(`— ${name}\n`);
  const { status } = await runScript(cleanup, script, args);
  return status === 0 ? { ...none, passed: 1 } : { ...none, failed: 1 };
};

const formatAndLint = (cleanup: Cleanup): Promise<Counts> =>
  check(cleanup, 'format and lint', '@biomejs/biome/bin/biome', ['check', '--error-on-warnings', '.']);

const types = (cleanup: Cleanup): Promise<Counts> =>
  check(cleanup, 'types', 'typescript/bin/tsc', ['--noEmit']);

/** Runs the tests that match, all of them without patterns. What they leave in the folder for temporary files is removed. */
export const runTests = async (cleanup: Cleanup, patterns: readonly string[]): Promise<Counts> => {
  process.stdout.write('— tests\n');
  const temporary = mkdtempSync(join(tmpdir(), 'velocity-tests-'));
  const remove = cleanup.add(() => rmSync(temporary, { recursive: true, force: true }));
  const environment = { TMPDIR: temporary };
  const { status, output } = await runScript(cleanup, 'ava/entrypoints/cli.mjs', patterns, environment);
  await remove();
  return countsOf(output, status);
};

/** Formatter and linter, type checker and all tests. The type checker takes one processor half a minute: tests begin meanwhile. */
export const runEverything = async (cleanup: Cleanup): Promise<Counts> =>
  sum([await formatAndLint(cleanup), ...(await Promise.all([types(cleanup), runTests(cleanup, [])]))]);
