/** What the prover's terms say of vector helpers, maps, atomics and calls, held against runs, one kind after the other. */
import test from 'ava';
import { hooks } from '../../../abi/index.ts';
import { assemble, loadHost, type ModuleProgram, Reference } from '../../../ebpf/index.ts';
import { sizeOf } from './pair.ts';
import { endsOf, unsaid } from './summary.ts';

const RUNS = 40;

const shape = (name: string, type: number, keySize: number, valueSize: number) => ({
  ...{ name, type, keySize, valueSize },
  ...{ maxEntries: 4, flags: 0 },
});
const maps = [shape('values', 2, 4, 24), shape('pairs', 1, 8, 16), shape('own', 6, 4, 12)];
const table = { ...shape('table', 2, 4, 16), maxEntries: 1, flags: 0x80 };
const tables = [{ ...table, init: Uint8Array.from({ length: 16 }, (_, i) => 17 * i) }];
const begun = [{ ...tables[0]!, name: 'begun', flags: 0 }];

/** With `r6` at the memory. */
const calls = (registers: Readonly<Record<number, string | number>>, name: string) => [
  'r6 = r1',
  ...Object.entries(registers).flatMap(([r, value]) =>
    typeof value === 'number' || !value.startsWith('m')
      ? [`r${r} = ${value}`]
      : [`r${r} = r6`, `r${r} += ${value.slice(1)}`],
  ),
  `call ${name}`,
];
const vector = (registers: Readonly<Record<number, string | number>>, name: string) =>
  [...calls(registers, name), ...(registers[0] === undefined ? ['exit'] : ['r0 = 0', 'exit'])].join('\n');
const nothing = (registers: Readonly<Record<number, string | number>>, name: string) =>
  [...calls(registers, name), 'r0 = 0', 'exit'].join('\n');

const vectors: Record<string, string> = {
  mem_copy_that_overlaps: nothing({ 1: 'm3', 2: 'm0', 3: 9 }, 'vl_mem_copy'),
  mem_fill: [
    'r6 = r1',
    'r2 = *(u64 *)(r1 + 0)',
    'r1 += 5',
    'r3 = 6',
    'call vl_mem_fill',
    'r0 = 0',
    'exit',
  ].join('\n'),
  mem_xor: nothing({ 1: 'm2', 2: 'm5', 3: 7 }, 'vl_mem_xor'),
  mem_compare: [
    '*(u16 *)(r1 + 0) = 513',
    '*(u16 *)(r1 + 16) = 513',
    vector({ 1: 'm0', 2: 'm16', 3: 4 }, 'vl_mem_compare'),
  ].join('\n'),
  mem_find: ['*(u16 *)(r1 + 3) = 0x2a2a', vector({ 1: 'm0', 2: 6, 3: 0x32a }, 'vl_mem_find')].join('\n'),
  mem_find_of_what_is_not_there: [
    '*(u32 *)(r1 + 0) = 1',
    vector({ 1: 'm0', 2: 4, 3: 42 }, 'vl_mem_find'),
  ].join('\n'),
  checksum_of_an_odd_count: vector({ 1: 'm1', 2: 7, 3: -1 }, 'vl_checksum'),
  checksum_of_many: vector({ 1: 'm0', 2: 91, 3: 65535 }, 'vl_checksum'),
  checksum_of_the_largest: [
    '*(u64 *)(r1 + 0) = -1',
    '*(u32 *)(r1 + 8) = -1',
    vector({ 1: 'm0', 2: 11, 3: -1 }, 'vl_checksum'),
  ].join('\n'),
  crc32: vector({ 1: 'm1', 2: 5, 3: 77 }, 'vl_crc32'),
  dot_i8: vector({ 1: 'm0', 2: 'm32', 3: 9 }, 'vl_dot_i8'),
  dot_i16: vector({ 1: 'm1', 2: 'm32', 3: 5 }, 'vl_dot_i16'),
  gemv_i8: nothing({ 1: 'm64', 2: 'm0', 3: 'm32', 4: 3, 5: 4 }, 'vl_gemv_i8'),
  fir_i16: nothing({ 1: 'm128', 2: 'm0', 3: 'm64', 4: 4, 5: 3 }, 'vl_fir_i16'),
  fir_i16_that_saturates: [
    ...['*(u32 *)(r1 + 0) = 0x80018001', '*(u32 *)(r1 + 4) = 0x7fff7fff', '*(u32 *)(r1 + 64) = 0x80018001'],
    nothing({ 1: 'm128', 2: 'm0', 3: 'm64', 4: 3, 5: 2 }, 'vl_fir_i16'),
  ].join('\n'),
  histogram_u8: nothing({ 1: 'm0', 2: 'm1024', 3: 5 }, 'vl_histogram_u8'),
};
for (const type of ['u8', 'u16', 'i32'])
  for (const name of ['sum', 'min', 'max', 'argmax'])
    vectors[`${name}_${type}`] = vector({ 1: 'm3', 2: 7 }, `vl_${name}_${type}`);
for (const name of ['argmax', 'min', 'max'])
  vectors[`${name}_of_equals`] = ['*(u64 *)(r1 + 0) = -1', vector({ 1: 'm0', 2: 12 }, `vl_${name}_u8`)].join(
    '\n',
  );

/** With a count in r7 that the first byte of memory says. */
const counted = (args: readonly (string | number)[], name: string, then = 'exit', least = 0) =>
  [
    'r7 = *(u8 *)(r1 + 0)\n r7 &= 7',
    `r7 += ${least}\n r8 = *(u8 *)(r1 + 1)\n r8 &= 15\n r8 += r1`,
    ...calls(Object.fromEntries(args.map((arg, i) => [i + 1, arg])), name),
    then,
  ].join('\n');
const sixteen =
  'r0 = *(u64 *)(r6 + 8)\n r7 = *(u64 *)(r6 + 16)\n r0 ^= r7\n r8 = *(u32 *)(r8 + 3)\n r0 += r8\n exit';
const onStack = (name: string) =>
  counted(
    ['r10\n r1 += -16\n *(u64 *)(r10 - 16) = 5\n *(u64 *)(r10 - 8) = 6', 'm9', 'r7'],
    name,
    'r0 = *(u32 *)(r10 - 12)\n r7 &= 3\n r7 += r10\n r7 = *(u8 *)(r7 - 14)\n r0 ^= r7\n exit',
  );
const vectorsOfAnyCount: Record<string, string> = {
  mem_copy: counted(['m8', 'm20', 'r7'], 'vl_mem_copy', sixteen),
  mem_copy_that_overlaps: counted(['m8', 'm6', 'r7'], 'vl_mem_copy', sixteen),
  mem_copy_to_a_chosen_place: counted(['r8', 'm4', 'r7'], 'vl_mem_copy', sixteen),
  mem_copy_from_a_chosen_place: counted(['m4', 'r8', 'r7'], 'vl_mem_copy', sixteen),
  mem_copy_to_the_stack: onStack('vl_mem_copy'),
  mem_fill: counted(['m8', 0x123, 'r7'], 'vl_mem_fill', sixteen),
  mem_fill_at_a_chosen_place: counted(['r8', 'r7', 'r7'], 'vl_mem_fill', sixteen),
  mem_xor_that_overlaps: counted(['m8', 'm10', 'r7'], 'vl_mem_xor', sixteen),
  mem_xor_at_a_chosen_place: counted(['r8', 'm3', 'r7'], 'vl_mem_xor', sixteen),
  mem_xor_on_the_stack: onStack('vl_mem_xor'),
  one_after_the_other: counted(
    ['m8', 'm6', 'r7'],
    'vl_mem_copy',
    `r1 = r8\n r2 = r6\n r2 += 5\n r3 = r7\n r3 += 2\n call vl_mem_xor\n r1 = r6\n r1 += 10\n r2 = r8\n r3 = r7\n call vl_mem_copy\n ${sixteen}`,
  ),
  mem_compare: counted(['m0', 'm8', 'r7'], 'vl_mem_compare'),
  mem_compare_of_equals: counted(
    ['m8', 'r1\n *(u64 *)(r6 + 8) = 0\n *(u32 *)(r6 + 16) = 0\n r2 += 12', 'r7'],
    'vl_mem_compare',
  ),
  mem_find: counted(['m3', 'r7\n *(u8 *)(r6 + 6) = 42', 42], 'vl_mem_find'),
  checksum: counted(['m1', 'r7', -1], 'vl_checksum'),
  crc32: counted(['m1', 'r7', 77], 'vl_crc32'),
  dot_i8: counted(['m0', 'm32', 'r7'], 'vl_dot_i8'),
  dot_i16: counted(['m1', 'm32', 'r7'], 'vl_dot_i16'),
  histogram_u8: counted(['m8', 'm1050', 'r7'], 'vl_histogram_u8', 'r0 = 0\n exit'),
};
for (const type of ['u8', 'u16', 'i32'])
  for (const name of ['sum', 'min', 'max', 'argmax'])
    vectorsOfAnyCount[`${name}_${type}`] = counted(
      ['m3', 'r7'],
      `vl_${name}_${type}`,
      'exit',
      Number(name !== 'sum'),
    );

/** Of eight bytes in a value, and a number from memory: what was there, and what is there then. */
const exchanges = (atomic: string) => `r2 = *(u64 *)(r6 + 8)\n ${atomic}\n r0 = *(u64 *)(r0 + 8)\n r0 ^= r2`;

/** r7: the address of a key that is read from memory, cut to `mask`. */
const key = (mask: number) =>
  `r6 = r1\n r7 = *(u64 *)(r1 + 0)\n r7 &= ${mask}\n *(u64 *)(r10 - 8) = r7\n r7 = r10\n r7 += -8\n`;
const find = (map: number, then: string) =>
  `r1 = map ${map} ll\n r2 = r7\n call map_lookup_elem\n if r0 == 0 goto none\n ${then}\n exit\n none:\n r0 = 77\n exit`;
const put = (map: number, flags: number) =>
  `r1 = map ${map} ll\n r2 = r7\n r3 = r6\n r3 += 8\n r4 = ${flags}\n call map_update_elem`;
const remove = 'r1 = map 1 ll\n r2 = r7\n call map_delete_elem';
const count = 'r1 = *(u64 *)(r0 + 0)\n r1 += 3\n *(u64 *)(r0 + 0) = r1';

const onMaps: Record<string, string> = {
  lookup_in_an_array: key(7) + find(0, `${count}\n r0 = *(u64 *)(r0 + 16)`),
  lookup_in_a_hash: key(3) + find(1, `${count}\n r0 = *(u64 *)(r0 + 8)`),
  lookup_in_ones_own_array: key(7) + find(2, '*(u32 *)(r0 + 8) = 5\n r0 = *(u64 *)(r0 + 0)'),
  what_an_update_leaves: `${key(3)}${put(1, 0)}\n r8 = r0\n ${find(1, `${count}\n r0 = *(u64 *)(r0 + 8)\n r0 += r8`)}`,
  what_an_update_of_an_array_leaves: `${key(3)}${put(0, 0)}\n ${find(0, 'r0 = *(u64 *)(r0 + 16)')}`,
  what_an_update_where_nothing_is_leaves: `${key(3)}${put(1, 1)}\n r8 = r0\n ${find(1, 'r0 = *(u64 *)(r0 + 0)\n r0 ^= r8')}`,
  what_a_removal_leaves: `${key(3)}${remove}\n r8 = r0\n ${find(1, 'r0 = 1')}`,
  a_removal_after_an_update: `${key(1)}${put(1, 0)}\n ${remove}\n r8 = r0\n ${find(1, 'r0 = 1')}`,
  an_atomic_in_an_array: `${key(3)}${find(0, `*(u32 *)(r0 + 8) = 9\n ${exchanges('r2 = atomic_fetch_add((u64 *)(r0 + 8), r2)')}`)}`,
  half_an_atomic_in_an_array: key(3) + find(0, exchanges('w2 = atomic_fetch_xor((u32 *)(r0 + 12), w2)')),
  an_atomic_in_a_hash: key(3) + find(1, exchanges('r2 = atomic_fetch_or((u64 *)(r0 + 8), r2)')),
  an_atomic_beside_another_map: `${key(1)}${put(1, 0)}\n ${find(0, `${exchanges('r2 = atomic_fetch_and((u64 *)(r0 + 8), r2)')}\n r8 = r0\n ${remove}\n r0 += r8`)}`,
  what_an_exchange_leaves: key(3) + find(0, exchanges('r2 = xchg_64(r0 + 8, r2)')),
  what_a_comparison_leaves:
    key(3) + find(0, exchanges('r8 = r0\n r0 = 0\n r0 = cmpxchg_64(r8 + 8, r0, r2)\n r2 = r0\n r0 = r8')),
  what_an_atomic_leaves_that_nobody_asks:
    key(3) +
    find(
      0,
      'r2 = *(u64 *)(r0 + 0)\n lock *(u64 *)(r0 + 8) += r2\n lock *(u32 *)(r0 + 12) ^= w2\n r0 = *(u64 *)(r0 + 8)',
    ),
  time_and_chance:
    'call ktime_get_ns\n r6 = r0\n call get_prandom_u32\n r6 += r0\n call ktime_get_ns\n r0 -= r6\n exit',
  the_core: 'call get_smp_processor_id\n exit',
};

const old = (operation: string, size: 'u32' | 'u64') => {
  const value = size === 'u32' ? 'w2' : 'r2';
  return `r2 = *(u64 *)(r1 + 8)\n r0 = *(u64 *)(r1 + 16)\n ${value} = atomic_fetch_${operation}((${size} *)(r1 + 0), ${value})\n r0 ^= r2\n exit`;
};
const exchange = 'cmpxchg_64(r1 + 0, r0, r2)';
/** What is expected is there in every second run. */
const compared = (wide: boolean) =>
  `r0 = *(u64 *)(r1 + 0)\n r3 = *(u64 *)(r1 + 24)\n r3 &= 1\n r0 += r3\n r2 = *(u64 *)(r1 + 8)\n ${wide ? `r0 = ${exchange}` : `w0 = ${exchange.replace('_64', '32_32').replace(/r0, r2/, 'w0, w2')}`}\n exit`;
const atomics: Record<string, string> = {
  fetch_add: old('add', 'u64'),
  fetch_add_of_half: old('add', 'u32'),
  fetch_or: old('or', 'u64'),
  fetch_and_of_half: old('and', 'u32'),
  fetch_xor: old('xor', 'u64'),
  compare_and_exchange: compared(true),
  compare_and_exchange_of_half: compared(false),
};

const division = (op: string, width: 'r' | 'w') =>
  `${width}0 = *(${width === 'r' ? 'u64' : 'u32'} *)(r1 + 0)\n r2 = *(u64 *)(r1 + 8)\n r2 &= 3\n r2 += -1\n ${width}0 ${op} ${width}2\n exit`;
const arithmetic: Record<string, string> = {};
for (const op of ['/=', '%=', 's/=', 's%='])
  for (const width of ['r', 'w'] as const) arithmetic[`${width}0 ${op} ${width}2`] = division(op, width);

/** A function that is called twice, and has a stack of its own; a branch on the way to its end. */
const functions: Record<string, string> = {
  a_function_that_is_called_twice:
    'r6 = r1\n r7 = *(u64 *)(r1 + 0)\n r8 = 5\n *(u64 *)(r10 - 8) = r7\n r1 = r10\n r1 += -8\n r2 = 3\n call f\n r9 = r0\n r1 = r6\n r2 = r7\n call f\n r0 += r9\n r0 += r8\n r1 = *(u64 *)(r10 - 8)\n r0 ^= r1\n exit\n f:\n r6 = *(u64 *)(r1 + 0)\n *(u64 *)(r10 - 8) = r2\n r7 = 9\n r8 = 11\n r9 = 13\n if r6 > r2 goto more\n *(u64 *)(r1 + 0) = r7\n more:\n r0 = *(u64 *)(r10 - 8)\n r0 *= r6\n exit',
};

const reads: Record<string, string> = {
  a_table_that_nobody_writes:
    'r2 = *(u8 *)(r1 + 0)\n r2 &= 7\n r3 = map_value 0 + 4 ll\n r3 += r2\n r0 = *(u32 *)(r3 + 0)\n exit',
};

const loaded = (what: string) => `r6 = r1\n r7 = *(u32 *)(r6 + 24)\n r0 = *(${what}]\n exit`;
/** At numbers, and at places that hang on the length of the packet: most of it is inside. */
const packets: Record<string, string> = {
  first_byte: loaded('u8 *)skb[0'),
  two_bytes: loaded('u16 *)skb[12'),
  four_bytes: loaded('u32 *)skb[33'),
  four_bytes_where_few_packets_have_some: loaded('u32 *)skb[57'),
  last_byte: loaded('u8 *)skb[r7 + -1'),
  behind_the_last_byte: loaded('u8 *)skb[r7'),
  last_four_bytes: loaded('u32 *)skb[r7 + -4'),
  partly_behind_the_end: loaded('u16 *)skb[r7 + -1'),
  below_the_first_byte: loaded('u32 *)skb[-2'),
  behind_a_branch:
    'r6 = r1\n r0 = *(u8 *)skb[0]\n r7 = r0\n r8 = 3\n if r7 > 100 goto more\n r0 = *(u16 *)skb[r7 + 20]\n r8 = r0\n more:\n r0 = *(u8 *)skb[1]\n r0 += r8\n exit',
};

const ring = { ...shape('records', 27, 8, 0), maxEntries: 64 };
const record = (at: number, size: number, flags = '0') =>
  `r1 = map 0 ll\n r2 = r6\n r2 += ${at}\n r3 = ${size}\n r4 = ${flags}\n call ringbuf_output\n r7 += r0`;
const inAll = (...steps: readonly string[]) => ['r6 = r1\n r7 = 0', ...steps, 'r0 = r7\n exit'].join('\n');

const records: Record<string, string> = {
  records_one_behind_the_other: inAll(record(1, 5), record(8, 16)),
  records_that_do_not_fit_before_one_that_does: inAll(
    record(0, 40),
    record(3, 9),
    record(2, 1),
    record(2, 1),
  ),
  records_with_flags_that_may_not_be_known: inAll(
    'r8 = *(u8 *)(r6 + 0)\n r8 &= 7',
    record(1, 4, 'r8'),
    record(9, 9),
  ),
  records_behind_a_branch: inAll(
    `r8 = *(u8 *)(r6 + 0)\n if r8 > 100 goto more\n ${record(4, 3)}\n more:`,
    '*(u8 *)(r6 + 5) = 9',
    record(5, 24),
  ),
};

const programs: readonly (readonly [Record<string, string>, ModuleProgram['maps']])[] = [
  [vectors, []],
  [
    Object.fromEntries(
      Object.entries(vectorsOfAnyCount).map(([name, text]) => [
        `${name}, of as many as the input says`,
        text,
      ]),
    ),
    [],
  ],
  [onMaps, maps],
  [atomics, []],
  [arithmetic, []],
  [functions, []],
  [reads, tables],
  [packets, []],
  [records, [ring]],
  [{ a_variable_with_a_first_value: reads.a_table_that_nobody_writes! }, begun],
];

for (const [texts, given] of programs)
  for (const [name, text] of Object.entries(texts))
    test(`runs end where the terms say: ${name}`, async (t) => {
      const host = await loadHost();
      const hook = text.includes('skb') ? 'packet' : 'run';
      const program = {
        name: 'f',
        hook,
        hookId: hooks[hook].id,
        code: assemble(text),
        maps: given,
      } as unknown as ModuleProgram;
      const size = text.includes('histogram') ? { memorySize: 1100 } : sizeOf(program);
      const verified = host.verify(program, size);
      t.true(verified.ok, JSON.stringify(verified));
      const ends = endsOf(program, size);
      if (!ends) return t.fail('the ends are not known');
      const reference = new Reference(host, program, { ...size, seed: 7 });
      for (let n = 0; n < RUNS; n++) t.is(unsaid(host, program, ends, reference.trial(n).input), undefined);
    });
