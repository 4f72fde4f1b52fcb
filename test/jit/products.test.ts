/** Loops over filters that clang unrolled become vector code, and what only looks like one does not; all compute what the interpreter does. */
import test from 'ava';
import { assemble, jitCompile } from '../../ebpf/index.ts';
import { type Cpu, FEATURE_SETS, missingTool } from './machine.ts';
import { computeTheSame } from './same.ts';

const MEMORY_BYTES = 1024;
const SAMPLES_AT = 8;
const FACTORS_AT = 600;
const SUMS_AT = 700;
const varied = Uint8Array.from(
  { length: MEMORY_BYTES },
  (_, i) => (i * 167 + (i >> 5) * 29 + 0x81 + (i % 2) * (i >> 3)) & 255,
);
/** -32768 everywhere: 16 products are 2^34. */
const least = Uint8Array.from({ length: MEMORY_BYTES }, (_, i) => (i % 2) * 0x80);

const range = (count: number) => [...Array(count).keys()];

type Filter = {
  readonly taps: number;
  readonly turns: number;
  /** In which order the products are added up. */
  readonly order: readonly number[];
  /** Where the samples begin, beside what moves on. */
  readonly at: number;
  /** Puts the i-th number on the stack, from r4. */
  readonly factor: (i: number, slot: number) => readonly string[];
  /** Loads a sample into r4. */
  readonly sample: (i: number, at: number) => readonly string[];
  /** Adds a product, in r3, to r2; the n-th one. */
  readonly add: (n: number) => readonly string[];
  /** Of each turn, behind the sum; then behind the loop. */
  readonly turn: readonly string[];
  readonly after: readonly string[];
};

const slotOf = (i: number) => -8 * (1 + ((i * 5) % 33));
const signed = ['w4 <<= 16', 'w4 s>>= 16'];
const plain: Filter = {
  taps: 16,
  turns: 40,
  order: range(16),
  at: SAMPLES_AT,
  factor: (i, slot) => [
    `r4 = *(u16 *)(r1 + ${FACTORS_AT + 2 * i})`,
    ...signed,
    `*(u32 *)(r10 - ${-slot}) = r4`,
  ],
  sample: (_, at) => [`r4 = *(u16 *)(r5 + ${at})`, ...signed],
  add: () => ['w2 += w3'],
  turn: [`*(u32 *)(r6 + ${SUMS_AT}) = r2`, 'r6 += 4'],
  after: ['r0 = r2'],
};

/** r1 memory, r6 where sums go, r7 counts; r5 is where a turn's samples begin. */
const codeOf = (f: Filter): string[] => {
  const product = (i: number, n: number) => {
    const into = n === 0 ? 'w2' : 'w3';
    const load = `${n === 0 ? 'r2' : 'r3'} = *(u32 *)(r10 - ${-slotOf(i)})`;
    return [...f.sample(i, f.at + 2 * i), load, `${into} *= w4`, ...(n === 0 ? [] : f.add(n))];
  };
  const before = [
    ...range(f.taps).flatMap((i) => f.factor(i, slotOf(i))),
    ...['r6 = r1', 'r7 = 0', 'r0 = 0'],
  ];
  const turn = ['r5 = r1', 'r5 += r7', ...f.order.flatMap(product), ...f.turn, 'r7 += 2'];
  return [...before, ...turn, `if r7 != ${2 * f.turns} goto -${turn.length + 1}`, ...f.after, 'exit'];
};

const filter = (changed: Partial<Filter>): Filter => ({ ...plain, ...changed });
const sized = (taps: number, turns: number, at = SAMPLES_AT) =>
  filter({ taps, turns, at, order: range(taps) });
const replaced =
  <T>(values: (i: number) => T, at: number, by: (i: number, was: T) => T) =>
  (i: number) =>
    i === at ? by(i, values(i)) : values(i);
const wrongFactor = (by: (slot: number) => readonly string[]) =>
  filter({ factor: (i, slot) => (i === 9 ? by(slot) : plain.factor(i, slot)) });
const wrongSample = (by: (at: number) => readonly string[]) =>
  filter({ sample: (i, at) => (i === 9 ? by(at) : plain.sample(i, at)) });
const afterProduct = (n: number, more: readonly string[], changed: Partial<Filter> = {}) =>
  filter({ ...changed, add: replaced(plain.add, n, (_, was) => [...was, ...more]) });
const kept = ['*(u32 *)(r10 - 400) = r2', 'r2 = 77', 'r2 = *(u32 *)(r10 - 400)'];

const taken: Record<string, Filter> = {
  ...Object.fromEntries(
    [8, 12, 16, 20, 24, 28, 32].flatMap((taps) =>
      [2, 7, 40].map((turns) => [`${taps}_taps_in_${turns}_turns`, sized(taps, turns)]),
    ),
  ),
  thirty_two_taps_and_one: sized(33, 5),
  samples_at_no_multiple_of_16: sized(16, 9, 22),
  samples_far_away: sized(20, 3, 500),
  products_in_another_order: filter({ order: range(16).map((n) => (n * 7 + 3) % 16) }),
  products_backwards: filter({ order: range(16).reverse() }),
  loads_that_extend: filter({ sample: (_, at) => [`r4 = *(s16 *)(r5 + ${at})`] }),
  numbers_from_loads_that_extend: filter({
    factor: (i, slot) => [`r4 = *(s16 *)(r1 + ${FACTORS_AT + 2 * i})`, `*(u32 *)(r10 - ${-slot}) = r4`],
  }),
  the_sum_kept_on_the_stack_meanwhile: afterProduct(6, kept),
  the_sum_kept_when_it_is_complete: afterProduct(15, kept),
  one_number_for_all: filter({ taps: 8, order: range(8), after: ['r2 ^= r7', 'r0 = r2'] }),
  a_total_beside_it: filter({ turn: ['r0 += r2', ...plain.turn], after: [] }),
  memory_read_for_something_else: filter({
    turn: ['r4 = *(u16 *)(r5 + 2)', 'w0 += w4', ...plain.turn],
    after: [],
  }),
};

const left: Record<string, Filter> = {
  seven_taps: sized(7, 5),
  ten_taps: sized(10, 5),
  once: sized(16, 1),
  a_hole_between: filter({ order: [0, 1, 2, 3, 4, 5, 7, 8] }),
  a_sample_without_sign: wrongSample((at) => [`r4 = *(u16 *)(r5 + ${at})`]),
  a_byte_among_the_samples: wrongSample((at) => [`r4 = *(u8 *)(r5 + ${at})`, ...signed]),
  a_sample_cut_short: wrongSample((at) => [`r4 = *(u16 *)(r5 + ${at})`, 'w4 <<= 16', 'w4 s>>= 17']),
  a_sample_twice: wrongSample((at) => [`r4 = *(u16 *)(r5 + ${at - 2})`, ...signed]),
  a_sample_between_two: wrongSample((at) => [`r4 = *(u16 *)(r5 + ${at + 1})`, ...signed]),
  a_sample_from_elsewhere: wrongSample((at) => [`r4 = *(u16 *)(r1 + ${at})`, ...signed]),
  a_sample_behind_the_moved_pointer: wrongSample((at) => ['r5 += 2', `r4 = *(u16 *)(r5 + ${at})`, ...signed]),
  a_number_of_32_bits: wrongFactor((slot) => [
    `r4 = *(u32 *)(r1 + ${FACTORS_AT})`,
    `*(u32 *)(r10 - ${-slot}) = r4`,
  ]),
  a_number_without_sign: wrongFactor((slot) => [
    `r4 = *(u16 *)(r1 + ${FACTORS_AT})`,
    `*(u32 *)(r10 - ${-slot}) = r4`,
  ]),
  a_number_of_17_bits: wrongFactor((slot) => [
    ...[`r4 = *(u32 *)(r1 + ${FACTORS_AT})`, 'w4 <<= 15', 'w4 s>>= 15'],
    `*(u32 *)(r10 - ${-slot}) = r4`,
  ]),
  a_number_jumped_to: wrongFactor((slot) => [
    ...[`r4 = *(u32 *)(r1 + ${FACTORS_AT})`, 'if w4 s> 9 goto 1', 'w4 s>>= 16'],
    `*(u32 *)(r10 - ${-slot}) = r4`,
  ]),
  a_number_that_is_set_in_the_loop: afterProduct(3, [`*(u32 *)(r10 - ${-slotOf(9)}) = r7`]),
  a_number_that_is_a_product: afterProduct(3, [`*(u32 *)(r10 - ${-slotOf(9)}) = r3`]),
  a_store_between_samples: afterProduct(9, [`*(u16 *)(r5 + ${SAMPLES_AT + 26}) = r7`]),
  a_product_used_by_itself: afterProduct(9, ['w0 += w3'], { after: [] }),
  a_part_of_the_sum_used: afterProduct(9, ['w0 += w2'], { after: [] }),
  a_sum_added_to_itself: afterProduct(9, ['w2 += w2']),
  a_difference: filter({ add: replaced(plain.add, 9, () => ['w2 -= w3']) }),
  a_sum_of_64_bits: filter({ add: replaced(plain.add, 9, () => ['r2 += r3']) }),
  a_product_that_is_needed_afterwards: filter({ after: ['r0 = r2', 'r0 += r3'] }),
  a_kept_part_needed_in_the_next_turn: filter({
    add: replaced(plain.add, 6, (_, was) => ['r0 = *(u32 *)(r10 - 400)', ...was, ...kept]),
    factor: (i, slot) => [...plain.factor(i, slot), '*(u32 *)(r10 - 400) = 3'],
    turn: ['*(u32 *)(r6 + 900) = r0', ...plain.turn],
    turns: 9,
  }),
  a_number_that_becomes_the_sum: filter({ turn: [`*(u32 *)(r10 - ${-slotOf(9)}) = r2`, ...plain.turn] }),
  a_kept_part_needed_behind_the_loop: afterProduct(6, kept, { after: ['r0 = *(u32 *)(r10 - 400)'] }),
  a_pointer_to_the_stack: filter({ after: ['r4 = r10', `r0 = *(u32 *)(r4 - ${-slotOf(2)})`] }),
};

const all = [...Object.entries(taken), ...Object.entries(left)];
const assembled = (f: Filter) => assemble(codeOf(f).join('\n'));
/* DDI 0487 C7.2, SMULL (vector): the first products. */
const multiplies = (word: number) => (word & 0xffe0fc00) >>> 0 === 0x0e60c000;

for (const [name, f] of all) {
  test(name, async (t) => {
    const made = await jitCompile({ code: assembled(f), hook: 'run' }, { memorySize: MEMORY_BYTES });
    if (!made.ok) return t.fail(made.error.message);
    t.is([...made.words].some(multiplies), name in taken);
  });
}

const ifEmulated = missingTool() ? test.skip : test;
for (const cpu of Object.keys(FEATURE_SETS) as Cpu[]) {
  ifEmulated(`they_compute_the_same_on_${cpu}`, async (t) => {
    const cases = all.flatMap(([name, f]) =>
      [varied, least].map((memory) => ({ name, code: assembled(f), memory, verify: true })),
    );
    await computeTheSame(t, cpu, cases);
  });
}
