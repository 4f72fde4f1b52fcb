import test from 'ava';
import { assemble, decodeProgram, loadHost } from '../index.ts';
import { Random } from '../random.ts';
import { proveEquivalent, stopSolver } from './index.ts';
import { mutate } from './mutation.ts';

test.after.always(() => stopSolver());

const MEMORY = 32;
const prove = (before: string, after: string) =>
  proveEquivalent(assemble(before), assemble(after), { hook: 'run', maps: [], memorySize: MEMORY });

const sumOfWords =
  'r0 = 0\n r2 = 4\n again:\n w3 = *(u32 *)(r1 + 0)\n r0 += r3\n r1 += 4\n r2 += -1\n if r2 != 0 goto again\n exit';
/** The same by helpers; `above` keeps a difference from becoming negative. */
const sumOfHalves = (above: string) =>
  `r6 = r1\n r2 = 8\n call vl_sum_u16\n r7 = r0\n r1 = r6\n r2 = 4\n call vl_sum_i32\n r7 -= r0\n r1 = ${above} ll\n r7 += r1\n r7 %= 65535\n r7 <<= 32\n r0 += r7\n exit`;

/** Six bytes at r1, after what is at r1 + 16. */
const crcBy = (polynomial: string) =>
  `w0 = *(u32 *)(r1 + 16)\n r2 = 6\n next:\n w3 = *(u8 *)(r1 + 0)\n w0 ^= w3\n r4 = 8\n step:\n w5 = w0\n w5 &= 1\n w5 = -w5\n w5 &= ${polynomial}\n w0 >>= 1\n w0 ^= w5\n r4 += -1\n if r4 != 0 goto step\n r1 += 1\n r2 += -1\n if r2 != 0 goto next\n exit`;

const equal: Record<string, [string, string]> = {
  multiplication_is_shift_and_add: [
    'r0 = *(u64 *)(r1 + 0)\n r0 *= 10\n exit',
    'r0 = *(u64 *)(r1 + 0)\n r2 = r0\n r2 <<= 3\n r0 <<= 1\n r0 += r2\n exit',
  ],
  bytes_in_network_order_are_a_wide_load: [
    'r0 = *(u8 *)(r1 + 4)\n r0 <<= 8\n r2 = *(u8 *)(r1 + 5)\n r0 |= r2\n exit',
    'r0 = *(u16 *)(r1 + 4)\n r0 = be16 r0\n exit',
  ],
  a_loop_is_its_turns: [
    'r0 = 0\n r2 = 0\n again:\n r3 = r1\n r3 += r2\n r3 = *(u8 *)(r3 + 0)\n r0 += r3\n r2 += 1\n if r2 != 4 goto again\n exit',
    'r0 = *(u8 *)(r1 + 3)\n r2 = *(u8 *)(r1 + 1)\n r0 += r2\n r2 = *(u8 *)(r1 + 2)\n r0 += r2\n r2 = *(u8 *)(r1 + 0)\n r0 += r2\n exit',
  ],
  a_select_by_branch_is_one_by_mask: [
    'r2 = *(u32 *)(r1 + 0)\n r0 = 0\n if r2 == 0 goto done\n r0 = 1\n done:\n exit',
    'r2 = *(u32 *)(r1 + 0)\n r0 = r2\n r0 = -r0\n r0 >>= 63\n exit',
  ],
  signed_division_by_a_power_of_two_is_a_shift_with_bias: [
    'r0 = *(u64 *)(r1 + 0)\n r0 s/= 16\n exit',
    'r0 = *(u64 *)(r1 + 0)\n r2 = r0\n r2 s>>= 63\n r2 >>= 60\n r0 += r2\n r0 s>>= 4\n exit',
  ],
  division_by_zero_gives_zero: ['r0 = *(u64 *)(r1 + 0)\n r2 = 0\n r0 /= r2\n exit', 'r0 = 0\n exit'],
  xor_swap_is_a_swap: [
    'r2 = *(u64 *)(r1 + 0)\n r3 = *(u64 *)(r1 + 8)\n r2 ^= r3\n r3 ^= r2\n r2 ^= r3\n *(u64 *)(r1 + 0) = r2\n *(u64 *)(r1 + 8) = r3\n r0 = 0\n exit',
    'r2 = *(u64 *)(r1 + 0)\n r3 = *(u64 *)(r1 + 8)\n *(u64 *)(r1 + 0) = r3\n *(u64 *)(r1 + 8) = r2\n r0 = 0\n exit',
  ],
  stores_of_the_same_bytes_in_another_order: [
    '*(u16 *)(r1 + 0) = 0x201\n *(u8 *)(r1 + 2) = 3\n r0 = 0\n exit',
    '*(u8 *)(r1 + 2) = 3\n *(u8 *)(r1 + 1) = 2\n *(u8 *)(r1 + 0) = 1\n r0 = 0\n exit',
  ],
  what_a_function_keeps_on_its_stack_its_caller_may_keep: [
    'r2 = *(u8 *)(r1 + 0)\n *(u64 *)(r10 - 8) = r2\n call local f\n r1 = *(u64 *)(r10 - 8)\n r0 += r1\n exit\n f:\n w3 = *(u8 *)(r1 + 1)\n *(u32 *)(r10 - 8) = r3\n *(u32 *)(r10 - 4) = 2\n r2 &= 1\n r2 <<= 2\n r3 = r10\n r3 += r2\n r0 = *(u32 *)(r3 - 8)\n exit',
    'r2 = *(u8 *)(r1 + 0)\n r5 = r2\n *(u64 *)(r10 - 16) = 7\n *(u32 *)(r10 - 12) = 2\n w3 = *(u8 *)(r1 + 1)\n *(u32 *)(r10 - 16) = r3\n r2 &= 1\n r2 <<= 2\n r3 = r10\n r3 += r2\n r0 = *(u32 *)(r3 - 16)\n r0 += r5\n exit',
  ],
  a_sum_in_a_loop_is_its_vector_helper: [
    'r0 = 0\n r2 = 0\n again:\n r3 = r1\n r3 += r2\n r3 = *(u8 *)(r3 + 0)\n r0 += r3\n r2 += 1\n if r2 != 20 goto again\n exit',
    'r2 = 20\n call vl_sum_u8\n exit',
  ],
  products_in_a_loop_are_their_vector_helper: [
    'w0 = 0\n r2 = 0\n again:\n r3 = r1\n r3 += r2\n r4 = *(s8 *)(r3 + 0)\n r5 = *(s8 *)(r3 + 16)\n w5 *= w4\n w0 += w5\n r2 += 1\n if r2 != 16 goto again\n r0 = (s32)r0\n exit',
    'r2 = r1\n r2 += 16\n r3 = 16\n call vl_dot_i8\n exit',
  ],
  a_copy_in_a_loop_is_its_vector_helper: [
    'r2 = 0\n again:\n r3 = r1\n r3 += r2\n r4 = *(u8 *)(r3 + 0)\n *(u8 *)(r3 + 16) = r4\n r2 += 1\n if r2 != 16 goto again\n r0 = 0\n exit',
    'r2 = r1\n r1 += 16\n r3 = 16\n call vl_mem_copy\n r0 = 0\n exit',
  ],
  a_maximum_in_a_loop_is_its_vector_helper: [
    'r0 = *(u8 *)(r1 + 0)\n r2 = 1\n again:\n r3 = r1\n r3 += r2\n r3 = *(u8 *)(r3 + 0)\n if r3 <= r0 goto +1\n r0 = r3\n r2 += 1\n if r2 != 6 goto again\n exit',
    'r2 = 6\n call vl_max_u8\n exit',
  ],
  what_is_at_a_chosen_place_is_a_choice_of_what_is_at_each: [
    'r2 = *(u8 *)(r1 + 0)\n r3 = 4\n if r2 == 0 goto there\n r3 = 6\n there:\n r3 <<= 1\n r1 += r3\n r0 = *(u16 *)(r1 + 0)\n exit',
    'r2 = *(u8 *)(r1 + 0)\n r0 = *(u16 *)(r1 + 8)\n if r2 == 0 goto out\n r0 = *(u16 *)(r1 + 12)\n out:\n exit',
  ],
  the_largest_is_at_the_place_that_its_vector_helper_says: [
    'r0 = 0\n r2 = 1\n again:\n r3 = r1\n r3 += r0\n r3 = *(u8 *)(r3 + 0)\n r4 = r1\n r4 += r2\n r4 = *(u8 *)(r4 + 0)\n if r4 <= r3 goto +1\n r0 = r2\n r2 += 1\n if r2 != 12 goto again\n exit',
    'r2 = 12\n call vl_argmax_u8\n exit',
  ],
  a_checksum_by_its_polynomial_is_its_vector_helper: [
    crcBy('0xedb88320'),
    'w3 = *(u32 *)(r1 + 16)\n w3 ^= -1\n r2 = 6\n call vl_crc32\n w0 ^= -1\n exit',
  ],
  a_sum_of_unsigned_words_is_that_of_signed_ones_and_what_the_halves_say: [
    sumOfWords,
    sumOfHalves('0x3fffc0000'),
  ],
  the_least_of_signed_halves_is_the_upper_half_of_the_least_word: [
    'r0 = *(s16 *)(r1 + 2)\n r2 = 4\n again:\n r3 = r1\n r3 += r2\n r3 = *(s16 *)(r3 + 2)\n if r0 s<= r3 goto +1\n r0 = r3\n r2 += 4\n if r2 != 24 goto again\n exit',
    'r2 = 6\n call vl_min_i32\n r0 s>>= 16\n exit',
  ],
  zero_bytes_in_a_loop_are_counted_eight_at_once: [
    'r0 = 0\n r2 = 0\n again:\n w3 = *(u8 *)(r1 + 0)\n if w3 != 0 goto next\n w0 += 1\n next:\n r1 += 1\n r2 += 1\n if r2 != 16 goto again\n exit',
    'r0 = 0\n r2 = 0\n r4 = 0x7f7f7f7f7f7f7f7f ll\n r5 = 0x0101010101010101 ll\n again:\n r3 = *(u64 *)(r1 + 0)\n r6 = r3\n r6 &= r4\n r6 += r4\n r6 |= r3\n r6 ^= -1\n r6 >>= 7\n r6 &= r5\n r6 *= r5\n r6 >>= 56\n w0 += w6\n r1 += 8\n r2 += 8\n if r2 != 16 goto again\n exit',
  ],
  the_same_crc_twice: [
    'r6 = r1\n r2 = 12\n r3 = 0\n call vl_crc32\n r7 = r0\n r1 = r6\n r2 = 12\n r3 = 0\n call vl_crc32\n r0 ^= r7\n exit',
    'r0 = 0\n exit',
  ],
};

const places = 'r2 = *(u8 *)(r1 + 0)\n r3 = *(u8 *)(r1 + 1)\n r2 &= 7\n r3 &= 7\n r2 += r1\n r3 += r1';
const counting = (step: string) =>
  `r5 = 0\n again:\n r2 = r1\n r2 += r5\n r3 = *(u8 *)(r2 + 0)\n r3 &= 7\n r4 = r1\n r4 += r3\n ${step}\n r5 += 1\n if r5 != 8 goto again\n r0 = 0\n exit`;
const counted =
  'r2 = r1\n r5 = r1\n r5 += 8\n again:\n r3 = *(u8 *)(r2 + 0)\n r3 &= 7\n r3 += r1\n r4 = *(u8 *)(r3 + 16)\n r4 += 1\n *(u8 *)(r3 + 16) = r4\n r2 += 1\n if r2 != r5 goto again\n r0 = 0\n exit';
const step = 'r3 = *(u8 *)(r4 + 16)\n r3 += 1\n *(u8 *)(r4 + 16) = r3';

/** Writes at places that hang on the input. */
const scattered: Record<string, [string, string]> = {
  counts_at_unknown_places: [counting(step), counted],
  stores_at_unknown_places_that_are_apart: [
    `${places}\n *(u8 *)(r2 + 8) = 1\n *(u8 *)(r3 + 16) = 2\n r0 = *(u8 *)(r3 + 16)\n exit`,
    `${places}\n *(u8 *)(r3 + 16) = 2\n *(u8 *)(r2 + 8) = 1\n r0 = 2\n exit`,
  ],
};
Object.assign(equal, scattered);

/** Four bytes are written at 8 to 15; one is read behind that, or before. */
const readBy = (order: 'before' | 'behind', at: number) => {
  const [read, write] = [`r0 = *(u8 *)(r1 + ${at})`, '*(u32 *)(r2 + 8) = 7'];
  return `r2 = *(u8 *)(r1 + 0)\n r2 &= 7\n r2 += r1\n ${order === 'before' ? `${read}\n ${write}` : `${write}\n ${read}`}\n exit`;
};
for (const at of [7, 19])
  equal[`what_is_read_at_${at}_is_beside_what_is_written`] = [readBy('behind', at), readBy('before', at)];

/** Two words on the stack, of which the input chooses one. */
const onStack = (...[first, second]: readonly string[]) =>
  `r2 = *(u64 *)(r1 + 8)\n *(u64 *)(r10 - 16) = ${first}\n *(u64 *)(r10 - 8) = ${second}\n r3 = *(u8 *)(r1 + 0)\n r3 &= 8\n r3 += r10\n r0 = *(u64 *)(r3 - 16)\n exit`;
const chosen =
  'r0 = *(u64 *)(r1 + 8)\n r3 = *(u8 *)(r1 + 0)\n r3 &= 8\n if r3 == 0 goto out\n r0 = 3\n out:\n exit';
equal.what_is_on_the_stack_at_a_chosen_place_is_a_choice = [onStack('r2', '3'), chosen];

for (const [name, [before, after]] of Object.entries(equal))
  test(`proven: ${name}`, async (t) => {
    const proof = await prove(before, after);
    t.is(proof.verdict, 'proven', proof.reason);
    t.regex(proof.hash, /^[0-9a-f]{64}$/);
  });

const different: Record<string, [string, string]> = {
  a_sum_of_unsigned_words_with_too_little_above: [sumOfWords, sumOfHalves('0xffff')],
  a_checksum_by_another_polynomial: [crcBy('0xedb88320'), crcBy('0xedb88321')],
  a_checksum_that_starts_with_another_number: [
    crcBy('0xedb88320'),
    'w3 = *(u32 *)(r1 + 16)\n r2 = 6\n call vl_crc32\n w0 ^= -1\n exit',
  ],
  off_by_one: ['r0 = *(u8 *)(r1 + 0)\n r0 += 1\n exit', 'r0 = *(u8 *)(r1 + 0)\n r0 += 2\n exit'],
  a_vector_helper_of_one_element_less: ['r2 = 20\n call vl_sum_u8\n exit', 'r2 = 19\n call vl_sum_u8\n exit'],
  smallest_for_largest: ['r2 = 4\n call vl_min_u8\n exit', 'r2 = 4\n call vl_max_u8\n exit'],
  an_overlapping_copy_that_is_a_fill: [
    'r2 = 0\n again:\n r3 = r1\n r3 += r2\n r4 = *(u8 *)(r3 + 0)\n *(u8 *)(r3 + 1) = r4\n r2 += 1\n if r2 != 8 goto again\n r0 = 0\n exit',
    'r2 = r1\n r1 += 1\n r3 = 8\n call vl_mem_copy\n r0 = 0\n exit',
  ],
  lost_store: ['*(u8 *)(r1 + 3) = 7\n r0 = 0\n exit', 'r0 = 0\n exit'],
  signed_for_unsigned: [
    'r2 = *(u32 *)(r1 + 0)\n r0 = 0\n if w2 > 5 goto done\n r0 = 1\n done:\n exit',
    'r2 = *(u32 *)(r1 + 0)\n r0 = 0\n if w2 s> 5 goto done\n r0 = 1\n done:\n exit',
  ],
  shift_for_signed_division: [
    'r0 = *(u64 *)(r1 + 0)\n r0 s/= 16\n exit',
    'r0 = *(u64 *)(r1 + 0)\n r0 s>>= 4\n exit',
  ],
  one_input_in_four_billion: [
    'r0 = 0\n exit',
    'r2 = *(u32 *)(r1 + 0)\n r0 = 0\n r3 = 0x1234abcd\n if r2 != r3 goto done\n r0 = 1\n done:\n exit',
  ],
  lost_turn: [
    'r0 = 0\n r2 = 5\n again:\n r0 += r2\n r2 += -1\n if r2 != 0 goto again\n exit',
    'r0 = 0\n r2 = 4\n again:\n r0 += r2\n r2 += -1\n if r2 != 0 goto again\n exit',
  ],
  a_count_at_another_place: [counting(step), counting(step.replaceAll('16', '17'))],
  stores_at_places_that_may_be_one: [
    `${places}\n *(u8 *)(r2 + 8) = 1\n *(u8 *)(r3 + 8) = 2\n r0 = 0\n exit`,
    `${places}\n *(u8 *)(r3 + 8) = 2\n *(u8 *)(r2 + 8) = 1\n r0 = 0\n exit`,
  ],
  upper_half_kept: ['r0 = *(u64 *)(r1 + 0)\n w0 += 0\n exit', 'r0 = *(u64 *)(r1 + 0)\n exit'],
};

/** Reads the byte at the place that another one names. */
const readAtPlace = (then: string) =>
  `r2 = *(u8 *)(r1 + 3)\n r2 &= 7\n r2 += r1\n r3 = *(u8 *)(r2 + 8)\n r0 = 0\n if r3 != 77 goto out\n r0 = *(u8 *)(r2 + 9)\n ${then}\n out:\n exit`;
different.what_a_byte_at_a_chosen_place_decides = [readAtPlace('r0 &= 254'), readAtPlace('r0 &= 127')];
different.what_is_on_the_stack_at_another_chosen_place = [onStack('3', 'r2'), chosen];
for (const at of [8, 18])
  different[`what_is_read_at_${at}_may_be_written`] = [readBy('behind', at), readBy('before', at)];

for (const [name, [before, after]] of Object.entries(different))
  test(`different, with an input that shows it: ${name}`, async (t) => {
    const proof = await prove(before, after);
    t.is(proof.verdict, 'different', proof.reason);
    const memory = Buffer.from(proof.counterexample!.bytes!, 'hex');
    const host = await loadHost();
    const [a, b] = [before, after].map((text) => host.run({ code: assemble(text), hook: 'run' }, { memory }));
    t.true(a!.ok && b!.ok);
    if (a!.ok && b!.ok) t.notDeepEqual([a!.r0, a!.memory], [b!.r0, b!.memory]);
  });

const effects: Record<string, [string, string, 'proven' | 'different']> = {
  two_random_numbers_are_not_one: [
    'call get_prandom_u32\n r6 = r0\n call get_prandom_u32\n r0 ^= r6\n exit',
    'call get_prandom_u32\n r0 = 0\n exit',
    'different',
  ],
  the_same_calls_give_the_same: [
    'call ktime_get_ns\n r6 = r0\n call get_prandom_u32\n r0 += r6\n exit',
    'call ktime_get_ns\n r7 = r0\n call get_prandom_u32\n r7 += r0\n r0 = r7\n exit',
    'proven',
  ],
  calls_keep_their_order: [
    'call ktime_get_ns\n call get_prandom_u32\n r0 = 0\n exit',
    'call get_prandom_u32\n call ktime_get_ns\n r0 = 0\n exit',
    'different',
  ],
};

for (const [name, [before, after, verdict]] of Object.entries(effects))
  test(`helpers: ${name}`, async (t) => {
    const proof = await prove(before, after);
    t.is(proof.verdict, verdict, proof.reason);
  });

const hash = { name: 'h', type: 1, keySize: 4, valueSize: 8, maxEntries: 8, flags: 0 };
const onMap = (before: string, after: string) =>
  proveEquivalent(assemble(before), assemble(after), { hook: 'timer', maps: [hash] });
const lookup = (key: number, then: string) =>
  `*(u32 *)(r10 - 4) = ${key}\n r1 = map 0 ll\n r2 = r10\n r2 += -4\n call map_lookup_elem\n if r0 == 0 goto none\n ${then}\n none:\n r0 = 0\n exit`;

test('maps: a change may become atomic, an atomic change may not become several steps', async (t) => {
  const steps = 'r3 = *(u64 *)(r0 + 0)\n r3 += 1\n *(u64 *)(r0 + 0) = r3';
  const atomic = 'r3 = 1\n lock *(u64 *)(r0 + 0) += r3';
  const fetched = 'r3 = 1\n r3 = atomic_fetch_add((u64 *)(r0 + 0), r3)';
  const verdict = async (before: string, after: string) =>
    (await onMap(lookup(1, before), lookup(1, after))).verdict;
  t.is(await verdict(steps, atomic), 'proven');
  t.is(await verdict(`${atomic}\n ${steps}`, `${atomic}\n ${atomic}`), 'proven');
  t.is(await verdict(`${steps}\n ${atomic}`, `${atomic}\n ${atomic}`), 'proven');
  t.not(await verdict(atomic, steps), 'proven');
  t.not(await verdict(steps, `${atomic}\n ${atomic}`), 'proven');
  t.not(await verdict(steps, 'r3 = 2\n lock *(u64 *)(r0 + 0) += r3'), 'proven');
  t.not(await verdict(steps, fetched), 'proven');
});

test('maps: an atomic that is added does not make one call of a helper another', async (t) => {
  const steps = 'r3 = *(u64 *)(r6 + 0)\n r3 += 1\n *(u64 *)(r6 + 0) = r3';
  const atomic = 'r3 = 1\n lock *(u64 *)(r6 + 0) += r3';
  const calls = (first: string, chosen: string) =>
    lookup(
      1,
      `r6 = r0\n ${first}\n call ktime_get_ns\n r7 = r0\n call ktime_get_ns\n r8 = r0\n ${atomic}\n r0 = ${chosen}\n exit`,
    );
  t.is((await onMap(calls(steps, 'r8'), calls(atomic, 'r8'))).verdict, 'proven');
  t.not((await onMap(calls(steps, 'r8'), calls(atomic, 'r7'))).verdict, 'proven');
});

test('maps: a store through one lookup may be seen through another of the same key only', async (t) => {
  const add = 'r3 = *(u64 *)(r0 + 0)\n r3 += 1\n *(u64 *)(r0 + 0) = r3';
  const twice = 'r3 = *(u64 *)(r0 + 0)\n r3 += 2\n r3 += -1\n *(u64 *)(r0 + 0) = r3';
  t.is((await onMap(lookup(1, add), lookup(1, twice))).verdict, 'proven');
  t.not((await onMap(lookup(1, add), lookup(2, add))).verdict, 'proven');
  const half = '*(u32 *)(r0 + 0) = 1';
  t.not((await onMap(lookup(1, half), lookup(1, '*(u64 *)(r0 + 0) = 1'))).verdict, 'proven');
});

const dividing =
  'r4 = *(u64 *)(r1 + 8)\n r5 = *(u64 *)(r1 + 16)\n r4 *= r5\n r4 %= r5\n r4 *= r4\n r0 = r4\n r0 /= r5';
/** Two ways lead to what a solver does not finish with; a third one ends by `end`. */
const threeWays = (end: string) =>
  `r6 = r1\n r2 = *(u16 *)(r6 + 0)\n r3 = *(u8 *)(r6 + 3)\n r0 = 1\n if r2 == 56710 goto second\n if r2 == 8 goto first\n r0 = 2\n ${end}\n first:\n if r3 != 5 goto out\n goto common\n second:\n if r3 == 44 goto out\n common:\n *(u32 *)(r10 - 4) = r3\n r1 = map 0 ll\n r2 = r10\n r2 += -4\n call map_lookup_elem\n r7 = r0\n r0 = 1\n if r7 == 0 goto out\n r1 = r6\n ${dividing}\n out:\n exit`;

test('ways_that_one_program_joins_and_the_other_does_not_are_compared_one_by_one', async (t) => {
  const onWays = (before: string, after: string) =>
    proveEquivalent(assemble(before), assemble(after), { hook: 'run', maps: [hash], memorySize: MEMORY });
  const joined = threeWays('goto out');
  const proof = await onWays(joined, threeWays('exit'));
  t.deepEqual([proof.verdict, proof.queries], ['proven', 0], proof.reason);
  t.is((await onWays(joined, threeWays('r0 = 3\n exit'))).verdict, 'different');
  t.is((await onWays(threeWays('exit'), joined)).verdict, 'proven');
});

/** Bins at r1, and behind them what is counted. */
const BINS = 1024;
const binsBy = (turns: number, by = 1) =>
  `r2 = 0\n again:\n r3 = r1\n r3 += r2\n r3 = *(u8 *)(r3 + ${BINS})\n r3 <<= 2\n r3 += r1\n w4 = *(u32 *)(r3 + 0)\n w4 += ${by}\n *(u32 *)(r3 + 0) = r4\n r2 += 1\n if r2 != ${turns} goto again\n r0 = 0\n exit`;
const binsOf = (count: number, from = BINS) =>
  `r2 = r1\n r2 += ${from}\n r3 = ${count}\n call vl_histogram_u8\n r0 = 0\n exit`;

const first = 'r6 = *(u8 *)(r1 + 0)\n r7 = *(u8 *)(r1 + 1)\n';
const arrayAt = (at: number) =>
  `r3 = r10\n r3 += ${at}\n *(u32 *)(r3 + 0) = 1\n *(u32 *)(r3 + 4) = 2\n *(u32 *)(r3 + 8) = 3\n *(u32 *)(r3 + 12) = 4\n r1 &= 3\n r1 <<= 2\n r2 &= 3\n r2 <<= 2\n r4 = r3\n r4 += r1\n *(u32 *)(r4 + 0) = 9\n r3 += r2\n r0 = *(u32 *)(r3 + 0)\n exit`;
/** A program with functions, the same without calls, and the paths of the former. */
const inPlace: Record<string, [string, string, number]> = {
  two_ends_of_a_function_meet_behind_its_call: [
    `${first} r1 = r6\n call local f\n r0 += r7\n exit\n f:\n r0 = 3\n if r1 == 7 goto out\n exit\n out:\n r0 = 5\n exit`,
    `${first} r0 = 3\n if r6 != 7 goto out\n r0 = 5\n out:\n r0 += r7\n exit`,
    1,
  ],
  what_a_function_is_not_given_keeps_no_ways_apart: [
    `${first} r2 = r1\n if r6 == 7 goto over\n call get_smp_processor_id\n r7 = r0\n over:\n r1 = r7\n call local f\n exit\n f:\n r0 = r1\n exit`,
    `${first} if r6 == 7 goto over\n call get_smp_processor_id\n r7 = r0\n over:\n r0 = r7\n exit`,
    1,
  ],
  an_array_of_a_function_lies_elsewhere: [
    `*(u64 *)(r10 - 8) = 0\n r2 = *(u8 *)(r1 + 1)\n r1 = *(u8 *)(r1 + 0)\n call local f\n exit\n f:\n ${arrayAt(-16)}`,
    `r2 = *(u8 *)(r1 + 1)\n r1 = *(u8 *)(r1 + 0)\n ${arrayAt(-24)}`,
    1,
  ],
};
for (const [name, [before, after, paths]] of Object.entries(inPlace))
  test(`functions: ${name}`, async (t) => {
    const proof = await prove(before, after);
    t.like(proof, { verdict: 'proven', queries: 0, paths }, proof.reason);
  });

test('a_count_in_bins_is_its_vector_helper_and_nothing_else_is', async (t) => {
  const size = BINS + 256;
  const onBins = async (before: string, after: string) => {
    const options = { hook: 'run', maps: [], memorySize: size } as const;
    return (await proveEquivalent(assemble(before), assemble(after), options)).verdict;
  };
  t.is(await onBins(binsBy(200), binsOf(200)), 'proven');
  t.is(await onBins(binsBy(3), binsOf(2)), 'different');
  t.is(await onBins(binsBy(3), binsOf(3, BINS + 1)), 'different');
  t.is(await onBins(binsBy(3, 2), binsOf(3)), 'different');
  t.is(await onBins(binsBy(3).replace('w4 +=', 'r4 = 0\n w4 +='), binsOf(3)), 'different');
});

test('unknown_is_said_of_what_is_not_understood', async (t) => {
  const count =
    'r2 = *(u64 *)(r1 + 0)\n r0 = 0\n again:\n r0 += r2\n r2 += -1\n if r2 != 0 goto again\n exit';
  const proof = await proveEquivalent(assemble(count), assemble(count), {
    hook: 'run',
    maps: [],
    memorySize: MEMORY,
    maxPaths: 50,
    maxSteps: 5000,
  });
  t.is(proof.verdict, 'unknown');
});

test('a pair is not taken for another one whose bytes are the same side by side', async (t) => {
  const options = { hook: 'run', maps: [], memorySize: MEMORY } as const;
  const [one, end] = [assemble('r0 = 0x7c000001\n exit'), assemble('exit')];
  const unreached = Buffer.concat(['|', one.subarray(0, 7)].map((part) => Buffer.from(part)));
  t.is((await proveEquivalent(one, one, options)).verdict, 'proven');
  t.not((await proveEquivalent(Buffer.concat([one, unreached]), end, options)).verdict, 'proven');
});

test('maps_of_one_name_are_one_map_and_are_not_told_apart', async (t) => {
  const code = assemble(lookup(1, 'r0 = *(u64 *)(r0 + 0)'));
  const proof = await proveEquivalent(code, code, { hook: 'timer', maps: [hash, hash] });
  t.is(proof.verdict, 'unknown');
});

const subjects = [
  'r0 = 0\n r2 = 0\n again:\n r3 = r1\n r3 += r2\n r4 = *(u8 *)(r3 + 0)\n r4 <<= 56\n r4 s>>= 56\n r5 = *(u8 *)(r3 + 8)\n r4 *= r5\n r0 += r4\n r2 += 1\n if r2 != 8 goto again\n w0 = w0\n exit',
  'r2 = *(u32 *)(r1 + 0)\n r3 = *(u32 *)(r1 + 4)\n r0 = r2\n if r2 > r3 goto big\n r0 = r3\n big:\n r4 = r0\n r4 >>= 3\n *(u16 *)(r1 + 10) = r4\n w0 s>>= 2\n exit',
  'r2 = *(u64 *)(r1 + 0)\n *(u64 *)(r10 - 8) = r2\n r3 = *(u16 *)(r10 - 6)\n r3 = be16 r3\n r0 = r3\n r0 %= 7\n r4 = *(u8 *)(r10 - 1)\n r0 |= r4\n *(u8 *)(r1 + 31) = r0\n exit',
];

test('a_mutation_that_is_proven_does_the_same_and_one_that_is_not_shows_a_difference', async (t) => {
  const host = await loadHost();
  const random = new Random(0x1234567);
  const memories = Array.from({ length: 60 }, (_, n) =>
    Uint8Array.from({ length: MEMORY }, () =>
      n % 3 === 0 ? [0, 1, 127, 128, 255][random.below(5)]! : random.below(256),
    ),
  );
  const run = (code: Uint8Array, memory: Uint8Array) => {
    const result = host.run({ code, hook: 'run' }, { memory });
    return result.ok ? `${result.r0} ${Buffer.from(result.memory).toString('hex')}` : 'stopped';
  };
  const counts = { proven: 0, different: 0, unknown: 0 };
  for (const text of subjects) {
    const before = assemble(text);
    for (let n = 0; n < 60; n++) {
      const after = mutate(decodeProgram(before), random);
      if (!after || !host.verify({ code: after, hook: 'run' }, { memorySize: MEMORY }).ok) continue;
      const proof = await proveEquivalent(before, after, {
        hook: 'run',
        maps: [],
        memorySize: MEMORY,
        timeoutMs: 3000,
      });
      counts[proof.verdict]++;
      const shown = proof.counterexample ? [Buffer.from(proof.counterexample.bytes!, 'hex')] : [];
      const differs = [...memories, ...shown].some((m) => run(before, m) !== run(after, m));
      if (proof.verdict === 'proven')
        t.false(differs, `proven but different: ${Buffer.from(after).toString('hex')}`);
      if (proof.verdict === 'different')
        t.true(differs, `no difference seen: ${Buffer.from(after).toString('hex')}`);
    }
  }
  t.log(counts);
  t.true(counts.different > 40 && counts.proven > 0);
});
