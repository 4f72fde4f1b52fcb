/** A short run of the fuzzer, the same programs each time; fuzz.c says how to run it for long. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import test from 'ava';
import { root } from '../../../firmware/index.ts';
import { nextBatch } from '../../fuzz/c-programs.ts';
import { missingForEmulator } from '../emulator/build.ts';
import { buildFuzzer, type Fuzzer } from './build.ts';
import { regressions } from './regressions.ts';

const PROGRAMS = 1500;
const CHANGED = 2000;
const missing = missingForEmulator();
const ifEmulated = missing ? test.serial.skip : test.serial;
if (missing) process.stderr.write(`fuzz.test.ts: skipped, ${missing}\n`);

let built: Promise<Fuzzer> | undefined;
const fuzzer = async (...args: readonly string[]) => {
  built ??= buildFuzzer();
  const { path, executor } = await built;
  return spawnSync(path, [executor, ...args], { encoding: 'utf8', timeout: 120_000 });
};

ifEmulated(`${PROGRAMS} programs with wild control flow do the same in both`, async (t) => {
  const { stdout, status } = await fuzzer(String(PROGRAMS), '1', '60');
  const totals = JSON.parse(stdout.trim().split('\n').at(-1)!) as { ran: number; wrong: number };
  t.is(status, 0, stdout);
  t.is(totals.wrong, 0);
  t.true(totals.ran > PROGRAMS / 2, `only ${totals.ran} ran, so little was checked`);
});

ifEmulated(`${CHANGED} programs of a compiler, most of them changed, do the same in both`, async (t) => {
  const { path } = await nextBatch(1, join(root, 'build/fuzz/jit-compiled-test'));
  const { stdout, status } = await fuzzer(String(CHANGED), '1', '60', path);
  const totals = JSON.parse(stdout.trim().split('\n').at(-1)!) as { ran: number; wrong: number };
  t.is(status, 0, stdout);
  t.is(totals.wrong, 0);
  t.true(totals.ran > CHANGED / 3, `only ${totals.ran} ran, so little was checked`);
});

for (const { name, code, seed } of regressions) {
  ifEmulated(`what failed once: ${name}`, async (t) => {
    const { stdout, status } = await fuzzer('code', code, '640', String(seed));
    t.is(status, 0, stdout);
  });
}

ifEmulated('a program that does not verify is refused, not run', async (t) => {
  const { stdout, status } = await fuzzer('code', '9500000000000000', '640', '1');
  t.is(status, 3, stdout);
});
