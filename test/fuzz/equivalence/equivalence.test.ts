/** A short run, always the same; and mistakes put into the prover, each of which has to be found. */
import test from 'ava';
import { Algebra } from '../../../ebpf/prover/algebra.ts';
import type { Term } from '../../../ebpf/prover/term.ts';
import { findTool } from '../../../firmware/index.ts';
import { fuzz } from '../fuzz.ts';
import { targets } from '../targets.ts';

const target = targets.equivalence!;
const it = findTool('clang') ? test.serial : test.serial.skip;

it('what_is_proven_equivalent_does_the_same', async (t) => {
  t.timeout(600_000);
  const { ok, report, details } = await fuzz(target, { runs: 60, seed: 2 });
  t.true(ok, report);
  t.is(details!.pairs, 60);
  t.true(details!.proven! > 15 && details!.different! > 10, JSON.stringify(details));
  t.true(details!.evaluated! > 15, JSON.stringify(details));
});

const { ashr } = Algebra.prototype;

/** Puts a mistake in, and gives what takes it out again. */
const mistakes: Readonly<Record<string, () => () => void>> = {
  a_shift_that_keeps_no_sign: () => {
    Algebra.prototype.ashr = function (a: Term, amount: Term) {
      return this.lshr(a, amount);
    };
    return () => Object.assign(Algebra.prototype, { ashr });
  },
};

/** Seeds apart, since a pair that was decided is not proven again. */
for (const [n, [name, put]] of Object.entries(mistakes).entries())
  it(`a mistake in the prover is found: ${name}`, async (t) => {
    t.timeout(600_000);
    const takeOut = put();
    const { ok, report, summary } = await fuzz(target, { runs: 1000, seed: 100 + 300 * n }).finally(takeOut);
    t.log(summary, report.split('\n')[0]);
    t.false(ok, summary);
  });
