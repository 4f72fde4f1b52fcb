import test from 'ava';
import { stopSolver } from '../../../ebpf/prover/index.ts';
import { allMutants, fateOf, soundOutput } from '../mutants.ts';
import { claims } from './claims.ts';
import { compileOperators, prove } from './prove.ts';

test.after.always(() => stopSolver());

test('every claim is about an operator, and every operator has a claim', async (t) => {
  t.deepEqual([...(await compileOperators()).keys()].sort(), [...claims.keys()].sort());
});

/** Those that Z3 decides in a second or two; the others by `tsx test/verifier/proof/run.ts`. */
const quick = [
  ...['jeq', 'jgt', 'jslt', 'jset'].flatMap((op) => [`compare64_${op}`, `compare32_${op}`]),
  'small_compare_jle',
  'zero_extend',
  'truncate_8',
  'full_and',
  'sync_bits_full',
  'sync_crossed_half',
  'sync_side_full',
  'sync_side_half',
  'sync_full_from_half',
  'sync_range_full',
];

test('operators keep every number of 64 bits', async (t) => {
  t.timeout(900_000);
  const operators = await compileOperators();
  for (const name of quick) {
    const proof = await prove(name, operators.get(name)!, 60_000);
    t.is(proof.verdict, 'proven', `${name}: ${proof.part} ${proof.reason}`);
  }
});

test('an operator that loses a number is refuted', async (t) => {
  t.timeout(900_000);
  const operators = await compileOperators();
  // The code of one operator under the claim of another.
  const proof = await prove('compare64_jgt', operators.get('compare64_jge')!, 60_000);
  t.is(proof.verdict, 'refuted');
});

test('mutants of the operators are noticed by their check', async (t) => {
  t.timeout(900_000);
  const mutants = await allMutants();
  t.true(mutants.length > 500, `${mutants.length}`);
  const sound = await soundOutput(60);
  const sample = ['masks + values', 'a.umin + b.umin', 'r.umin = a.umin >> by.max', '*low > *high'].map(
    (text) => mutants.find((m) => m.before.includes(text) && m.before !== m.after)!,
  );
  for (const mutant of sample)
    t.is(await fateOf(mutant, sound, 60), 'killed', `${mutant?.file}:${mutant?.line}: ${mutant?.after}`);
});
