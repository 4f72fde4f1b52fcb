/** Everything `velocity test` runs, in order: formatter and linter, type checker, the kernel build, then every test. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from '../firmware/index.ts';

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

/** Runs a Node.js program of node_modules, echoing what it prints. */
const runScript = (script: string, args: readonly string[], environment: NodeJS.ProcessEnv = {}) =>
  new Promise<{ status: number | null; output: string }>((resolve) => {
    const child = spawn(process.execPath, [`node_modules/${script}`, ...args], {
      cwd: root,
      env: { ...process.env, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    const echo = (chunk: Buffer) => {
      output += chunk;
      process.stdout.write(chunk);
    };
    child.stdout.on('data', echo);
    child.stderr.on('data', echo);
    child.on('close', (status) => resolve({ status, output }));
  });

const check = async (name: string, script: string, args: readonly string[]): Promise<Counts> => {
  process.stdout.write(`— ${name}\n`);
  const { status } = await runScript(script, args);
  return status === 0 ? { ...none, passed: 1 } : { ...none, failed: 1 };
};

/** Formatter, linter and type checker: one check each. */
export const staticChecks = async (): Promise<Counts> =>
  sum([
    await check('format and lint', '@biomejs/biome/bin/biome', ['check', '--error-on-warnings', '.']),
    await check('types', 'typescript/bin/tsc', ['--noEmit']),
  ]);

/** Runs the tests that match, all of them without patterns. What they leave in the folder for temporary files is removed. */
export const runTests = async (patterns: readonly string[]): Promise<Counts> => {
  process.stdout.write('— tests\n');
  const temporary = mkdtempSync(join(tmpdir(), 'velocity-tests-'));
  try {
    const { status, output } = await runScript('ava/entrypoints/cli.mjs', patterns, { TMPDIR: temporary });
    return countsOf(output, status);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
};
