import test from 'ava';
import { assemble, disassembleText, loadHost } from '../index.ts';
import { proveEquivalent, stopSolver } from '../prover/index.ts';
import { applyRule, estimateProgram, optimise, rules } from './index.ts';

test.after.always(() => stopSolver());

const lines = (code: Uint8Array | undefined) =>
  code ? disassembleText(code, { labels: true }).trim().split('\n') : undefined;

/** One case a rule: program before, lines after. */
const cases: Record<string, [string, string[]]> = {
  'constant-folding': ['r2 = 6\n r2 *= 7\n r0 = r2\n exit', ['r2 = 0x6', 'r2 = 0x2a', 'r0 = 0x2a', 'exit']],
  'strength-reduction': [
    'r0 = *(u64 *)(r1 + 0)\n r0 *= 8\n r0 /= 4\n r0 %= 16\n r0 += 0\n exit',
    ['r0 = *(u64 *)(r1 + 0x0)', 'r0 <<= 0x3', 'r0 >>= 0x2', 'r0 &= 0xf', 'exit'],
  ],
  'dead-code': ['r3 = *(u64 *)(r1 + 0)\n r0 = 1\n exit', ['r0 = 0x1', 'exit']],
  'dead-stores': ['*(u64 *)(r10 - 8) = 1\n r0 = 1\n exit', ['r0 = 0x1', 'exit']],
  'unreachable-code': ['r0 = 1\n exit\n r0 = 2\n exit', ['r0 = 0x1', 'exit']],
  'copy-propagation': [
    'r2 = r1\n r0 = *(u8 *)(r2 + 3)\n exit',
    ['r2 = r1', 'r0 = *(u8 *)(r1 + 0x3)', 'exit'],
  ],
  'common-subexpressions': [
    'r2 = *(u32 *)(r1 + 0)\n r3 = *(u32 *)(r1 + 0)\n r0 = r2\n r0 += r3\n exit',
    ['r2 = *(u32 *)(r1 + 0x0)', 'r3 = r2', 'r0 = r2', 'r0 += r3', 'exit'],
  ],
  'address-folding': [
    'r2 = r1\n r2 += 8\n r0 = *(u8 *)(r2 + 1)\n exit',
    ['r2 = r1', 'r2 += 0x8', 'r0 = *(u8 *)(r1 + 0x9)', 'exit'],
  ],
  'increment-merging': [
    'r1 += 1\n r2 = *(u8 *)(r1 + 0)\n r1 += 1\n r0 = *(u8 *)(r1 + 0)\n r0 += r2\n exit',
    ['r2 = *(u8 *)(r1 + 0x1)', 'r1 += 0x2', 'r0 = *(u8 *)(r1 + 0x0)', 'r0 += r2', 'exit'],
  ],
  'load-combining': [
    'r0 = *(u8 *)(r1 + 2)\n r0 <<= 8\n r2 = *(u8 *)(r1 + 3)\n r0 |= r2\n exit',
    [
      'r0 = *(u8 *)(r1 + 0x2)',
      'r0 <<= 0x8',
      'r2 = *(u8 *)(r1 + 0x3)',
      'w0 = *(u16 *)(r1 + 0x2)',
      'r0 = be16 r0',
      'exit',
    ],
  ],
  'operand-swapping': [
    'r0 = 0\n r2 = *(u8 *)(r1 + 0)\n r2 += r0\n r0 = r2\n exit',
    ['r0 = 0x0', 'r2 = *(u8 *)(r1 + 0x0)', 'r0 += r2', 'exit'],
  ],
  'jump-threading': ['if r1 == 0 goto a\n r0 = 0\n exit\n a:\n goto b\n b:\n r0 = 1\n exit', []],
};

const normal = (text: string) => text.replace(/\b[rw](\d)\b/g, 'r$1');

for (const [name, [before, after]] of Object.entries(cases))
  test(`rule: ${name}`, (t) => {
    const made = lines(applyRule(assemble(before), name));
    t.truthy(made, 'the rule does not fit');
    if (after.length > 0) t.deepEqual(made!.map(normal), after.map(normal));
  });

test('every_rule_leaves_alone_what_it_does_not_fit', (t) => {
  const plain = assemble('r0 = *(u64 *)(r1 + 0)\n exit');
  for (const rule of rules) t.is(applyRule(plain, rule.name), undefined, rule.name);
});

const sumOfBytes = `
  r0 = 0
  r2 = 0
again:
  r3 = r1
  r3 += r2
  r3 = *(u8 *)(r3 + 0)
  r0 += r3
  r2 += 1
  if r2 != 32 goto again
  exit`;

test('a_counted_loop_is_unrolled_and_its_addresses_fold', async (t) => {
  const code = assemble(sumOfBytes);
  const [best] = optimise(code);
  t.true(best!.rules.includes('loop-unrolling'));
  const host = await loadHost();
  const memory = Uint8Array.from({ length: 64 }, (_, i) => i * 7);
  const [a, b] = [code, best!.code].map((c) => host.run({ code: c, hook: 'run' }, { memory }));
  t.true(a!.ok && b!.ok && a!.r0 === b!.r0);
  t.true(a!.steps >= 1.3 * b!.steps, `${a!.steps} against ${b!.steps}`);
  t.true(host.verify({ code: best!.code, hook: 'run' }, { memorySize: 64 }).ok);
});

test('every_candidate_is_proven_equivalent', async (t) => {
  const code = assemble(sumOfBytes);
  const candidates = optimise(code);
  t.true(candidates.length >= 4);
  for (const c of candidates) {
    const proof = await proveEquivalent(code, c.code, { hook: 'run', maps: [], memorySize: 64 });
    t.is(proof.verdict, 'proven', `${c.rules}: ${proof.reason}`);
    t.true(c.estimate <= estimateProgram(code));
  }
});

test('what_does_not_fit_the_limit_is_not_proposed', (t) => {
  const code = assemble(sumOfBytes);
  for (const c of optimise(code, { maxSlots: 40 })) t.true(c.code.length / 8 <= 40);
});

test('a_program_that_is_none_is_refused_with_a_sentence', (t) => {
  t.throws(() => optimise(new Uint8Array(8).fill(0xff)), { message: /slot 0 holds no instruction/ });
  t.throws(() => optimise(assemble('goto +100\n exit')), { message: /jump at slot 0/ });
});
