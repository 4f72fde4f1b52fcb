/** Properties that hold for all programs and all operators, checked by native programs. */
import { readFileSync } from 'node:fs';
import test from 'ava';
import { build, outputOf } from './native.ts';

test('no number escapes an operator of the scalar domain', async (t) => {
  const output = await outputOf(await build('domain'), ['400']);
  t.regex(output, /^ok 400 elements$/m);
});

/** Renew with `build/verifier/test-domain 400 > test/verifier/domain-precision.txt` when an operator allows fewer numbers, or on purpose more. */
test('the operators allow as many numbers as before', async (t) => {
  const before = readFileSync(new URL('domain-precision.txt', import.meta.url), 'utf8');
  t.is(await outputOf(await build('domain'), ['400']), before);
});

type Totals = {
  programs: number;
  accepted: number;
  checked: number;
  certified: number;
  certified_checked: number;
  damaged_accepted: number;
};

test('no run of an accepted program, with or without certificate, leaves its abstract states, its facts or its bound', async (t) => {
  const totals = JSON.parse(await outputOf(await build('oracle'), ['50000', '1'])) as Totals;
  t.is(totals.programs, 50_000);
  t.true(totals.accepted > 15_000, `only ${totals.accepted} were accepted, so little was checked`);
  t.true(totals.checked > 2_000_000);
  t.true(totals.certified > 10_000, `only ${totals.certified} had a certificate that was taken`);
  t.true(totals.certified_checked > 2_000_000);
  t.true(
    totals.damaged_accepted > 5000,
    'damaged certificates that are taken all the same are the ones to learn from',
  );
});

/** Seeds with which the two ways of the checker once came to different ends with a damaged certificate. */
for (const seed of [18_917, 315_893, 441_318, 20_420_234, 30_076_236, 40_286_191]) {
  test(`seed ${seed} is judged alike with and without looking on`, async (t) => {
    const totals = JSON.parse(await outputOf(await build('oracle'), ['1', String(seed)])) as Totals;
    t.is(totals.programs, 1);
  });
}
