/** Properties that hold for all programs and all operators, checked by native programs. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import test from 'ava';
import { fuzz } from '../fuzz/fuzz.ts';
import { targets } from '../fuzz/targets.ts';
import { buildExecutor, missingForEmulator } from '../jit/emulator/build.ts';
import { build, outputOf } from './native.ts';

let domain: Promise<string> | undefined;
const domainOutput = () => {
  domain ??= build('domain').then((program) => outputOf(program, ['400']));
  return domain;
};

test('no number escapes an operator of the scalar domain', async (t) => {
  t.regex(await domainOutput(), /^ok 400 elements$/m);
});

/** Renew with `build/programs/verifier-domain-* 400 > test/verifier/domain-precision.txt` when an operator allows fewer numbers, or on purpose more. */
test('the operators allow as many numbers as before', async (t) => {
  const before = readFileSync(new URL('domain-precision.txt', import.meta.url), 'utf8');
  t.is(await domainOutput(), before);
});

test('no run is lost where the checker keeps a state, compares it with another, makes less of it or spreads it over the turns of a loop', async (t) => {
  const lines = (await outputOf(await build('waiting'), ['30000'])).trim().split('\n');
  const held = lines.map((line) => /^(\w+) +\d+ tried, (\d+) taken, (\d+) runs held$/.exec(line)!);
  t.deepEqual(
    held.map(([, name]) => name),
    ['covers', 'pack', 'change', 'apply', 'beside', 'spread', 'turns'],
  );
  for (const [, name, taken, runs] of held) {
    t.true(Number(taken) > 2000, `${name}: only ${taken} were taken, so little was checked`);
    t.true(Number(runs) > 5000, `${name}: only ${runs} runs`);
  }
});

type Totals = {
  programs: number;
  accepted: number;
  checked: number;
  certified: number;
  certified_checked: number;
  damaged_accepted: number;
  forged: number;
  forged_accepted: number;
  compared: number;
  records: number;
};

const missing = missingForEmulator();
if (missing) process.stderr.write(`oracle.test.ts: nothing is compiled, ${missing}\n`);

test('no run of an accepted program, with or without certificate, leaves its abstract states, its facts or its bound, compiled it leaves the same, and nothing does what C leaves undefined', async (t) => {
  t.timeout(600_000);
  const compiles = missing ? [] : ['-e', await buildExecutor()];
  const totals = JSON.parse(
    await outputOf(await build('oracle'), ['-n', '30000', '-f', '0', ...compiles]),
  ) as Totals;
  t.is(totals.programs, 30_000);
  t.true(totals.accepted > 10_000, `only ${totals.accepted} were accepted, so little was checked`);
  t.true(totals.checked > 2_000_000);
  t.true(totals.certified > 8000, `only ${totals.certified} had a certificate that was taken`);
  t.true(totals.certified_checked > 2_000_000);
  t.true(
    totals.damaged_accepted > 4000,
    'damaged certificates that are taken all the same are the ones to learn from',
  );
  t.true(totals.records > 20_000, `only ${totals.records} records for the ring buffer`);
  if (!missing) t.true(totals.compared > 40_000, `only ${totals.compared} runs of compiled code`);
});

test('no certificate that is forged event by event has a program admitted that leaves its states, its facts or its bound', async (t) => {
  t.timeout(600_000);
  const { forged, forged_accepted } = JSON.parse(
    await outputOf(await build('oracle'), ['-n', '600', '-s', '1']),
  ) as Totals;
  t.true(forged > 12_000, `only ${forged} were forged`);
  t.true(forged_accepted > 3000, `only ${forged_accepted} were taken, so little was tried`);
});

(missing ? test.skip : test)('the command says what it did, and with which seed to go on', async (t) => {
  t.timeout(600_000);
  const { ok, runs, summary, details } = await fuzz(targets['soundness-sanitized']!, { runs: 60, seed: 5 });
  t.true(ok);
  t.is(runs, 60);
  t.regex(
    summary!,
    /^60 programs, seeds 5 to 64, .* accepted .* states checked, .* runs of compiled code compared$/,
  );
  t.like(details, { seed: 5, next_seed: 65 });
  t.true(details!.compared! > 0);
});

(missing ? test.skip : test)('what clang makes of random C is held to the same', async (t) => {
  t.timeout(600_000);
  const { ok, runs, report, details } = await fuzz(targets['soundness-compiled']!, { runs: 480, seed: 1 });
  t.true(ok, report);
  t.is(runs, 480);
  t.true(details!.accepted! > 200, `only ${details!.accepted} accepted`); // the other half is damaged on purpose
  t.true(details!.compared! > 600, `only ${details!.compared} runs of compiled code`);
});

/** Apart from the one before: both write their programs to one file. */
(missing ? test.serial.skip : test.serial)(
  'stopped while clang compiles, it says what was done until then',
  async (t) => {
    t.timeout(600_000);
    const stop = new AbortController();
    const later = () => setTimeout(() => stop.abort(), 1);
    const { ok, runs, details } = await fuzz(
      targets['soundness-compiled']!,
      { seconds: 600, seed: 3 },
      stop.signal,
      later,
    );
    t.true(ok);
    t.true(runs > 0);
    t.like(details, { seed: 3, next_seed: 4 });
  },
);

(missing ? test.skip : test)(
  'Ctrl-C ends it with what was done, and its emulator is no program that crashed',
  async (t) => {
    t.timeout(600_000);
    const [program, executor] = await Promise.all([build('oracle'), buildExecutor()]);
    const args = ['-n', '1000000000', '-p', '1', '-e', executor];
    const child = spawn(program, args, { detached: true, stdio: ['ignore', 'pipe', 'inherit'] });
    const ended = once(child, 'close');
    let said = '';
    child.stdout.on('data', (data) => {
      if (said === '') process.kill(-child.pid!, 'SIGINT'); // as a terminal does: all of its group
      said += data;
    });
    t.deepEqual(await ended, [0, null]);
    const lines = said
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    t.deepEqual(
      lines.filter(({ finding }) => finding),
      [],
    );
    t.true(lines.at(-1).done);
  },
);

/** Seeds with which the two ways of the checker once came to different ends with a damaged certificate. */
for (const seed of [
  18_917, 126_086, 315_893, 441_318, 20_420_234, 30_076_236, 40_286_191, 71_827_992, 920_527_336, 930_446_050,
  931_299_170, 940_903_918,
]) {
  test(`seed ${seed} is judged alike with and without looking on`, async (t) => {
    const totals = JSON.parse(
      await outputOf(await build('oracle'), ['-n', '1', '-s', String(seed)]),
    ) as Totals;
    t.is(totals.programs, 1);
  });
}

test('seed 376995: a number without a bound, by which a pointer is lost, is not said to be a bounded index', async (t) => {
  const totals = JSON.parse(await outputOf(await build('oracle'), ['-n', '1', '-s', '376995'])) as Totals;
  t.is(totals.accepted, 1);
});

(missing ? test.skip : test)('seed 4001959277: a compare in the first slot ends no loop', async (t) => {
  const seed = ['-n', '1', '-s', '4001959277', '-e', await buildExecutor()];
  const totals = JSON.parse(await outputOf(await build('oracle'), seed)) as Totals;
  t.is(totals.accepted, 1);
  t.true(totals.compared > 0);
});

test('seed 8158281: a number whose range ends between its known bits is less once it is added to a pointer, on the fast way too', async (t) => {
  const totals = JSON.parse(await outputOf(await build('oracle'), ['-n', '1', '-s', '8158281'])) as Totals;
  t.is(totals.certified, 1);
});

test('seed 5009442452: a way is not lost with the state that had it, when another covers the one that covered that', async (t) => {
  const totals = JSON.parse(await outputOf(await build('oracle'), ['-n', '1', '-s', '5009442452'])) as Totals;
  t.is(totals.accepted, 1);
});

test('seed 5204369951: the address of a function, which other platforms have, is run as a number', async (t) => {
  const totals = JSON.parse(await outputOf(await build('oracle'), ['-n', '1', '-s', '5204369951'])) as Totals;
  t.is(totals.accepted, 1);
});
