/** Certificates of the cases: what is accepted and certified is taken by the checker; what is refused is never certified. */
import { readdirSync, readFileSync } from 'node:fs';
import test from 'ava';
import { parse } from 'yaml';
import { verifyAll } from './native.ts';
import { type Case, requestOf } from './request.ts';

const folder = new URL('cases/', import.meta.url);
const cases = readdirSync(folder)
  .filter((name) => name.endsWith('.yaml'))
  .flatMap((file) => parse(readFileSync(new URL(file, folder), 'utf8')) as Case[]);

/** Accepted cases without a certificate, each with its cause. */
const uncertified = new Map([
  ['jump to itself on a condition never met', 'the condition is known to fail only by what it was before'],
  ['loop from an unknown number up to four', 'ranked by a number that only later turns bound'],
  ['loop from an unknown number that is not negative', 'ranked by a number that only later turns bound'],
  ['loop counter on the stack', 'ranked by a slot of four bytes'],
  ['loop over bytes with a pointer', 'pointers are not narrowed by comparing them'],
  ['loop over options', 'what is proven of the packet depends on the turn'],
  ['correlated conditions', 'needs two states at one place'],
  ['tail call through either table', 'needs two states at one place'],
  ['compared with the end twice, the second time is decided', 'needs two states at one place'],
  ['compared with the end twice, the other way round', 'needs two states at one place'],
  ['map value and stack through one load', 'needs two states at one place'],
  ['address of the kernel and task through one load', 'needs two states at one place'],
  ['two maps through one access', 'needs two states at one place'],
  ['full socket released for its socket', 'needs two states at one place'],
  ['request for a socket that a cast gives is released', 'needs two states at one place'],
  ['ordered load gives what is there', 'an ordered load is any number to the search'],
  ['ordered store is what is there', 'an ordered store leaves any number to the search'],
  ['zeroes at a variable offset into zeroes', 'zeros that only the walk keeps'],
]);

test('the certificate of an accepted case is taken, with a bound no lower than any run', async (t) => {
  const verdicts = await verifyAll(cases.map(requestOf));
  let certified = 0;
  for (const [i, c] of cases.entries()) {
    const { code, bound, certificate } = verdicts[i]!;
    if (code !== 'ok') continue;
    if (certificate.infer !== 'ok') {
      const left = /^(calls between functions|certificates do not follow)/.test(certificate.message);
      t.true(left || uncertified.has(c.name), `${c.name}: ${certificate.message} at ${certificate.insn}`);
      continue;
    }
    certified += 1;
    t.is(certificate.check, 'ok', `${c.name}: ${certificate.check_message} at ${certificate.check_insn}`);
    t.true(certificate.bound! >= bound, `${c.name}: ${certificate.bound} < ${bound}`);
  }
  t.true(certified > 100, `${certified} certified`);
});

test('a loop that fills a buffer is gone through turn by turn, and one that takes too long for that is ranked', async (t) => {
  const fill = 'r0 = 0\nr2 = 0\nr3 = r10\nr3 += r2\n*(u8 *)(r3 - 48) = r2\nr2 += 1\nif r2 != 48 goto -5';
  const index = 'r4 &= 31\nr4 += r10\nr5 = *(u8 *)(r4 - 48)\nr0 += r5';
  const once = `${fill}\nr4 = *(u8 *)(r1 + 0)\n${index}\nexit`;
  const often = `${fill}\nr2 = 0\nr4 = r2\n${index}\nr2 += 1\nif r2 < 200000 goto -7\nexit`;
  const short = once.replace('if r2 != 48', 'if r2 != 30');
  const [filled, ranked, unfilled] = await verifyAll(
    [once, often, short].map((code) => requestOf({ name: 'buffer', code, budget: 100_000 })),
  );
  t.is(filled!.certificate.check, 'ok', filled!.certificate.message);
  t.is(filled!.certificate.bound, filled!.bound);
  t.is(ranked!.code, 'budget_exceeded');
  t.is(ranked!.certificate.check, 'ok', ranked!.certificate.message);
  t.true(ranked!.certificate.bound! >= 200_000 * 7);
  t.is(unfilled!.code, 'uninitialised_stack');
  t.not(unfilled!.certificate.check, 'ok');
});

test('what follows a loop knows in which turn it was left, where that is asked', async (t) => {
  const fill =
    'r0 = 0\nr2 = *(u64 *)(r1 + 0)\nr3 = 0\nr4 = r10\nr4 += r3\n*(u8 *)(r4 - 8) = r2\nr3 += 1\nr2 *= 3\nif r2 == 0 goto +1\nif r3 != 8 goto -7\nr3 += r10';
  const [last, before] = await verifyAll(
    [9, 10].map((at) => requestOf({ name: 'digits', code: `${fill}\nr0 = *(u8 *)(r3 - ${at})\nexit` })),
  );
  t.is(last!.certificate.check, 'ok', last!.certificate.message);
  t.is(last!.certificate.bound, last!.bound);
  t.is(before!.code, 'uninitialised_stack');
  t.not(before!.certificate.check, 'ok');
});

/** Loops that are refused only because walking them takes too many steps. */
const costly = ['budget_exceeded', 'too_many_states'];

test('a refused case has no certificate that the checker takes', async (t) => {
  const verdicts = await verifyAll(cases.map(requestOf));
  for (const [i, c] of cases.entries()) {
    const { code, certificate } = verdicts[i]!;
    if (code === 'ok' || costly.includes(code)) continue;
    t.not(certificate.check, 'ok', c.name);
  }
});
