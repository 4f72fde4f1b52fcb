/** A short run of every target, always the same; `velocity fuzz` runs as long as asked. */
import test from 'ava';
import { findTool } from '../../firmware/index.ts';
import { fuzz, toolsFor } from './fuzz.ts';
import { targets } from './targets.ts';

const RUNS = 20_000;

for (const target of Object.values(targets)) {
  // test/verifier/oracle.test.ts, linux/verdicts.test.ts, equivalence/equivalence.test.ts, modules/modules.test.ts
  if ('sanitized' in target || 'verdicts' in target || 'proofs' in target || 'lives' in target) continue;
  const it = toolsFor(target).every(findTool) ? test.serial : test.serial.skip; // such as Debian's libclang-rt-19-dev
  it(`${target.name}_keeps_its_promises_on_${RUNS}_inputs`, async (t) => {
    t.timeout(120_000);
    const { ok, runs, features, report } = await fuzz(target, { runs: RUNS, seed: 1 });
    t.true(ok, report);
    t.true(runs >= RUNS, `${runs} runs`);
    t.true(features > ('read' in target ? 10 : 20), `${features} features: the inputs went nowhere`);
  });
}
