/** What comes from outside and was only compared is no address while the CPU guesses: read from the code that the JIT makes. */
import test from 'ava';
import { assemble, type CpuName, jitCompile, type Program } from '../../ebpf/index.ts';

const CSDB = 0xd503229f;
const DSB = 0xd503379f;
const ISB = 0xd5033fdf;

/* DDI 0487 C6.2: CSEL of 64 bits with XZR as the second choice; AND with a mask; loads of bytes. */
const isSelect = (word: number) => (word & 0xfffffc00) >>> 0 === 0x9a9f9000;
const isMask = (word: number) => (word & 0xffc00000) >>> 0 === 0x92400000;
const isByteLoad = (word: number) =>
  (word & 0xff000000) >>> 0 === 0x38000000 || (word & 0xff000000) >>> 0 === 0x39000000;

/** The words that matter, in their order: s select, d CSDB, m mask in place, w whole barrier, l load of a byte. */
const shapeOf = (words: Uint32Array): string =>
  [...words]
    .map((word, i, all) => {
      if (word === CSDB) return 'd';
      if (word === DSB && all[i + 1] === ISB) return 'w';
      if (isSelect(word)) return 's';
      if (isMask(word) && (word & 31) === ((word >>> 5) & 31)) return 'm';
      return isByteLoad(word) ? 'l' : '';
    })
    .join('');

const compiled = async (
  program: Program,
  options: { memorySize?: number; cpu?: CpuName } = {},
): Promise<string> => {
  const result = await jitCompile(program, { cpu: 'cortex-a72', ...options });
  if (!result.ok) throw new Error(result.error.message);
  return shapeOf(result.words);
};

/** Bytes of memory, 64 of them, at r1; r2 is the first word of it. */
const start = 'r0 = 0\nr2 = *(u32 *)(r1 + 0)';
const use = 'r1 += r2\nr0 = *(u8 *)(r1 + 0)\nexit';

const guarded: Record<string, readonly [text: string, shape: string]> = {
  an_index_that_is_compared_is_selected_before_the_load: [`${start}\nif r2 > 60 goto +2\n${use}`, 'sdl'],
  an_index_that_is_compared_at_32_bits_is_selected: [`${start}\nif w2 > 60 goto +2\n${use}`, 'sdl'],
  an_index_is_selected_where_the_jump_is_taken: [`${start}\nif r2 < 60 goto +1\nexit\n${use}`, 'sdl'],
  an_index_of_a_power_of_two_is_masked: [`${start}\nif r2 > 63 goto +2\n${use}`, 'ml'],
  a_shifted_index_is_masked_where_it_is_added: [`${start}\nif r2 > 7 goto +3\nr2 <<= 3\n${use}`, 'ml'],
  a_limit_that_comes_from_outside_bounds_an_index_that_does: [
    `${start}\nr3 = *(u32 *)(r1 + 4)\nif r3 > 60 goto +3\nif r2 >= r3 goto +2\n${use}`,
    'sdl',
  ],
  a_copy_of_what_is_compared_is_selected: [`${start}\nr3 = r2\nif r3 > 60 goto +2\n${use}`, 'sdl'],
  an_index_that_waits_on_the_stack_is_selected: [
    `${start}\n*(u64 *)(r10 - 8) = r2\nif r2 > 60 goto +3\nr2 = *(u64 *)(r10 - 8)\n${use}`,
    'sdl',
  ],
  an_index_that_passes_through_a_local_function_is_selected: [
    `${start}\nif r2 > 60 goto +1\ncall local f\nexit\nf: ${use}`,
    'sdl',
  ],
  an_index_that_a_helper_gave_is_selected: [
    `r6 = r1\ncall 7\nr1 = r6\nr2 = r0\nr0 = 0\nif r2 > 60 goto +2\n${use}`,
    'sdl',
  ],
  a_byte_into_a_table_of_less_is_selected: [
    `r0 = 0\nr2 = *(u8 *)(r1 + 0)\nif r2 > 60 goto +2\n${use}`,
    'lsdl',
  ],
  an_index_that_is_compared_in_one_turn_and_used_in_the_next_is_selected: [
    `${start}\nr3 = 0\nif r2 > 60 goto +6\nr4 = r1\nr4 += r2\nr0 = *(u8 *)(r4 + 0)\nr2 = r0\nr3 += 1\nif r3 < 5 goto -7\nexit`,
    'sdl',
  ],
  a_number_added_to_what_a_loop_counts_is_selected: [
    `r0 = 0\nr3 = 0\nr2 = *(u8 *)(r1 + 0)\nif r2 > 20 goto +6\nr4 = r1\nr2 += r3\nr4 += r2\nr0 = *(u8 *)(r4 + 0)\nr3 += 8\nif r3 < 40 goto -8\nexit`,
    'lsdl',
  ],
  an_index_that_each_turn_doubles_is_selected: [
    `${start}\nr2 &= 15\nr3 = 0\nif r2 > 30 goto +6\nr2 <<= 1\nr4 = r1\nr4 += r2\nr0 = *(u8 *)(r4 + 0)\nr3 += 1\nif r3 < 5 goto -7\nexit`,
    '([sm]d?l)+',
  ],
  an_index_that_each_turn_doubles_on_the_stack_is_selected: [
    `${start}\nr2 &= 15\nr3 = 0\n*(u64 *)(r10 - 8) = r2\nr2 = *(u64 *)(r10 - 8)\nif r2 > 30 goto +7\nr2 <<= 1\n*(u64 *)(r10 - 8) = r2\nr4 = r1\nr4 += r2\nr0 = *(u8 *)(r4 + 0)\nr3 += 1\nif r3 < 5 goto -9\nexit`,
    '([sm]d?l)+',
  ],
  a_number_shifted_by_one_that_was_compared_is_selected: [
    `r0 = 0\nr2 = *(u8 *)(r1 + 0)\nr3 = *(u8 *)(r1 + 1)\nr2 &= 15\nif r3 > 1 goto +3\nr2 <<= r3\n${use}`,
    'llsdl',
  ],
  a_number_shifted_by_what_a_loop_counts_is_selected: [
    'r0 = 0\nr3 = 0\nr2 = *(u8 *)(r1 + 0)\nr2 &= 15\nr2 <<= r3\nr4 = r1\nr4 += r2\nr0 = *(u8 *)(r4 + 0)\nr3 += 1\nif r3 < 3 goto -8\nexit',
    '(l([sm]d?)l)+',
  ],
  an_index_between_two_limits_gets_a_barrier: [
    `r0 = 0\nr2 = *(u64 *)(r1 + 0)\nr1 += 32\nif r2 s> 20 goto +3\nif r2 s< -20 goto +2\n${use}`,
    'wl',
  ],
};

const free: Record<string, readonly [text: string, shape: string]> = {
  an_index_that_is_masked_needs_nothing: [`${start}\nr2 &= 31\n${use}`, 'l'],
  an_index_that_is_masked_before_ways_part_needs_nothing: [
    `${start}\nr3 = *(u32 *)(r1 + 4)\nr2 &= 31\nif r3 == 0 goto +1\nr0 = 1\n${use}`,
    'l',
  ],
  an_index_that_is_shifted_down_needs_nothing: [`${start}\nw2 >>= 27\n${use}`, 'l'],
  a_remainder_needs_nothing: [`${start}\nr2 %= 60\n${use}`, 'l'],
  a_number_that_is_no_index_needs_nothing: [`${start}\nif r2 > 60 goto +1\nr0 = *(u8 *)(r1 + 1)\nexit`, 'l'],
  a_constant_chosen_by_what_comes_from_outside_needs_nothing: [
    `${start}\nr3 = 5\nif r2 > 60 goto +1\nr3 = 9\nr1 += r3\nr0 = *(u8 *)(r1 + 0)\nexit`,
    'l',
  ],
  a_number_shifted_by_a_constant_that_a_branch_chose_needs_nothing: [
    `r0 = 0\nr2 = *(u8 *)(r1 + 0)\nr4 = *(u8 *)(r1 + 1)\nr2 &= 15\nr3 = 2\nif r4 == 0 goto +1\nr3 = 1\nr2 <<= r3\n${use}`,
    'lll',
  ],
  a_number_shifted_by_one_that_is_masked_needs_nothing: [
    `r0 = 0\nr2 = *(u8 *)(r1 + 0)\nr3 = *(u8 *)(r1 + 1)\nr2 &= 15\nr3 &= 1\nr2 <<= r3\n${use}`,
    'lll',
  ],
  a_masked_number_added_to_what_a_loop_counts_needs_nothing: [
    'r0 = 0\nr3 = 0\nr2 = *(u8 *)(r1 + 0)\nr2 &= 15\nr4 = r1\nr2 += r3\nr4 += r2\nr0 = *(u8 *)(r4 + 0)\nr3 += 8\nif r3 < 40 goto -8\nexit',
    'l+',
  ],
};

/** Reads a byte of a frame at r3 more than its first one. */
const packet = (load: string, reach = 1, read = 'r0 = *(u8 *)(r1 + 0)') =>
  `r0 = 0\nr6 = r1\nr1 = *(u64 *)(r6 + 0)\nr2 = *(u64 *)(r6 + 8)\nr4 = r1\nr4 += 2\nif r4 > r2 goto out\n${load}\nr1 += r3\nr4 = r1\nr4 += ${reach}\nif r4 > r2 goto out\n${read}\nout: exit`;
const far = 'r3 = *(u16 *)(r1 + 0)';
const times = (count: number, text: (i: number) => string) => [...Array(count).keys()].map(text).join('\n');
const looped = (head: string) => `r5 = 0\nhead: ${head}\nr5 += 1\nif r5 != 64 goto head`;
const factor = (i: number) => `w0 s>>= 16\n*(u32 *)(r10 - ${8 * i + 8}) = r0`;
const product = (i: number) =>
  `r4 = *(s16 *)(r1 + ${2 * i})
r${i ? 3 : 2} = *(u32 *)(r10 - ${8 * i + 8})
${i ? 'w3 *= w4\nw2 += w3' : 'w2 *= w4'}`;
const [first, second] = ['r5 = *(u8 *)(r1 + 1)', 'r0 = *(u8 *)(r1 + 0)\nr0 += r5'];

const packets: Record<string, readonly [text: string, shape: string]> = {
  an_offset_that_only_the_length_of_the_packet_bounds_gets_a_barrier: [packet(far), 'wl'],
  an_access_that_reaches_no_further_gets_no_barrier_of_its_own: [
    packet(far, 2, `${first}\n${second}`),
    'wll',
  ],
  nor_does_it_behind_a_branch: [packet(far, 2, `${first}\nif r5 == 7 goto out\n${second}`), 'wll'],
  nor_where_ways_meet_that_part_behind_the_barrier: [
    packet(far, 2, `${first}\nif r5 == 7 goto +1\nr5 += 1\n${second}`),
    'wll',
  ],
  nor_behind_a_call: [
    packet(far, 2, 'r7 = r1\nr8 = *(u8 *)(r7 + 1)\ncall 7\nr0 = *(u8 *)(r7 + 0)\nr0 += r8'),
    'wll',
  ],
  one_that_reaches_further_gets_a_barrier: [
    packet(far, 1, `r5 = *(u8 *)(r1 + 0)\nr4 += 1\nif r4 > r2 goto out\nr0 = *(u8 *)(r1 + 1)\nr0 += r5`),
    'wlwl',
  ],
  one_that_a_way_around_the_first_leads_to_gets_a_barrier: [
    packet(far, 2, `r5 = r3\nif r3 == 7 goto +1\n${first}\n${second}`),
    'wlwl',
  ],
  one_by_a_register_that_changed_gets_a_barrier: [
    packet(far, 2, `${first}\nr1 = r4\nr1 += -2\n${second}`),
    'wlwl',
  ],
  one_by_a_register_that_was_loaded_gets_a_barrier: [
    packet(
      far,
      2,
      '*(u64 *)(r10 - 8) = r1\nr5 = *(u8 *)(r1 + 1)\nr1 = *(u64 *)(r10 - 8)\nr0 = *(u8 *)(r1 + 0)\nr0 += r5',
    ),
    'wlwl',
  ],
  each_turn_of_a_loop_has_its_own_barrier: [
    packet(far, 2, `r6 = 0\nr0 = 0\n${first}\n${second}\nr1 = r4\nr1 += -2\nr6 += 1\nif r6 < 3 goto -7`),
    '(wll)+',
  ],
  each_byte_that_a_loop_adds_up_gets_a_barrier: [
    packet(far, 64, looped('r3 = *(u8 *)(r1 + 0)\nw0 += w3\nr1 += 1')),
    '(wl)+',
  ],
  each_sample_that_a_filter_reads_gets_a_barrier: [
    packet(far, 142, `${times(8, factor)}\n${looped(`${times(8, product)}\nr0 += r2\nr1 += 2`)}`),
    'w{8}',
  ],
  an_offset_within_the_room_of_a_frame_needs_nothing: [packet('r3 = *(u8 *)(r1 + 0)\nr3 &= 60'), 'lml'],
};

for (const [title, [text, shape]] of Object.entries(packets)) {
  test(title, async (t) => {
    const program: Program = { code: assemble(text), hook: 'packet' };
    t.regex(await compiled(program), new RegExp(`^${shape}$`));
    t.notRegex(await compiled(program, { cpu: 'cortex-a53' }), /w/);
  });
}

for (const [title, [text, shape]] of Object.entries({ ...guarded, ...free })) {
  test(title, async (t) => {
    const program: Program = { code: assemble(text), hook: 'run' };
    t.regex(await compiled(program, { memorySize: 64 }), new RegExp(`^${shape}$`));
    t.notRegex(
      await compiled(program, { memorySize: 64, cpu: 'cortex-a53' }),
      /[sdw]/,
      'a core that does not run ahead',
    );
  });
}
