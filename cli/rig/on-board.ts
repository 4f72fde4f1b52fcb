/**
 * Run by ava, one process a board: powers, flashes and boots it, runs the chosen tests on it, and collects what it left.
 * What happens is appended to the record of the session, line by line, so that nothing is lost when this process is.
 */
import test from 'ava';
import { DEFAULT_TIMEOUT_SECONDS, selectCases } from '../../rig/suites/index.ts';
import { Attendant } from './attendant.ts';
import { readSession, TEMPORARY_VARIABLE } from './session.ts';
import { runCase } from './try-case.ts';

const START_MS = 15 * 60_000;
const SPARE_MS = 30_000;

/** Not set from the start: where it points then, tsx looks for what it compiled before. */
process.env.TMPDIR = process.env[TEMPORARY_VARIABLE]!;

const session = readSession();
const attendant = new Attendant(session);

test.before(async (t) => {
  t.timeout(START_MS);
  await attendant.start();
});

test.after.always(async (t) => {
  t.timeout(60_000);
  await attendant.end();
});

for (const each of selectCases(session)) {
  test.serial(`${each.suite}: ${each.name}`, async (t) => {
    const tries = 1 + (each.retry?.times ?? 0);
    t.timeout((each.timeoutSeconds ?? DEFAULT_TIMEOUT_SECONDS) * 1000 * tries + SPARE_MS);
    await runCase(t, each, attendant);
  });
}
