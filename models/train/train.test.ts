import test from 'ava';
import { comparePrograms, loadHost, verify } from '../../ebpf/index.ts';
import { proveEquivalent, stopSolver } from '../../ebpf/prover/index.ts';
import { Random } from '../../ebpf/random.ts';
import { makeSet, questionText, tokensOf } from './dataset.ts';
import { alu, imm, mov } from './families/family.ts';
import { type Family, families, heldOut, trained, unseen } from './families/index.ts';
import { makePair, type Pair } from './pair.ts';
import { asPrograms, MEMORY_BYTES } from './program.ts';
import { syntheticWebs } from './synthetic.ts';
import { websOf } from './webs.ts';

test.after.always(() => stopSolver());

/** What random windows lack. */
const withConstant = websOf({
  operations: [mov(1, imm(0x1230)), alu(64, 'add', 1, 2), alu(32, 'and', 1, imm(0xff))],
  liveOut: 1 << 1,
});

const pairsOf = (family: Family, count: number): Pair[] => {
  const random = new Random(7);
  const out: Pair[] = [];
  for (let tries = 0; out.length < count && tries < 20_000; tries++) {
    const options = { families: [family], times: 1, first: family };
    const webs = tries % 4 === 3 ? withConstant : syntheticWebs(random);
    const pair = makePair(webs, random, options);
    if (pair) out.push(pair);
  }
  return out;
};

for (const family of families)
  test(`${family.name}_makes_slow_code_that_does_the_same`, async (t) => {
    const pairs = pairsOf(family, 12);
    t.is(pairs.length, 12);
    const host = await loadHost();
    let judged = 0;
    for (const { slow, fast } of pairs) {
      t.true(fast.length < slow.operations.length);
      const programs = asPrograms(slow, fast);
      if (!programs || !(await verify(programs.before, { memorySize: MEMORY_BYTES })).ok) continue;
      judged++;
      const compared = comparePrograms(host, programs.before, programs.after, {
        runs: 40,
        memorySize: MEMORY_BYTES,
      });
      t.true(compared.same, JSON.stringify(slow));
      if (judged > 1) continue;
      const setting = { hook: 'run' as const, maps: [], memorySize: MEMORY_BYTES, timeoutMs: 1500 };
      const proof = await proveEquivalent(programs.before.code, programs.after.code, setting);
      t.not(proof.verdict, 'different', `${proof.reason} ${JSON.stringify(slow)}`);
    }
    t.true(judged > 4, `only ${judged} of 12 could be judged as programs`);
  });

test('the_same_seed_makes_the_same_pairs', (t) => {
  const once = () => makeSet([], new Random(3), { count: 50, families: trained }).map(tokensOf);
  t.deepEqual(once(), once());
});

test('families_held_out_are_in_no_pair_of_the_training_data', (t) => {
  t.is(unseen.length, heldOut.size);
  const made = makeSet([], new Random(4), { count: 400, families: trained, sameEvery: 10 });
  t.true(made.every((p) => p.families.every((name) => !heldOut.has(name))));
  t.is(new Set(made.map(questionText)).size, made.length);
});
