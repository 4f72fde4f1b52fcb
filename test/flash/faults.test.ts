/** The table of faults, row by row: the error is the one that it names, nothing hangs, and the next try works. */
import test, { type ExecutionContext } from 'ava';
import { failureOf } from '../../cli/failure.ts';
import type { Attempt } from './attempts.ts';
import { type Backend, backends, faults, type Row } from './faults.ts';

type AnyAttempt = Attempt<unknown>;

/** Each wait of a quick try is far shorter. */
const HANG_MS = 60_000;

const outcome = (work: Promise<{ transfers: number }>) =>
  work.then(
    ({ transfers }) => ({ code: 'works', message: '', transfers }),
    (error: unknown) => {
      const { code, message } = failureOf(error);
      return { code, message, transfers: 0 };
    },
  );

/** Pace of a row whose point is a wait that ends. */
const paceOf = ({ code }: Row) => (code === 'timeout' ? 'quick' : 'patient');

const check = async (
  t: ExecutionContext,
  { make }: Backend,
  row: Row,
  trial: unknown,
  where: string,
  at = -1,
) => {
  const attempt = make() as unknown as AnyAttempt;
  const got = await outcome(attempt(trial, paceOf(row)));
  if (at > 3 && got.code === 'works' && got.transfers <= at) return; // over before: on a busy machine some are repeated
  t.is(got.code, row.code, `${where}: ${got.message}`);
  if (row.code !== 'works') t.true(got.message.includes(row.says), `${where}: ${got.message}`);
  t.is((await outcome(attempt(undefined, 'patient'))).message, '', `${where}: the next try works`);
};

/** A device that leaves, or falls silent, when it has everything has done its part. */
const everyTransfer = async (t: ExecutionContext, backend: Backend, row: Row) => {
  const trial = row.trial as (at: number) => unknown;
  const { transfers } = await (backend.make() as unknown as AnyAttempt)(undefined, 'patient');
  const last = row.fault === 'unplug' && backend.name === 'rpiboot' ? transfers - 1 : transfers;
  t.true(last > 3);
  for (let at = 0; at < last; at++)
    await check(t, backend, row, trial(at), `transfer ${at} of ${transfers}`, at);
};

for (const backend of backends) {
  for (const [at, row] of backend.rows.entries()) {
    if (row.trial === undefined) continue;
    test.serial(`${backend.name}: ${faults[row.fault]} ends as ${row.code} (${at})`, async (t) => {
      t.timeout(HANG_MS);
      if (typeof row.trial === 'function') await everyTransfer(t, backend, row);
      else await check(t, backend, row, row.trial, 'once');
    });
  }
}

test('every_fault_has_a_row_on_every_way', (t) => {
  for (const { name, rows } of backends) {
    const named = new Set(rows.map(({ fault }) => fault));
    t.deepEqual([...named].sort(), Object.keys(faults).sort(), name);
  }
});
