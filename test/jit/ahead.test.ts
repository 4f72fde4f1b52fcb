/** Loops that count up to something run four turns in a row while so many are left, and no others; all compute what the interpreter
 * does, and each word leads back to its instruction. */
import test from 'ava';
import { assemble, jitCompile } from '../../ebpf/index.ts';
import { type Cpu, FEATURE_SETS, missingTool } from './machine.ts';
import { computeTheSame, withFirstBytes } from './same.ts';

const MEMORY_BYTES = 64;
const LIMITS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 15];

type Loop = {
  /** Of the limit, in r3. */
  readonly limit: readonly string[];
  readonly start: readonly string[];
  readonly turn: readonly string[];
  /** Ends the turn; a jump to `loop` leads to the turn, to `out` behind the loop. */
  readonly end: readonly string[];
  readonly after: readonly string[];
};

/** r4 counts to r3, r0 gathers something that depends on the order of turns; each turn stores once. */
const plain: Loop = {
  limit: [],
  start: ['r4 = 0'],
  turn: ['r5 = *(u8 *)(r1 + 8)', 'w0 *= 5', 'w0 += w5', 'w0 += w4', '*(u32 *)(r1 + 16) = r0'],
  end: ['r4 += 1', 'if r4 < r3 goto loop'],
  after: [],
};
const loop = (changed: Partial<Loop>): Loop => ({ ...plain, ...changed });
const codeOf = (l: Loop) =>
  assemble(
    [
      ...['r3 = *(u8 *)(r1 + 0)', 'w3 &= 15', ...l.limit, 'r0 = 1', ...l.start],
      ...['loop:', ...l.turn, ...l.end, 'out:', ...l.after, 'exit'],
    ].join('\n'),
  );

const store = '*(u32 *)(r1 + 16) = r0';
/** What the next turn starts from is handed round: r5 and r6, by way of r7. */
const fibonacci = ['r7 = r6', 'r6 += r5', 'r5 = r7', 'r0 = r6', store];
const handing = ['r4 = 0', 'r5 = 0', 'r6 = 1'];
const narrow = ['w4 += 1', 'if w4 < w3 goto loop'];
const high = ['w3 |= -16'];
/** Leaves before the turn. */
const early = ['if r4 >= r3 goto out', ...plain.turn];
const on = ['r4 += 1', 'goto loop'];
/** In r6, so that r0 is free. */
const gathered = {
  start: ['r4 = 0', 'r6 = 1'],
  turn: ['w6 *= 5', 'w6 += w4', '*(u32 *)(r1 + 16) = r6'],
  after: ['r0 = r6'],
};

const ahead: Record<string, Loop> = {
  below: plain,
  below_in_32_bits: loop({ end: narrow }),
  from_where_the_memory_says: loop({ start: ['r4 = *(u8 *)(r1 + 1)', 'w4 &= 3'] }),
  counted_in_64_bits_and_tested_in_32: loop({ end: ['r4 += 1', 'if w4 < w3 goto loop'] }),
  not_above: loop({ end: ['r4 += 1', 'if r4 <= r3 goto loop'] }),
  mirrored: loop({ end: ['r4 += 1', 'if r3 > r4 goto loop'] }),
  mirrored_and_not_below: loop({ end: ['r4 += 1', 'if r3 >= r4 goto loop'] }),
  another: loop({ limit: ['w3 |= 1'], end: ['r4 += 1', 'if r4 != r3 goto loop'] }),
  left_when_not_below: loop({ end: ['r4 += 1', 'if r4 >= r3 goto out', 'goto loop'] }),
  left_before_the_turn: loop({
    turn: ['if r4 >= r3 goto out', ...plain.turn],
    end: ['r4 += 1', 'goto loop'],
  }),
  left_above_before_the_turn: loop({
    turn: ['if w4 > w3 goto out', ...plain.turn],
    end: ['w4 += 1', 'goto loop'],
  }),
  left_in_the_middle: loop({
    turn: ['w0 += 7', 'if r4 >= r3 goto out', ...plain.turn],
    end: ['r4 += 1', 'if r4 < 11 goto loop'],
  }),
  up_to_a_constant_from_somewhere: loop({
    start: ['r4 = r3'],
    end: ['r4 += 1', 'if r4 < 14 goto loop'],
  }),
  handed_round: loop({ start: handing, turn: fibonacci, end: narrow }),
  handed_round_and_left_by_a_copy: loop({
    start: ['w4 = 1', 'r5 = 0', 'r6 = 1'],
    turn: [
      'r7 = r6',
      'w2 = w4',
      'if w2 >= w3 goto out',
      'r6 = r7',
      'r6 += r5',
      'w4 = w2',
      'w4 += 1',
      'r5 = r7',
      'r0 = r6',
      store,
    ],
    end: ['if w2 < 90 goto loop'],
    after: ['r0 = r7'],
  }),
  three_handed_round: loop({
    start: [...handing, 'r8 = 3'],
    turn: ['r7 = r6', 'r6 += r5', 'r5 = r8', 'r8 = r7', 'r0 = r6', store],
    after: ['r0 += r5', 'r0 ^= r8'],
  }),
  exchanged: loop({
    start: handing,
    turn: ['r7 = r5', 'r5 = r6', 'r6 = r7', 'r0 ^= r5', store],
    after: ['r0 += r6'],
  }),
  steps_of_3: loop({ end: ['r4 += 3', 'if r4 < r3 goto loop'] }),
  steps_up_and_down: loop({ turn: ['r4 += 5', ...plain.turn], end: ['r4 -= 4', 'if r4 < r3 goto loop'] }),
  as_an_index: loop({ turn: ['r5 = r1', 'r5 += r4', 'r5 = *(u8 *)(r5 + 20)', 'w0 *= 3', 'w0 += w5', store] }),
  needed_afterwards: loop({ after: ['r0 += r4', 'r0 ^= r3'] }),
  steps_up_and_down_at_the_end_of_32_bits: loop({
    limit: high,
    start: ['w4 = -16'],
    turn: ['r0 *= 5', 'w4 += 9', 'r0 += r4', store],
    end: ['w4 -= 8', 'r0 += r4', 'if w4 < w3 goto loop'],
  }),
  only_counting: loop({ turn: ['w0 *= 5', 'w0 += 2', store] }),
  only_counting_in_32_bits: loop({ turn: ['w0 *= 5', 'w0 += 2', store], end: narrow }),
  back_below_0_before_its_step: loop({
    turn: ['r0 *= 5', 'w4 += -5', 'w4 += 6', 'r0 += r4', store],
    end: ['if w4 < w3 goto loop'],
  }),
  steps_of_1024: loop({ limit: ['w3 <<= 12'], end: ['r4 += 512', 'r4 += 512', 'if r4 < r3 goto loop'] }),
  counted_in_r0: loop({
    start: ['r6 = 1', 'r0 = 0'],
    turn: ['w6 *= 5', 'w6 += w0', '*(u32 *)(r1 + 16) = r6'],
    end: ['r0 += 1', 'if r0 < r3 goto loop'],
    after: ['r0 += r6'],
  }),
  up_to_r0: loop({
    ...gathered,
    start: [...gathered.start, 'r0 = r3'],
    end: ['r4 += 1', 'if r4 < r0 goto loop'],
  }),
  more_than_32_bits_until_it_counts: loop({
    start: ['r4 = 1', 'r4 <<= 32'],
    turn: ['r0 *= 5', 'r0 += r4', store],
    end: narrow,
  }),
  up_to_the_end_of_32_bits: loop({ limit: high, start: ['w4 = -16'], end: narrow }),
};

const plainly: Record<string, Loop> = {
  a_limit_that_changes: loop({ turn: [...plain.turn, 'r3 = *(u8 *)(r1 + 1)', 'w3 &= 7'] }),
  another_way_out: loop({ turn: [...plain.turn, 'if r0 == 26 goto out'] }),
  a_compare_with_sign: loop({ end: ['r4 += 1', 'if r4 s< r3 goto loop'] }),
  left_by_a_compare_with_sign: loop({
    start: ['r4 = r3'],
    turn: ['if w4 s< 9 goto out', ...plain.turn],
    end: ['w4 += 1', 'if w4 < 14 goto loop'],
  }),
  a_counter_that_is_multiplied: loop({ start: ['r4 = 1'], end: ['r4 *= 3', 'if r4 < r3 goto loop'] }),
  a_step_that_the_memory_says: loop({
    turn: [...plain.turn, 'r6 = *(u8 *)(r1 + 2)', 'w6 &= 3', 'w6 += 1'],
    end: ['r4 += r6', 'if r4 < r3 goto loop'],
  }),
  a_counter_that_goes_down: loop({ start: ['r4 = r3', 'r4 += 1'], end: ['r4 -= 1', 'if r4 > 0 goto loop'] }),
  a_turn_with_ways: loop({ turn: ['if r0 == 26 goto 1', 'w0 += 3', ...plain.turn] }),
  a_counter_that_is_shifted_behind_its_step: loop({ turn: early, end: ['r4 += 1', 'r4 <<= 1', 'goto loop'] }),
  a_counter_that_is_changed_behind_its_step: loop({
    limit: ['w3 &= 3', 'w3 += 40'],
    start: ['r4 = 1'],
    end: ['r4 += 5', 'r4 ^= 1', 'if r4 < r3 goto loop'],
  }),
  a_limit_that_changes_behind_the_test: loop({
    turn: [...early, 'r3 = *(u8 *)(r1 + 1)', 'w3 &= 7'],
    end: on,
  }),
  a_limit_that_goes_down_behind_the_test: loop({ turn: [...early, 'r3 += -1'], end: on }),
  a_limit_less_than_at_the_head: loop({
    limit: ['w3 += 1'],
    turn: ['r3 += -1', ...early, 'r3 += 1'],
    end: on,
  }),
  a_constant_limit_that_each_turn_sets: loop({
    ...gathered,
    start: [...gathered.start, 'r0 = 30'],
    turn: [...gathered.turn, 'r5 = 9', 'if r4 >= r5 goto out'],
    end: on,
    after: ['r0 += r6'],
  }),
  a_test_of_less_than_the_counter: loop({
    start: ['r4 = *(u8 *)(r1 + 1)', 'w4 &= 3'],
    turn: ['w4 += -1', 'if w4 >= w3 goto out', ...plain.turn],
    end: ['w4 += 2', 'goto loop'],
  }),
  a_test_of_the_counter_with_its_sign: loop({
    limit: ['w3 += 140'],
    start: ['r4 = 120'],
    turn: ['w5 = (s8)w4', 'if w5 >= w3 goto out', ...plain.turn],
    end: on,
  }),
  down_to_a_number_below: loop({
    start: ['r4 = 5'],
    turn: ['r4 += 10', 'if r4 == r3 goto out', ...plain.turn],
    end: ['r4 += -11', 'goto loop'],
  }),
  steps_that_no_immediate_holds: loop({
    limit: ['w3 <<= 12'],
    end: ['r4 += 500', 'r4 += 500', 'r4 += 501', 'if r4 < r3 goto loop'],
  }),
  a_jump_back_from_within: loop({
    turn: [...plain.turn, 'r4 += 1', 'if r4 < r3 goto loop', 'w0 += 9'],
    end: ['r4 += 1', 'if r4 < 14 goto loop'],
  }),
  a_counter_that_may_have_more_than_32_bits: loop({
    start: ['r4 = *(u8 *)(r1 + 1)', 'w4 &= 1', 'r4 <<= 32'],
  }),
  as_long_as_it_equals: loop({ end: ['r4 += 1', 'if r4 == r3 goto loop'] }),
  a_faster_counter_that_is_tested_last: loop({
    start: ['r4 = 0', 'r6 = 0'],
    turn: ['if r6 >= 4 goto out', ...plain.turn],
    end: ['r6 += 1', 'r4 += 3', 'if r4 < r3 goto loop'],
  }),
  two_counters: loop({
    start: ['r4 = 0', 'r6 = 0'],
    turn: ['if r6 >= 12 goto out', ...plain.turn],
    end: ['r6 += 2', 'r4 += 1', 'if r4 < r3 goto loop'],
  }),
};

const all = [...Object.entries(ahead), ...Object.entries(plainly)];
const TURNS_IN_CODE = 5;
/* DDI 0487 C6.2: STR (immediate, unsigned offset) of 32 bits. */
const isStore = (word: number) => (word & 0xffc00000) >>> 0 === 0xb9000000;

for (const [name, l] of all) {
  test(name, async (t) => {
    const code = codeOf(l);
    const made = await jitCompile({ code, hook: 'run' }, { memorySize: MEMORY_BYTES });
    if (!made.ok) return t.fail(made.error.message);
    const stores = [...made.words].flatMap((word, i) => (isStore(word) ? [made.insnOfWord[i]] : []));
    t.is(stores.length, name in ahead ? TURNS_IN_CODE : 1);
    t.is(new Set(stores).size, 1);
    t.is(code[8 * stores[0]!], 0x63);
  });
}

const ifEmulated = missingTool() ? test.skip : test;
for (const cpu of Object.keys(FEATURE_SETS) as Cpu[]) {
  ifEmulated(`they_compute_the_same_on_${cpu}`, async (t) => {
    const cases = all.flatMap(([name, l]) => withFirstBytes(name, codeOf(l), MEMORY_BYTES, LIMITS));
    await computeTheSame(t, cpu, cases);
  });
}
