/** Loops that are entered behind their head, as clang turns them: what is kept out of their turns, in words and in what they compute. */
import test from 'ava';
import { assemble, jitCompile } from '../../ebpf/index.ts';
import { type Cpu, FEATURE_SETS, missingTool } from './machine.ts';
import { computeTheSame } from './same.ts';

const MEMORY_BYTES = 64;

/* DDI 0487 C4.1.94 and C6.2. */
const forms = {
  /** A load or a store that adds to its base. */
  indexed: (word: number) => (word & 0x3f200400) === 0x38000400,
  chosen: (word: number) => (word & 0x7fe00c00) === 0x1a800000,
  /** MOV (register). */
  moved: (word: number) => (word & 0x7fe0ffe0) === 0x2a0003e0,
  /** MOVK: the rest of a constant. */
  constants: (word: number) => (word & 0x7f800000) === 0x72800000,
  /** B.cond that goes back. */
  back: (word: number) => (word & 0xff800010) >>> 0 === 0x54800000,
  /** UBFIZ: UBFM with immr above imms. */
  inserted: (word: number) => (word & 0x7f800000) === 0x53000000 && ((word >> 16) & 63) > ((word >> 10) & 63),
} as const;

type Case = { readonly text: readonly string[]; readonly words: Partial<Record<keyof typeof forms, number>> };

type Sort = { start: string[]; head: string[]; load: string[]; swap: string[]; after: string[] };

/** One pass that moves the largest number to the end: a turn starts from what the one before left in r6. */
const sort = (changed: Partial<Sort> = {}): string[] => {
  const parts: Sort = {
    start: ['goto load'],
    head: ['r4 += 1', 'r5 += 4', 'w0 = w6', 'if r4 >= 14 goto out'],
    load: ['w6 = *(u32 *)(r5 + 0)', 'if w0 <= w6 goto head'],
    swap: ['*(u32 *)(r5 + 0) = w0', '*(u32 *)(r5 - 4) = w6', 'w6 = w0', 'goto head'],
    after: [],
    ...changed,
  };
  return [
    ...['r4 = 0', 'r5 = r1', 'r5 += 4', 'w0 = *(u32 *)(r1 + 0)', 'w6 = 3', ...parts.start],
    ...['head:', ...parts.head, 'load:', ...parts.load, ...parts.swap],
    ...['out:', ...parts.after, 'exit'],
  ];
};

const HASH = 'w0 ^= 0x12345678';

const cases: Record<string, Case> = {
  a_load_behind_the_loop_that_a_jump_before_it_comes_to: {
    text: [
      ...['w0 = *(u8 *)(r1 + 40)', 'w7 = *(u8 *)(r1 + 0)', 'r4 = 0', 'if r7 > 100 goto test', 'goto load'],
      ...['head:', 'goto out', 'test:', 'if r7 != 150 goto head'],
      ...[
        'load:',
        'r5 = *(u64 *)(r1 + 48)',
        'w4 = *(u32 *)(r1 + 56)',
        'r4 ^= r5',
        'out:',
        'r0 ^= r4',
        'exit',
      ],
    ],
    words: { moved: 0 },
  },
  a_loop_that_counts_within_one_that_counts_down: {
    text: [
      ...[
        'w2 = *(u8 *)(r1 + 8)',
        'w2 &= 7',
        'r3 = r2',
        'r4 = 0',
        'r6 = *(u64 *)(r1 + 16)',
        'outer:',
        'r9 = 0',
        'inner:',
      ],
      ...['r9 += 1', 'if r9 < r3 goto inner', 'r9 = r2', 'r9 += r6', 'r4 += 1', 'r6 = r9'],
      ...['if r4 < r3 goto outer', 'r0 = r9', 'exit'],
    ],
    words: { indexed: 0 },
  },
  a_turn_that_starts_from_a_copy: { text: sort(), words: { indexed: 1, chosen: 1, moved: 1 } },
  the_same_with_a_branch_over_the_jump_back: {
    text: sort({ load: ['w6 = *(u32 *)(r5 + 0)', 'if w0 > w6 goto swap', 'goto head', 'swap:'] }),
    words: { indexed: 1, chosen: 1 },
  },
  the_same_tested_for_zero: {
    text: sort({ load: ['w6 = *(u32 *)(r5 + 0)', 'if w0 == 0 goto head'] }),
    words: { indexed: 1, chosen: 1 },
  },
  the_same_tested_by_a_bit: {
    text: sort({ load: ['w6 = *(u32 *)(r5 + 0)', 'if w0 & 64 goto head'] }),
    words: { indexed: 1, chosen: 1 },
  },
  two_branches_back: {
    text: sort({ load: ['w6 = *(u32 *)(r5 + 0)', 'if w6 == 7 goto head', 'if w0 <= w6 goto head'] }),
    words: { indexed: 1, chosen: 2 },
  },
  a_source_that_is_needed_behind_the_copy: {
    text: sort({ after: ['r0 += r6'] }),
    words: { indexed: 1, chosen: 0 },
  },
  a_loop_around_a_loop: {
    text: sort({
      head: [
        'r4 += 1',
        'r5 += 4',
        'w0 = w6',
        'if r4 >= 14 goto out',
        'r7 = 0',
        'inner:',
        'w0 += 3',
        'r7 += 1',
        'if r7 < 3 goto inner',
      ],
    }),
    words: { chosen: 0 },
  },
  a_pointer_that_goes_back: {
    text: sort({ head: ['r4 += 1', 'r5 += -4', 'r5 += 8', 'w0 = w6', 'if r4 >= 14 goto out'] }),
    words: { indexed: 1 },
  },
  a_load_that_others_jump_to: {
    text: sort({ start: ['if w0 == 9 goto load', 'goto load'] }),
    words: { indexed: 0 },
  },
  counting_behind_a_load: {
    text: [
      ...[
        'r0 = 0',
        'r2 = 0',
        'r3 = *(u8 *)(r1 + 0)',
        'w3 &= 3',
        'r1 += 8',
        'loop:',
        'w0 ^= w2',
        'w0 *= 3',
        'r3 += -1',
      ],
      ...['r2 = *(u32 *)(r1 + 0)', 'r1 += 4', 'if r3 s> 0 goto loop', 'r0 += r2', 'exit'],
    ],
    words: { indexed: 1 },
  },
  constants_of_loops_that_go_back_into_each_other: {
    text: [
      ...['r0 = 0', 'r2 = 0', 'r5 = *(u32 *)(r1 + 0)', 'goto outer'],
      ...['inner:', HASH, 'w0 *= 5', 'if w0 & 8 goto next'],
      ...['r2 += 1', 'if r2 != 40 goto middle', 'exit'],
      ...['next:', 'r2 += 1', 'if r2 > 30 goto out', 'middle:', HASH, 'w0 += w5', 'goto inner'],
      ...['outer:', 'w0 += 1', 'goto middle', 'out:', 'exit'],
    ],
    words: { constants: 1 },
  },
  constants_of_loops_that_a_jump_enters: {
    text: [
      ...['r0 = 0', 'r2 = 0', 'r5 = *(u32 *)(r1 + 0)', 'if r5 & 1 goto middle', 'goto outer'],
      ...[
        'inner:',
        HASH,
        'w0 *= 5',
        'r2 += 1',
        'if r2 > 30 goto out',
        'middle:',
        HASH,
        'w0 += w5',
        'goto inner',
      ],
      ...['outer:', 'w0 += 1', 'goto middle', 'out:', 'exit'],
    ],
    words: { constants: 2 },
  },
  a_branch_out_before_a_jump_back: {
    text: [
      ...['r0 = 0', 'r2 = *(u8 *)(r1 + 0)', 'w2 &= 7', 'if w2 == 3 goto other'],
      ...['loop:', 'r3 = r1', 'r3 += r2', 'w4 = *(u8 *)(r3 + 0)', 'if w4 == 5 goto skip', 'w0 *= 3', 'skip:'],
      ...['w0 += w4', 'r2 += 1', 'if r2 == 60 goto out', 'goto loop', 'other:', 'r0 += 7', 'exit'],
      ...['out:', 'r0 += 1', 'exit'],
    ],
    words: { back: 1 },
  },
  a_mask_of_which_the_low_half_is_tested: {
    text: [
      ...['r2 = *(u8 *)(r1 + 1)', 'r2 <<= 40', 'r3 = *(u8 *)(r1 + 0)', 'r3 <<= 8', 'r2 |= r3'],
      ...[
        'r3 = *(u8 *)(r1 + 2)',
        'r2 |= r3',
        'r2 &= -256',
        'r0 = 1',
        'if w2 == 0 goto out',
        'r0 = 2',
        'out:',
        'exit',
      ],
    ],
    words: { indexed: 0 },
  },
  a_shift_and_a_mask: {
    text: ['w0 = *(u8 *)(r1 + 0)', 'w0 <<= 2', 'w0 &= 60', 'exit'],
    words: { inserted: 1 },
  },
  a_shift_and_a_mask_in_64_bits: {
    text: ['r0 = *(u64 *)(r1 + 0)', 'r0 <<= 5', 'r0 &= 0x7e0', 'exit'],
    words: { inserted: 1 },
  },
};

for (const [name, { text, words }] of Object.entries(cases)) {
  test(name, async (t) => {
    const made = await jitCompile(
      { code: assemble(text.join('\n')), hook: 'run' },
      { memorySize: MEMORY_BYTES },
    );
    if (!made.ok) return t.fail(made.error.message);
    for (const [form, count] of Object.entries(words)) {
      t.is([...made.words].filter(forms[form as keyof typeof forms]).length, count, form);
    }
  });
}

const memories = [0, 1, 2, 3].map((seed) =>
  Uint8Array.from({ length: MEMORY_BYTES }, (_, i) => (i * (37 + 50 * seed) + 3 * seed) & 255),
);

const ifEmulated = missingTool() ? test.skip : test;
for (const cpu of Object.keys(FEATURE_SETS) as Cpu[]) {
  ifEmulated(`they_compute_the_same_on_${cpu}`, async (t) => {
    const runs = Object.entries(cases).flatMap(([name, { text }]) =>
      memories.map((memory, i) => ({
        name: `${name}, ${i}`,
        code: assemble(text.join('\n')),
        memory,
        verify: true,
      })),
    );
    await computeTheSame(t, cpu, runs);
  });
}
