/** Long runs of the fuzzer from a terminal; fuzz.c says how. Ends with 1 when something failed. */
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { missingForEmulator } from '../emulator/build.ts';
import { buildFuzzer } from './build.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '600' },
    programs: { type: 'string', default: '1000000000' },
    seed: { type: 'string', default: '1' },
    code: { type: 'string' },
    memory: { type: 'string', default: '640' },
  },
});

const missing = missingForEmulator();
if (missing) throw new Error(missing);
const { path, executor } = await buildFuzzer();
const args = values.code
  ? ['code', values.code, values.memory, values.seed]
  : [values.programs, values.seed, values.seconds];
process.exitCode = spawnSync(path, [executor, ...args], { stdio: 'inherit' }).status ?? 2;
