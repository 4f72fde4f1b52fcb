/** Loops whose counter only says when they end count down, and no others; all compute what the interpreter does. */
import test from 'ava';
import { assemble, jitCompile } from '../../ebpf/index.ts';
import { type Cpu, FEATURE_SETS, missingTool } from './machine.ts';
import { computeTheSame, withFirstBytes } from './same.ts';

const MEMORY_BYTES = 64;
const LIMITS = [0, 1, 2, 7, 15];

type Loop = {
  /** Of the limit, in r3. */
  readonly limit: readonly string[];
  readonly start: string;
  readonly turn: readonly string[];
  /** Ends the turn; a jump to `loop` leads to the turn, to `out` behind the loop. */
  readonly end: readonly string[];
  readonly after: readonly string[];
};

/** r4 counts to r3, r0 gathers something that depends on the order of turns. */
const plain: Loop = {
  limit: [],
  start: 'r4 = 0',
  turn: ['r5 = *(u8 *)(r1 + 8)', 'w0 *= 5', 'w0 += w5', '*(u32 *)(r1 + 16) = r0'],
  end: ['r4 += 1', 'if r4 < r3 goto loop'],
  after: [],
};
const loop = (changed: Partial<Loop>): Loop => ({ ...plain, ...changed });
const codeOf = (l: Loop) =>
  assemble(
    [
      ...['r3 = *(u8 *)(r1 + 0)', 'w3 &= 15', ...l.limit, 'r0 = 1', l.start],
      ...['loop:', ...l.turn, ...l.end, 'out:', ...l.after, 'exit'],
    ].join('\n'),
  );

const leaves = (test: string) => loop({ end: ['r4 += 1', `if ${test} goto out`, 'goto loop'] });
const odd = ['w3 |= 1'];

const down: Record<string, Loop> = {
  below: plain,
  below_in_32_bits: loop({ end: ['w4 += 1', 'if w4 < w3 goto loop'] }),
  counted_in_64_bits_and_tested_in_32: loop({ end: ['r4 += 1', 'if w4 < w3 goto loop'] }),
  another: loop({ limit: odd, end: ['r4 += 1', 'if r4 != r3 goto loop'] }),
  another_in_32_bits: loop({ limit: odd, end: ['w4 += 1', 'if w4 != w3 goto loop'] }),
  left_when_not_below: leaves('r4 >= r3'),
  left_when_not_below_in_32_bits: loop({ end: ['w4 += 1', 'if w4 >= w3 goto out', 'goto loop'] }),
  left_when_equal: loop({ ...leaves('r4 == r3'), limit: odd }),
  with_another_way_out: loop({ turn: [...plain.turn, 'if r0 == 26 goto out'] }),
  with_a_limit_that_is_read: loop({ turn: ['w0 += w3', ...plain.turn] }),
  with_a_limit_that_is_needed_afterwards: loop({ after: ['r0 += r3'] }),
};

const up: Record<string, Loop> = {
  a_counter_that_is_read: loop({ turn: ['w0 += w4', ...plain.turn] }),
  a_counter_that_is_stored: loop({ turn: [...plain.turn, '*(u32 *)(r1 + 20) = r4'] }),
  a_counter_that_is_needed_afterwards: loop({ after: ['r0 += r4'] }),
  a_counter_that_is_needed_on_another_way_out: loop({
    turn: [...plain.turn, 'if r0 == 26 goto 3'],
    after: ['r4 = 3', 'r0 += r4'],
  }),
  a_counter_from_1: loop({ start: 'r4 = 1' }),
  steps_of_2: loop({ end: ['r4 += 2', 'if r4 < r3 goto loop'] }),
  two_steps: loop({ end: ['r4 += 1', 'w0 += 1', 'r4 += 1', 'if r4 < r3 goto loop'] }),
  a_limit_that_changes: loop({ limit: odd, turn: [...plain.turn, 'r3 = *(u8 *)(r1 + 1)', 'w3 &= 7'] }),
  a_step_that_is_passed_over: loop({
    limit: odd,
    turn: [...plain.turn, 'r5 = *(u8 *)(r1 + 9)', 'r6 += 1', 'if r6 > 40 goto out', 'if r5 == 3 goto 1'],
    start: 'r6 = 0\n r4 = 0',
  }),
  not_above: loop({ end: ['r4 += 1', 'if r4 <= r3 goto loop'] }),
  a_test_that_is_come_to_again: loop({
    turn: [...plain.turn, 'r6 += 1', 'if r6 > 40 goto out'],
    start: 'r6 = 0\n r4 = 0',
    end: ['r4 += 1', 'if r4 < r3 goto loop', 'if r6 < 20 goto loop'],
  }),
};

const all = [...Object.entries(down), ...Object.entries(up)];
/* DDI 0487 C6.2, SUBS (immediate): 1 from a register, to the same. */
const countsDown = (word: number) =>
  (word & 0x7ffffc00) >>> 0 === 0x71000400 && (word & 31) === ((word >> 5) & 31);

for (const [name, l] of all) {
  test(name, async (t) => {
    const made = await jitCompile({ code: codeOf(l), hook: 'run' }, { memorySize: MEMORY_BYTES });
    if (!made.ok) return t.fail(made.error.message);
    t.is([...made.words].some(countsDown), name in down);
  });
}

const ifEmulated = missingTool() ? test.skip : test;
for (const cpu of Object.keys(FEATURE_SETS) as Cpu[]) {
  ifEmulated(`they_compute_the_same_on_${cpu}`, async (t) => {
    const cases = all.flatMap(([name, l]) => withFirstBytes(name, codeOf(l), MEMORY_BYTES, LIMITS));
    await computeTheSame(t, cpu, cases);
  });
}
