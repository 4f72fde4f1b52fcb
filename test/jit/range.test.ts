/** Decision trees over a small number, as clang makes of a `switch`: bits are tested where they decide, and never where they don't. */
import test from 'ava';
import { assemble, interpret, jitCompile } from '../../ebpf/index.ts';
import { Random } from '../../ebpf/random.ts';
import { buildMachine, missingTool, runMachine } from './machine.ts';

const ABOVE = ['>', '>=', 's>', 's>='];
const BELOW = ['<', '<=', 's<', 's<='];

type Tree = { readonly lines: string[]; readonly late: string[]; labels: number; readonly leaves: string[] };

const leaf = (tree: Tree, random: Random): string[] => {
  const label = `leaf${tree.labels++}`;
  tree.leaves.push(label);
  return [`${label}:`, `r0 += ${random.below(1000)}`, 'goto done'];
};

/**
 * Splits low..high anywhere; either half may follow at once or much later, and some branches go to a place that others go to, too,
 * or that the other half goes to by a jump, which needs no branch where that place follows.
 */
const split = (tree: Tree, random: Random, low: number, high: number, depth: number): string[] => {
  if (high === low || depth === 0) return leaf(tree, random);
  const width = random.below(2) === 0 ? 'r2' : 'w2';
  const away = `node${tree.labels++}`;
  const shared = random.below(8) === 0 && tree.leaves.length > 0;
  const target = shared ? tree.leaves[random.below(tree.leaves.length)]! : away;
  const least = random.below(3) === 0 ? low + 1 + random.below(high - low) : (low + high + 1) >> 1;
  const takesAbove = random.below(2) === 0;
  const op = (takesAbove ? ABOVE : BELOW)[random.below(4)]!;
  const isStrictAbove = op.endsWith('>');
  const shift = takesAbove ? (isStrictAbove ? -1 : 0) : op.endsWith('<') ? 0 : -1;
  const spoils = random.below(6) === 0 ? ['r0 += 1'] : [];
  const [near, far]: [number, number][] = takesAbove
    ? [
        [low, least - 1],
        [least, high],
      ]
    : [
        [least, high],
        [low, least - 1],
      ];
  const branch = `if ${width} ${op} ${least + shift} goto ${target}`;
  const joins = !shared && random.below(8) === 0;
  const rest = joins ? ['r0 += 3', `goto ${away}`] : split(tree, random, near![0], near![1], depth - 1);
  if (!shared) {
    const other = [`${away}:`, ...split(tree, random, far![0], far![1], depth - 1)];
    if (random.below(2) === 0) tree.late.unshift(...other);
    else return [...spoils, branch, ...rest, ...other];
  }
  return [...spoils, branch, ...rest];
};

/** The number is in r2, of the byte at r1. */
const treeOf = (seed: number): Uint8Array => {
  const random = new Random(seed);
  const tree: Tree = { lines: [], late: [], labels: 0, leaves: [] };
  const mask = [0xff, 0x3f, 0x1f, 0xf, 7, 3][random.below(6)]!;
  const body = split(tree, random, 0, mask, 6);
  const head = ['r0 = 0', 'r2 = *(u8 *)(r1 + 0)', `w2 &= ${mask}`];
  return assemble([...head, ...body, ...tree.late, 'done:', 'exit'].join('\n'));
};

const missing = missingTool();
const TREES = 48;
const NUMBERS = [0, 1, 2, 3, 4, 7, 8, 12, 15, 16, 23, 24, 31, 33, 47, 63, 64, 100, 127, 128, 200, 254, 255];

(missing ? test.skip : test)('trees_of_any_shape_do_what_the_interpreter_does', async (t) => {
  const machine = await buildMachine();
  for (const cpu of ['cortex-a53', 'max'] as const) {
    const runs = Array.from({ length: TREES }, (_, seed) => treeOf(seed)).flatMap((code) =>
      NUMBERS.map((number) => ({ code, memory: new Uint8Array(8).fill(number), verify: true })),
    );
    const answers = runMachine(machine, cpu, runs);
    for (const [i, { code, memory }] of runs.entries()) {
      const expected = await interpret(code, memory);
      if (!expected.ok) return t.fail(expected.error.message);
      t.is(answers[i]!.r0, expected.r0, `tree ${Math.floor(i / NUMBERS.length)}, number ${memory[0]}`);
    }
  }
});

/** DDI 0487 C6.2, TBZ and TBNZ; B.cond. */
const isBitTest = (word: number) => (word & 0x7e000000) === 0x36000000;
const isCondition = (word: number) => word >>> 24 === 0x54;

/** 16 cases halved four times, each half right behind its compare. */
const dense = (low: number, high: number): string[] => {
  if (low === high) return [`r0 = ${low * 3 + 1}`, 'exit'];
  const least = (low + high + 1) / 2;
  return [
    `if w2 s> ${least - 1} goto n${low}_${high}`,
    ...dense(low, least - 1),
    `n${low}_${high}:`,
    ...dense(least, high),
  ];
};
const DENSE = ['r2 = *(u8 *)(r1 + 0)', 'w2 &= 15', ...dense(0, 15)];

const wordsOf = async (lines: readonly string[]) => {
  const result = await jitCompile({ code: assemble(lines.join('\n')), hook: 'run' }, { memorySize: 8 });
  if (!result.ok) throw new Error(result.error.message);
  return result.words;
};

test('a_switch_of_sixteen_cases_tests_one_bit_at_each_of_its_fifteen_compares', async (t) => {
  const words = await wordsOf(DENSE);
  t.deepEqual([words.filter(isBitTest).length, words.filter(isCondition).length], [15, 0]);
});

test('where_two_ways_meet_nothing_is_known_of_the_number', async (t) => {
  const words = await wordsOf([
    ...['r0 = 0', 'r2 = *(u8 *)(r1 + 0)', 'r3 = *(u8 *)(r1 + 1)', 'w2 &= 15', 'if w2 > 7 goto upper'],
    ...['if w3 == 77 goto upper', 'r0 = 1', 'exit'],
    ...['upper:', 'if w2 > 11 goto most', 'r0 = 2', 'exit', 'most:', 'r0 = 3', 'exit'],
  ]);
  // Only the first compare: 0 to 15 is known of the number there.
  t.is(words.filter(isBitTest).length, 1);
});

for (const [way, jump] of [
  ['a_jump_to_the_next_slot', ['goto upper']],
  ['a_jump_over_what_nobody_reaches', ['r4 = 1', 'if r4 == 1 goto upper', 'r0 = 5']],
] as const)
  test(`where_${way}_leads_as_well_nothing_is_known_of_the_number`, async (t) => {
    const words = await wordsOf([
      ...['r0 = 0', 'r2 = *(u8 *)(r1 + 0)', 'w2 &= 15', 'if w2 > 7 goto upper', 'r0 = 1', ...jump],
      ...['upper:', 'if w2 > 11 goto most', 'exit', 'most:', 'r0 = 3', 'exit'],
    ]);
    t.is(words.filter(isBitTest).length, 1);
  });

test('a_number_that_changed_on_the_way_is_compared', async (t) => {
  const words = await wordsOf([
    ...['r0 = 0', 'r2 = *(u8 *)(r1 + 0)', 'r3 = *(u32 *)(r1 + 4)', 'w2 &= 15', 'if w2 > 7 goto upper'],
    ...['r0 = 1', 'exit', 'upper:', 'r2 += r3', 'if r2 > 11 goto most', 'r0 = 2', 'exit'],
    ...['most:', 'r0 = 3', 'exit'],
  ]);
  t.is(words.filter(isBitTest).length, 1);
});
