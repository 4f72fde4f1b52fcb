/** Vector helpers with counts that hang on the input: what is the same is proven, what is nearly the same never is. */
import { isDeepStrictEqual } from 'node:util';
import test from 'ava';
import { assemble, loadHost } from '../index.ts';
import { Random } from '../random.ts';
import { proveEquivalent, stopSolver, type Verdict } from './index.ts';

test.after.always(() => stopSolver());

const MEMORY = 96;
const options = { hook: 'run', maps: [], memorySize: MEMORY } as const;
const verdictOf = async (before: string, after: string): Promise<Verdict> =>
  (await proveEquivalent(assemble(before), assemble(after), options)).verdict;

/** r6: the memory; r7: a count that its first byte says. */
const head = (mask = 15, least = 0) => `r6 = r1\n r7 = *(u8 *)(r6 + 0)\n r7 &= ${mask}\n r7 += ${least}\n`;
/** Places in memory by their offsets, as `m8`; anything else as it is. */
const call = (name: string, ...args: readonly (string | number)[]): string => {
  const given = args.map((arg, i) =>
    /^m\d/.test(`${arg}`) ? `r${i + 1} = r6\n r${i + 1} += ${`${arg}`.slice(1)}` : `r${i + 1} = ${arg}`,
  );
  return [...given, `call vl_${name}`].join('\n');
};
const end = '\n r0 = 0\n exit';
const copy = (to: string, from: string, count: string | number = 'r7') => call('mem_copy', to, from, count);
const fill = (to: string, value: string | number, count: string | number = 'r7') =>
  call('mem_fill', to, value, count);
const does = (...parts: readonly string[]) => head() + parts.join('\n') + end;
const doesFew = (...parts: readonly string[]) => head(7) + parts.join('\n') + end;
const gives = (name: string, ...args: readonly (string | number)[]) =>
  `${head(7, 1)}${call(name, ...args)}\n exit`;
const byte = (at: number) => `r0 = *(u8 *)(r6 + ${at})`;
/** A byte for each of r7, from 32 on: `r5` is its place. */
const turns = (body: string) =>
  `r4 = 0\n goto test\n turn:\n r5 = r6\n r5 += r4\n ${body}\n r4 += 1\n test:\n if r4 < r7 goto turn`;
const whether = (few: string, many: string) =>
  `if r7 < 5 goto few\n ${many}\n goto met\n few:\n ${few}\n met:`;
/** An array of 16 bytes in a frame, below `room` others. */
const onStack = (room: number) =>
  `r8 = r10\n r8 += ${-16 - room}\n *(u64 *)(r8 + 0) = 3\n *(u64 *)(r8 + 8) = 4\n r1 = r8\n r2 = r6\n r2 += 32\n r3 = r7\n call vl_mem_copy\n r1 = r8\n r2 = r7\n r2 += 1\n call vl_sum_u8`;

const equal: Record<string, readonly [string, string]> = {
  a_count_that_is_cut_in_another_way: [
    gives('sum_u8', 'm32', 'r7'),
    gives('sum_u8', 'm32', 'r7').replace('r7 &= 7', 'r7 %= 8'),
  ],
  a_sum_in_a_loop: [
    `${head(3)}r0 = 0\n ${turns('r3 = *(u8 *)(r5 + 32)\n r0 += r3')}\n exit`,
    `${head(3)}${call('sum_u8', 'm32', 'r7')}\n exit`,
  ],
  a_copy_in_a_loop: [
    `${head(3)}${turns('r3 = *(u8 *)(r5 + 32)\n *(u8 *)(r5 + 48) = r3')}${end}`,
    `${head(3)}${copy('m48', 'm32')}${end}`,
  ],
  an_overlapping_copy_from_behind_in_a_loop: [
    `${head(3)}${turns('r3 = *(u8 *)(r5 + 33)\n *(u8 *)(r5 + 32) = r3')}${end}`,
    `${head(3)}${copy('m32', 'm33')}${end}`,
  ],
  a_fill_in_a_loop: [
    `${head(3)}${turns('*(u8 *)(r5 + 32) = 7')}${end}`,
    `${head(3)}${fill('m32', 0x107)}${end}`,
  ],
  fills_that_lie_apart: [does(fill('m32', 1), fill('m48', 2)), does(fill('m48', 2), fill('m32', 1))],
  a_copy_again: [does(copy('m48', 'm32')), does(copy('m48', 'm32'), copy('m48', 'm32'))],
  what_is_beside_a_span: [
    does(fill('m32', 1), `${byte(47)}\n *(u8 *)(r6 + 8) = r0`),
    does(`${byte(47)}\n *(u8 *)(r6 + 8) = r0`, fill('m32', 1)),
  ],
  what_is_inside_where_there_are_enough: [
    `${head()}${fill('m32', 5)}\n r0 = 5\n if r7 < 4 goto out\n ${byte(35)}\n out:\n exit`,
    `${head()}${fill('m32', 5)}\n r0 = 5\n exit`,
  ],
  ways_that_do_the_same: [does(whether(fill('m32', 1), fill('m32', 1))), does(fill('m32', 1))],
  an_array_elsewhere_in_the_frame: [`${head()}${onStack(0)}\n exit`, `${head()}${onStack(24)}\n exit`],
  an_array_of_a_function: [
    `${head()}r1 = r6\n r2 = r7\n call local f\n exit\n f:\n r6 = r1\n r7 = r2\n ${onStack(0)}\n exit`,
    `${head()}${onStack(8)}\n exit`,
  ],
};

/** Helpers that only read, by their arguments where the count is `n` and their data lies at `at`. */
const reading = (n: string, at: number): Record<string, string> => ({
  compare: gives('mem_compare', `m${at}`, 'm64', n),
  find: gives('mem_find', `m${at}`, n, 0),
  checksum: gives('checksum', `m${at}`, n, 0),
  crc32: gives('crc32', `m${at}`, n, 0),
  dot_i8: gives('dot_i8', `m${at}`, 'm64', n),
  dot_i16: gives('dot_i16', `m${at}`, 'm64', n),
  ...Object.fromEntries(
    ['u8', 'u16', 'i32'].flatMap((type) =>
      ['sum', 'min', 'max', 'argmax'].map((name) => [
        `${name}_${type}`,
        gives(`${name}_${type}`, `m${at}`, n),
      ]),
    ),
  ),
});

/** What is written to is read at a place that the input chooses, and overwritten. */
const readSomewhere = (write: string) =>
  `${head(7)}*(u64 *)(r10 - 16) = 7\n ${write}\n r8 = *(u8 *)(r6 + 1)\n r8 &= 15\n r8 += r6\n r9 = *(u8 *)(r8 + 32)\n ${fill('m32', 0, 24)}\n r0 = r9\n exit`;
const fromStack = copy('m32', 'r10\n r2 += -16');
const more = (what: string) => what.replace('call', 'r3 += 1\n call');
const different: Record<string, readonly [string, string]> = {
  one_byte_more: [does(copy('m48', 'm32')), does(more(copy('m48', 'm32')))],
  one_byte_more_of_a_fill: [does(fill('m32', 3)), does(more(fill('m32', 3)))],
  another_place: [does(copy('m48', 'm32')), does(copy('m49', 'm32'))],
  another_source: [does(copy('m48', 'm32')), does(copy('m48', 'm33'))],
  another_value: [does(fill('m32', 1)), does(fill('m32', 2))],
  a_value_of_seven_bits: [
    does('r8 = *(u8 *)(r6 + 1)', fill('m32', 'r8')),
    does('r8 = *(u8 *)(r6 + 1)\n r8 &= 127', fill('m32', 'r8')),
  ],
  a_copy_that_is_an_exclusive_or: [does(copy('m48', 'm32')), does(copy('m48', 'm32').replace('copy', 'xor'))],
  an_exclusive_or_twice: [
    does(call('mem_xor', 'm48', 'm32', 'r7')),
    does(call('mem_xor', 'm48', 'm32', 'r7'), call('mem_xor', 'm48', 'm32', 'r7')),
  ],
  a_count_of_which_the_upper_half_is_lost: [
    `r6 = r1\n r7 = *(u64 *)(r6 + 0)\n if r7 > 15 goto out\n ${fill('m32', 1)}\n out:${end}`,
    `r6 = r1\n r7 = *(u64 *)(r6 + 0)\n w7 = w7\n if r7 > 15 goto out\n ${fill('m32', 1)}\n out:${end}`,
  ],
  a_count_of_fewer_bits: [`${head(15)}${fill('m32', 1)}${end}`, `${head(7)}${fill('m32', 1)}${end}`],
  overlapping_fills_in_another_order: [
    does(fill('m32', 1), fill('m33', 2)),
    does(fill('m33', 2), fill('m32', 1)),
  ],
  a_fill_before_a_copy_of_it: [
    does(fill('m32', 1), copy('m48', 'm32')),
    does(copy('m48', 'm32'), fill('m32', 1)),
  ],
  a_copy_that_overlaps_is_no_fill: [
    `${head(3)}${turns('r3 = *(u8 *)(r5 + 32)\n *(u8 *)(r5 + 33) = r3')}${end}`,
    `${head(3)}${copy('m33', 'm32')}${end}`,
  ],
  a_source_that_is_written_before: [
    does('*(u8 *)(r6 + 32) = 1', copy('m48', 'm32')),
    does(copy('m48', 'm32'), '*(u8 *)(r6 + 32) = 1'),
  ],
  a_source_that_a_call_writes_before: [
    does(fill('m40', 1), copy('m56', 'm32')),
    does(copy('m56', 'm32'), fill('m40', 1)),
  ],
  what_was_written_into_a_span_before_it: [
    does('*(u8 *)(r6 + 36) = 9', fill('m32', 1)),
    does(fill('m32', 1), '*(u8 *)(r6 + 36) = 9'),
  ],
  a_store_that_only_some_counts_cover: [does('*(u8 *)(r6 + 33) = 9', fill('m32', 1)), does(fill('m32', 1))],
  what_is_behind_a_span: [
    `${head(15)}${fill('m32', 77)}\n r7 += r6\n r0 = *(u8 *)(r7 + 32)\n exit`,
    `${head(15)}${fill('m32', 77)}\n r7 += r6\n r0 = *(u8 *)(r7 + 31)\n exit`,
  ],
  the_byte_behind_a_span_is_not_of_it: [
    `${head(15)}${fill('m32', 77)}\n r7 += r6\n r0 = *(u8 *)(r7 + 32)\n exit`,
    `${head(15)}${fill('m32', 77)}\n r0 = 77\n exit`,
  ],
  the_last_byte_that_there_may_be: [
    `${head(15)}${fill('m32', 77)}\n ${byte(46)}\n exit`,
    `${head(15)}${byte(46)}\n r8 = r0\n ${fill('m32', 77)}\n r0 = r8\n exit`,
  ],
  a_stack_that_is_written_before_it_is_copied: [
    doesFew('*(u64 *)(r10 - 16) = 5', '*(u8 *)(r10 - 15) = 9', copy('m48', 'r10\n r2 += -16')),
    doesFew('*(u64 *)(r10 - 16) = 5', copy('m48', 'r10\n r2 += -16'), '*(u8 *)(r10 - 15) = 9'),
  ],
  how_many_were_written_where_is_read: [readSomewhere(fill('m32', 1)), readSomewhere(more(fill('m32', 1)))],
  what_was_written_where_is_read: [readSomewhere(fill('m32', 1)), readSomewhere(fill('m32', 2))],
  what_was_there_before_where_is_read: [
    readSomewhere(fill('m32', 1)),
    readSomewhere(`*(u8 *)(r6 + 36) = 9\n ${fill('m32', 1)}`),
  ],
  what_the_source_held_where_is_read: [
    readSomewhere(fromStack),
    readSomewhere(`*(u8 *)(r10 - 15) = 9\n ${fromStack}`),
  ],
  the_same_at_a_place_that_the_input_chooses: [
    does('r8 = *(u8 *)(r6 + 1)\n r8 &= 15\n r8 += r6\n r8 += 32', fill('r8', 1), fill('m40', 2)),
    does('r8 = *(u8 *)(r6 + 1)\n r8 &= 15\n r8 += r6\n r8 += 32', fill('m40', 2), fill('r8', 1)),
  ],
  what_only_large_counts_write: [
    does(whether(fill('m32', 1), fill('m32', 1))),
    does(whether(fill('m32', 1), fill('m32', 1, 4))),
  ],
  ways_that_the_count_was_read_on_before: [
    does(whether(fill('m32', 1), fill('m32', 1)), byte(40), '*(u8 *)(r6 + 8) = r0'),
    does(byte(40), whether(fill('m32', 1), fill('m32', 1)), '*(u8 *)(r6 + 8) = r0')
      .replace('r0 = *(u8 *)(r6 + 40)', 'r8 = *(u8 *)(r6 + 40)')
      .replace('= r0', '= r8'),
  ],
};

const [plain, longer, elsewhere] = [reading('r7', 32), reading('r7\n r2 += 1', 32), reading('r7', 36)];
const third = (name: string) => /compare|dot/.test(name);
for (const [name, text] of Object.entries(plain)) {
  equal[`${name}_in_another_way`] = [text, text.replace('r7 &= 7', 'r7 %= 8')];
  const by = longer[name]!;
  different[`${name}_of_one_more`] = [text, third(name) ? by.replace('r2 += 1', 'r3 += 1') : by];
  different[`${name}_of_others`] = [text, elsewhere[name]!];
}

for (const [name, [before, after]] of Object.entries(equal))
  test(`the same: ${name}`, async (t) => {
    t.is(await verdictOf(before, after), 'proven');
    t.is(await verdictOf(after, before), 'proven');
  });

/** Small counts and small bytes among them: many are equal. */
const memories = (random: Random) =>
  Array.from({ length: 400 }, (_, n) => {
    const memory = Uint8Array.from({ length: MEMORY }, () => random.below(n % 2 === 0 ? 256 : 3));
    memory[0] = random.below(16);
    return memory;
  });

for (const [name, [before, after]] of Object.entries(different))
  test(`not the same: ${name}`, async (t) => {
    const host = await loadHost();
    const codes = [before, after].map(assemble);
    const run = (code: Uint8Array, memory: Uint8Array) => host.run({ code, hook: 'run' }, { memory });
    for (const code of codes) t.true(host.verify({ code, hook: 'run' }, { memorySize: MEMORY }).ok);
    const shown = memories(new Random(9)).some((m) => {
      const [a, b] = codes.map((code) => run(code, m));
      return !isDeepStrictEqual(a, b);
    });
    t.true(shown, 'no run shows a difference');
    t.not(await verdictOf(before, after), 'proven');
    t.not(await verdictOf(after, before), 'proven');
  });

/** Eight bytes at r8, up to the end of what they lie in; r7 is 1 to 8. */
const lastEight: Readonly<Record<string, string>> = {
  stack: 'r8 = r10\n r8 += -8',
  memory: `r8 = r6\n r8 += ${MEMORY - 8}`,
  map: 'r8 = map_value 0 + 8 ll',
};
const map = { name: 'm', type: 2, keySize: 4, valueSize: 16, maxEntries: 1, flags: 0 };
const summed = (last: number) => `*(u8 *)(r8 + 7) = ${last}\n ${call('sum_u8', 'r8', 'r7')}\n r9 = r0`;
const filled = `${fill('r8', 5)}\n r9 = *(u8 *)(r8 + 7)`;

for (const [name, place] of Object.entries(lastEight))
  test(`the last byte counts: ${name}`, async (t) => {
    const verdict = async (...parts: readonly string[]) => {
      const codes = parts.map((part) =>
        assemble(
          `${head(7, 1)}${place}\n *(u64 *)(r8 + 0) = 0\n ${part}\n *(u64 *)(r8 + 0) = 0\n r0 = r9\n exit`,
        ),
      );
      const host = await loadHost();
      for (const code of codes)
        t.true(host.verify({ code, hook: 'run', maps: [map] }, { memorySize: MEMORY }).ok);
      return (await proveEquivalent(codes[0]!, codes[1]!, { ...options, maps: [map] })).verdict;
    };
    t.is(await verdict(summed(1), `r9 = 3\n ${summed(1)}`), 'proven');
    t.not(await verdict(summed(1), summed(2)), 'proven');
    t.is(await verdict(filled, `r9 = 3\n ${filled}`), 'proven');
    t.not(await verdict(filled, `${fill('r8', 5)}\n r9 = 0`), 'proven');
  });

test('what_follows_the_header_of_a_packet_is_summed_to_its_end', async (t) => {
  const bytes = (mask: number) =>
    `r2 = *(u64 *)(r1 + 8)\n r1 = *(u64 *)(r1 + 0)\n r0 = 0\n r3 = r1\n r3 += 256\n if r3 > r2 goto out\n r2 = *(u8 *)(r1 + 0)\n r2 &= ${mask}\n call vl_sum_u8\n out:\n exit`;
  const verdict = async (...masks: readonly number[]) => {
    const [before, after] = masks.map((mask) => assemble(bytes(mask)));
    return (await proveEquivalent(before!, after!, { hook: 'packet', maps: [] })).verdict;
  };
  t.is(await verdict(255, 255), 'proven');
  t.not(await verdict(255, 127), 'proven');
});
