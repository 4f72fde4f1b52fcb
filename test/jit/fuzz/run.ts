/** Long runs of the fuzzer from a terminal; fuzz.c says how. Ends with 1 when something failed. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { root } from '../../../firmware/index.ts';
import { nextBatch } from '../../fuzz/c-programs.ts';
import { missingForEmulator } from '../emulator/build.ts';
import { buildFuzzer } from './build.ts';

/** Changed ones of each batch of compiled ones, between which clang runs for some seconds. */
const OF_A_BATCH = 40_000;

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '600' },
    programs: { type: 'string', default: '1000000000' },
    seed: { type: 'string', default: '1' },
    compiled: { type: 'boolean', default: false },
    code: { type: 'string' },
    memory: { type: 'string', default: '640' },
  },
});

const missing = missingForEmulator();
if (missing) throw new Error(missing);
const { path, executor } = await buildFuzzer();
const fuzz = (args: readonly string[]) =>
  spawnSync(path, [executor, ...args], { stdio: 'inherit' }).status ?? 2;

/** Until the time is over or something failed; the seed of a batch is that of its changes, too. */
const fuzzCompiled = async (): Promise<number> => {
  const end = performance.now() + 1000 * Number(values.seconds);
  let status = 0;
  for (let next = Number(values.seed); status === 0 && performance.now() < end; ) {
    const batch = await nextBatch(next, join(root, 'build/fuzz/jit-compiled'));
    next = batch.seed + 1;
    const left = Math.ceil((end - performance.now()) / 1000);
    const programs = Math.min(OF_A_BATCH, Number(values.programs));
    status = fuzz([String(programs), String(batch.seed), String(Math.max(1, left)), batch.path]);
  }
  return status;
};

if (values.compiled) process.exitCode = await fuzzCompiled();
else if (values.code) process.exitCode = fuzz(['code', values.code, values.memory, values.seed]);
else process.exitCode = fuzz([values.programs, values.seed, values.seconds]);
