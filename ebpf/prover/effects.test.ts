/** What others see of a program besides its result: each difference has to be seen, in either direction. */
import test from 'ava';
import { assemble, type HookName } from '../index.ts';
import { proveEquivalent, stopSolver, type Verdict } from './index.ts';

test.after.always(() => stopSolver());

const shape = (name: string, type: number, keySize: number, valueSize: number) => ({
  ...{ name, type, keySize, valueSize },
  ...{ maxEntries: 4, flags: 0 },
});
const array = shape('values', 2, 4, 16);
const hash = shape('pairs', 1, 8, 16);
const other = { ...hash, name: 'others' };
const ring = { ...shape('records', 27, 8, 0), maxEntries: 64 };
const maps = [array, hash, other, ring, { ...ring, name: 'other records' }];

const verdictOf = async (before: string, after: string): Promise<Verdict> => {
  const options = { hook: 'run', maps, memorySize: 64 } as const;
  return (await proveEquivalent(assemble(before), assemble(after), options)).verdict;
};

const key = 'r6 = r1\n r7 = *(u64 *)(r1 + 0)\n *(u64 *)(r10 - 8) = r7\n r7 = r10\n r7 += -8';
const find = (then: string, map = 1) =>
  `r1 = map ${map} ll\n r2 = r7\n call map_lookup_elem\n if r0 == 0 goto none\n ${then}\n none:\n r0 = 0\n exit`;
const put = (map: number, value: string, flags: number) =>
  `r1 = map ${map} ll\n r2 = r7\n r3 = r6\n r3 += ${value}\n r4 = ${flags}\n call map_update_elem`;
const remove = (map = 1) => `r1 = map ${map} ll\n r2 = r7\n call map_delete_elem`;
const end = 'r0 = 0\n exit';
const say = (size: number, at: number, argument: number) =>
  `r6 = r1\n r1 += ${at}\n r2 = ${size}\n r3 = ${argument}\n r4 = 0\n r5 = 0\n call trace_printk\n ${end}`;
const count = 'r8 = *(u64 *)(r0 + 0)\n r8 += 1\n *(u64 *)(r0 + 0) = r8';
const keyOf = (n: number) => key.replace('*(u64 *)(r10 - 8) = r7', `*(u64 *)(r10 - 8) = ${n}`);

const fetch = 'r8 = 1\n r8 = atomic_fetch_add((u64 *)(r0 + 8), r8)';
const store = '*(u32 *)(r0 + 0) = 1';
/** On one value. */
const inOrder = (...steps: readonly string[]) => `${key}\n ${find(steps.join('\n '))}`;
/** On the value of an array, kept in r9, and what others are told. */
const told = (...steps: readonly string[]) => `${keyOf(1)}\n ${find(`r9 = r0\n ${steps.join('\n ')}`, 0)}`;
const add = 'r8 = 1\n lock *(u64 *)(r0 + 0) += r8';
const writeBack = 'r9 = *(u64 *)(r0 + 0)\n *(u64 *)(r0 + 0) = r9';
const addAndTakeBack = 'r8 = 1\n lock *(u64 *)(r0 + 8) += r8\n r8 = -1\n lock *(u64 *)(r0 + 8) += r8';
const maybe = (before: string, then: string, store: string) =>
  inOrder(`r8 = *(u8 *)(r6 + 7)\n ${before}\n if r8 == 0 goto past\n ${then}\n past:\n ${store}`);
const storeKept = '*(u32 *)(r9 + 0) = 1';

const stores = Array.from({ length: 39 }, (_, i) => `*(u8 *)(r1 + ${i}) = ${i}`).join('\n');

/** Something that only some inputs lead to. */
const sometimes = (what: string, then: string) =>
  `r8 = *(u8 *)(r6 + 7)\n if r8 == 0 goto past\n ${what}\n past:\n ${then}`;
const time = 'call ktime_get_ns';
const record = (map: number, at: number, size: number, flags = 0) =>
  `r1 = map ${map} ll\n r2 = r6\n r2 += ${at}\n r3 = ${size}\n r4 = ${flags}\n call ringbuf_output`;
const records = (...calls: string[]) => `r6 = r1\n ${calls.join('\n ')}\n ${end}`;

/** Of an address and the next one. */
const whether = (comparison: string) =>
  `r2 = r1\n r2 += 1\n r0 = 0\n if r1 ${comparison} r2 goto out\n r0 = 1\n out:\n exit`;
const atNull = (address: string) => `${address}\n r0 = 0\n if r1 != 0 goto out\n r0 = 1\n out:\n exit`;

/** Of each pair both are the same but for one thing. */
const different: Record<string, readonly [string, string]> = {
  value_of_an_update: [`${key}\n ${put(1, '8', 0)}\n ${end}`, `${key}\n ${put(1, '9', 0)}\n ${end}`],
  key_of_an_update: [`${keyOf(1)}\n ${put(1, '8', 0)}\n ${end}`, `${keyOf(2)}\n ${put(1, '8', 0)}\n ${end}`],
  last_byte_of_a_key: [
    `${key}\n ${put(1, '8', 0)}\n ${end}`,
    `${key}\n *(u8 *)(r10 - 1) = 0\n ${put(1, '8', 0)}\n ${end}`,
  ],
  last_byte_of_a_key_that_is_looked_up: [
    `${key}\n ${find('r0 = 1\n exit')}`,
    `${key}\n *(u8 *)(r10 - 1) = 0\n ${find('r0 = 1\n exit')}`,
  ],
  last_byte_of_an_index: [
    `${key}\n ${find('r0 = 1\n exit', 0)}`,
    `${key}\n *(u8 *)(r10 - 5) = 0\n ${find('r0 = 1\n exit', 0)}`,
  ],
  flags_of_an_update: [`${key}\n ${put(1, '8', 0)}\n ${end}`, `${key}\n ${put(1, '8', 1)}\n ${end}`],
  map_of_an_update: [`${key}\n ${put(1, '8', 0)}\n ${end}`, `${key}\n ${put(2, '8', 0)}\n ${end}`],
  bytes_of_a_record: [records(record(3, 0, 8)), records(record(3, 8, 8))],
  size_of_a_record: [records(record(3, 0, 8)), records(record(3, 0, 7))],
  flags_of_a_record: [records(record(3, 0, 8)), records(record(3, 0, 8, 4))],
  ring_buffer_of_a_record: [records(record(3, 0, 8)), records(record(4, 0, 8))],
  order_of_records: [records(record(3, 0, 8), record(3, 8, 8)), records(record(3, 8, 8), record(3, 0, 8))],
  number_of_records: [records(record(3, 0, 8)), records(record(3, 0, 8), record(3, 0, 8))],
  map_of_a_removal: [`${key}\n ${remove(1)}\n ${end}`, `${key}\n ${remove(2)}\n ${end}`],
  key_of_a_removal: [`${keyOf(1)}\n ${remove()}\n ${end}`, `${keyOf(2)}\n ${remove()}\n ${end}`],
  an_update_more: [`${key}\n ${end}`, `${key}\n ${put(1, '8', 0)}\n ${end}`],
  a_removal_more: [`${key}\n ${remove()}\n ${end}`, `${key}\n ${remove()}\n ${remove()}\n ${end}`],
  a_removal_for_an_update: [`${key}\n ${put(1, '8', 0)}\n ${end}`, `${key}\n ${remove()}\n ${end}`],
  updates_in_another_order: [
    `${key}\n ${put(1, '8', 0)}\n ${put(2, '8', 0)}\n ${end}`,
    `${key}\n ${put(2, '8', 0)}\n ${put(1, '8', 0)}\n ${end}`,
  ],
  bytes_that_are_said: [say(5, 0, 1), say(5, 1, 1)],
  count_of_bytes_that_are_said: [say(5, 0, 1), say(6, 0, 1)],
  a_number_that_is_said: [say(5, 0, 1), say(5, 0, 2)],
  what_a_map_holds: [`${key}\n ${find(count)}`, `${key}\n ${find(count.replace('+= 1', '+= 2'))}`],
  which_map_it_is: [`${key}\n ${find(count)}`, `${key}\n ${find(count, 2)}`],
  a_write_that_only_one_does: [`${key}\n ${find('r0 = 0')}`, `${key}\n ${find('*(u8 *)(r0 + 15) = 1')}`],
  what_a_map_holds_when_it_changes: [
    `${key}\n ${find(`*(u64 *)(r0 + 0) = 1\n r8 = r0\n ${remove()}\n r0 = 0`)}`,
    `${key}\n ${find(`*(u64 *)(r0 + 0) = 2\n r8 = r0\n ${remove()}\n r0 = 0`)}`,
  ],
  what_was_there_before_a_change: [
    `${key}\n ${find(`r8 = *(u64 *)(r0 + 0)\n *(u64 *)(r10 - 16) = r8\n ${put(1, '8', 0)}\n ${find('r0 = *(u64 *)(r0 + 0)\n exit').replaceAll('none', 'gone')}`)}`,
    `${key}\n ${find(`r8 = *(u64 *)(r0 + 0)\n *(u64 *)(r10 - 16) = r8\n ${put(1, '8', 0)}\n ${find('r0 = *(u64 *)(r10 - 16)\n exit').replaceAll('none', 'gone')}`)}`,
  ],
  whether_it_is_there_after_a_change: [
    `${key}\n ${find(`${remove()}\n ${find('r0 = 5\n exit').replaceAll('none', 'gone')}`)}`,
    `${key}\n ${find(`${remove()}\n r0 = 5\n exit`)}`,
  ],
  which_place_a_key_has_after_a_change: [
    `${key}\n ${find(`r9 = r0\n ${remove()}\n ${put(1, '8', 0)}\n ${find('*(u8 *)(r9 + 0) = 1\n r0 = *(u8 *)(r0 + 0)\n exit').replaceAll('none', 'gone')}`)}`,
    `${key}\n ${find(`r9 = r0\n ${remove()}\n ${put(1, '8', 0)}\n ${find('*(u8 *)(r9 + 0) = 1\n r0 = 1\n exit').replaceAll('none', 'gone')}`)}`,
  ],
  which_of_two_answers: [
    `${key}\n ${put(1, '8', 0)}\n r8 = r0\n ${remove()}\n r0 = r8\n exit`,
    `${key}\n ${put(1, '8', 0)}\n r8 = r0\n ${remove()}\n exit`,
  ],
  which_of_two_removals: [
    `${key}\n ${remove()}\n r8 = r0\n ${remove()}\n r0 = r8\n exit`,
    `${key}\n ${remove()}\n r8 = r0\n ${remove()}\n exit`,
  ],
  a_call_that_only_some_inputs_lead_to: [`r6 = r1\n ${sometimes(time, end)}`, `r6 = r1\n ${time}\n ${end}`],
  a_call_that_some_inputs_lead_to: [`r6 = r1\n ${sometimes(time, end)}`, end],
  which_of_two_calls_only_some_inputs_lead_to: [
    `r6 = r1\n ${sometimes(time, end)}`,
    `r6 = r1\n ${sometimes('call get_prandom_u32', end)}`,
  ],
  what_is_there_after_a_change_that_only_some_inputs_lead_to: [
    `${key}\n ${sometimes(remove(), find('r0 = 1\n exit'))}`,
    `${key}\n ${sometimes(`${remove()}\n r0 = 0\n exit`, find('r0 = 1\n exit'))}`,
  ],
  which_of_two_values_is_put_where: [
    `r6 = r1\n r7 = 1\n ${sometimes('r7 = 2', 'r0 = r7\n exit')}`,
    `r6 = r1\n r7 = 2\n ${sometimes('r7 = 1', 'r0 = r7\n exit')}`,
  ],
  which_of_two_stores_is_done: [
    `r6 = r1\n *(u8 *)(r6 + 9) = 1\n ${sometimes('*(u8 *)(r6 + 9) = 2', end)}`,
    `r6 = r1\n *(u8 *)(r6 + 9) = 2\n ${sometimes('*(u8 *)(r6 + 9) = 1', end)}`,
  ],
  which_of_two_times: [
    'call ktime_get_ns\n r6 = r0\n call ktime_get_ns\n r0 = r6\n exit',
    'call ktime_get_ns\n r6 = r0\n call ktime_get_ns\n exit',
  ],
  time_is_64_bits: ['call ktime_get_ns\n exit', 'call ktime_get_ns\n w0 = w0\n exit'],
  the_core_is_not_always_the_first: ['call get_smp_processor_id\n exit', 'r0 = 0\n exit'],
  a_key_that_no_array_has: [
    `${key}\n ${find('r0 = 1\n exit', 0)}`,
    `${key}\n r1 = 0\n *(u32 *)(r10 - 8) = r1\n ${find('r0 = 1\n exit', 0)}`,
  ],
  the_last_key_of_an_array: [`${keyOf(3)}\n ${find('r0 = 1\n exit', 0)}`, end],
  the_first_key_behind_an_array: [`${keyOf(4)}\n ${find('r0 = 1\n exit', 0)}`, `${end.replace('0', '1')}`],
  operation_of_an_atomic: [
    `${key}\n ${find('r8 = 1\n lock *(u64 *)(r0 + 0) += r8')}`,
    `${key}\n ${find('r8 = 1\n lock *(u64 *)(r0 + 0) |= r8')}`,
  ],
  value_of_an_atomic_that_is_undone: [
    `${key}\n ${find('r8 = 1\n lock *(u64 *)(r0 + 0) ^= r8\n r8 = 1\n lock *(u64 *)(r0 + 0) ^= r8')}`,
    `${key}\n ${find('r8 = 2\n lock *(u64 *)(r0 + 0) ^= r8\n r8 = 2\n lock *(u64 *)(r0 + 0) ^= r8')}`,
  ],
  place_of_an_atomic_that_changes_nothing: [
    `${key}\n ${find('r8 = 0\n lock *(u64 *)(r0 + 0) |= r8')}`,
    `${key}\n ${find('r8 = 0\n lock *(u64 *)(r0 + 8) |= r8')}`,
  ],
  an_atomic_that_is_asked_for_what_was_there: [
    `${key}\n ${find('r8 = 0\n r8 = atomic_fetch_or((u64 *)(r0 + 0), r8)')}`,
    `${key}\n ${find('r0 = 0')}`,
  ],
  an_atomic_for_a_call: [
    `${key}\n ${find('r8 = 0\n r8 = atomic_fetch_or((u64 *)(r0 + 0), r8)')}`,
    `${key}\n ${find('call ktime_get_ns')}`,
  ],
  a_store_before_an_atomic_that_orders: [inOrder(store, fetch), inOrder(fetch, store)],
  a_load_before_an_atomic_that_orders: [
    inOrder('r9 = *(u32 *)(r0 + 0)', fetch, 'r0 = r9\n exit'),
    inOrder(fetch, 'r9 = *(u32 *)(r0 + 0)\n r0 = r9\n exit'),
  ],
  a_load_that_finds_what_was_stored_before: [
    inOrder(store, fetch, 'r0 = *(u32 *)(r0 + 0)\n exit'),
    inOrder(store, fetch, 'r0 = 1\n exit'),
  ],
  a_lookup_before_an_atomic_that_orders: [
    inOrder(fetch, 'r1 = map 1 ll\n r2 = r7\n call map_lookup_elem\n if r0 == 0 goto none\n r0 = 1\n exit'),
    inOrder(fetch, 'r0 = 1\n exit'),
  ],
  that_an_atomic_orders: [inOrder(fetch), inOrder('r8 = 1\n lock *(u64 *)(r0 + 8) += r8')],
  what_others_stored_before_it_is_exchanged: [
    inOrder('*(u64 *)(r0 + 8) = 5', fetch, 'r0 = r8\n exit'),
    inOrder('*(u64 *)(r0 + 8) = 5', fetch, 'r0 = 5\n exit'),
  ],
  a_lock_that_is_free_the_second_time: [
    inOrder(fetch, 'if r8 == 0 goto none', fetch, 'if r8 == 0 goto none\n r0 = 1\n exit'),
    inOrder(fetch, 'if r8 == 0 goto none', fetch, 'r0 = 1\n exit'),
  ],
  a_store_before_an_update_of_another_map: [told(storeKept, put(1, '8', 0)), told(put(1, '8', 0), storeKept)],
  a_store_before_a_removal_from_another_map: [told(storeKept, remove()), told(remove(), storeKept)],
  a_store_before_a_record: [told(storeKept, record(3, 8, 16)), told(record(3, 8, 16), storeKept)],
  a_load_before_an_atomic_at_its_place: [
    inOrder(add, 'r9 = *(u64 *)(r0 + 0)\n r0 = r9\n exit'),
    inOrder('r9 = *(u64 *)(r0 + 0)', add, 'r9 += 1\n r0 = r9\n exit'),
  ],
  a_store_before_an_atomic_at_its_place: [
    inOrder('*(u64 *)(r0 + 0) = 5', add),
    inOrder(add, '*(u64 *)(r0 + 0) = 6'),
  ],
  what_is_stored_before_an_atomic_at_its_place: [
    inOrder('*(u64 *)(r0 + 0) = 5', add),
    inOrder('*(u64 *)(r0 + 0) = 6', add),
  ],
  whether_anything_is_stored_before_an_atomic_at_its_place: [
    inOrder('*(u64 *)(r0 + 0) = 5', add),
    inOrder(add),
  ],
  half_of_what_is_stored_before_an_atomic: [inOrder('*(u32 *)(r0 + 4) = 5', add), inOrder(add)],
  which_memory_a_pointer_points_into: [
    'r0 = 0\n if r1 != r10 goto out\n r0 = 1\n out:\n exit',
    'r0 = 1\n exit',
  ],
  whether_an_address_before_memory_is_null: [atNull('r3 = *(u8 *)(r1 + 0)\n r3 <<= 20\n r1 -= r3'), end],
  whether_a_constant_one_is: [atNull('r1 += -65536'), end],
  which_bits_two_addresses_have_both: [whether('&'), 'r0 = 1\n exit'],
  which_of_two_addresses_is_the_smaller_signed_number: [whether('s<'), end],
  whether_one_before_the_stack_is: [atNull('r1 = r10\n r1 += -513'), end],
  which_bytes_of_memory: ['*(u16 *)(r1 + 4) = 1\n r0 = 0\n exit', '*(u8 *)(r1 + 4) = 1\n r0 = 0\n exit'],
  the_last_byte_of_many: [
    `${stores}\n *(u8 *)(r1 + 39) = 7\n ${end}`,
    `${stores}\n *(u8 *)(r1 + 39) = 8\n ${end}`,
  ],
};

for (const [name, [one, two]] of Object.entries(different))
  test(`not the same: ${name}`, async (t) => {
    t.not(await verdictOf(one, two), 'proven');
    t.not(await verdictOf(two, one), 'proven');
    t.is(await verdictOf(one, `r9 = 0\n ${one}`), 'proven');
  });

test('no address in memory or behind it is null', async (t) => {
  for (const address of ['r1 += 8', 'r3 = *(u8 *)(r1 + 0)\n r3 <<= 20\n r1 += r3', 'r1 = r10\n r1 += -512'])
    t.is(await verdictOf(atNull(address), end), 'proven');
});

/** The second one stores where the first one does not, or by atomics only: whatever others stored there meanwhile is lost. */
const invented: Record<string, readonly [string, string]> = {
  a_value_that_is_written_back: [inOrder('r0 = 0'), inOrder(writeBack)],
  a_value_that_is_written_back_beside_an_atomic: [inOrder(add), inOrder(writeBack, add)],
  a_value_that_is_written_back_before_an_atomic_that_orders: [inOrder(fetch), inOrder(writeBack, fetch)],
  a_lock_that_is_written_back_after_it_was_given_free: [
    inOrder('*(u64 *)(r0 + 0) = 1', fetch),
    inOrder('*(u64 *)(r0 + 0) = 1', fetch, writeBack),
  ],
  a_neighbour_that_is_written_back: [
    inOrder('*(u8 *)(r0 + 0) = 1'),
    inOrder('r9 = *(u16 *)(r0 + 0)\n r9 &= 0xff00\n r9 |= 1\n *(u16 *)(r0 + 0) = r9'),
  ],
  whether_a_value_is_stored_or_written_back: [
    maybe('r9 = 1', '*(u64 *)(r0 + 0) = r9', 'r9 = 2'),
    maybe('r9 = *(u64 *)(r0 + 0)', 'r9 = 1', '*(u64 *)(r0 + 0) = r9'),
  ],
  atomics_that_undo_each_other: [inOrder(add), inOrder(add, addAndTakeBack)],
  a_load_before_an_atomic_at_its_place_beside_one_that_is_added: [
    inOrder(add, 'r9 = *(u64 *)(r0 + 0)', count.replaceAll('+ 0', '+ 8'), 'r0 = r9\n exit'),
    inOrder('r9 = *(u64 *)(r0 + 0)', add, add.replace('+ 0', '+ 8'), 'r9 += 1\n r0 = r9\n exit'),
  ],
};

for (const [name, [one, two]] of Object.entries(invented))
  test(`not the same: ${name}`, async (t) => {
    t.not(await verdictOf(one, two), 'proven');
    t.is(await verdictOf(two, `r9 = 0\n ${two}`), 'proven');
  });

const again = (...steps: readonly string[]) => inOrder('r8 = *(u64 *)(r6 + 8)', ...steps, 'r0 = r9\n exit');
const load = 'r9 = *(u64 *)(r0 + 0)';

/** The second one looks twice where the first one looks once: others may have changed it in between. */
const looked: Record<string, readonly [string, string]> = {
  the_difference_of_two_loads: [again('r9 = 0'), again(load, 'r5 = *(u64 *)(r0 + 0)\n r9 -= r5')],
  what_is_loaded_after_it_was_checked: [
    again(load, 'if r9 > 7 goto none'),
    again(load, 'if r9 > 7 goto none', load),
  ],
  what_is_loaded_after_it_was_stored: [
    again('*(u64 *)(r0 + 0) = r8', 'r9 = r8'),
    again('*(u64 *)(r0 + 0) = r8', load),
  ],
  one_byte_of_what_was_loaded: [again(load, 'r9 &= 0xff'), again(load, 'r9 = *(u8 *)(r0 + 0)')],
  what_only_some_ways_load_again: [
    maybe('r9 = *(u64 *)(r0 + 0)', 'r9 = r9', 'r0 = r9\n exit'),
    maybe('r9 = *(u64 *)(r0 + 0)', 'r9 = *(u64 *)(r0 + 0)', 'r0 = r9\n exit'),
  ],
  whether_a_key_is_still_there: [
    inOrder('r0 = 1\n exit'),
    inOrder(
      'r1 = map 1 ll\n r2 = r7\n call map_lookup_elem\n if r0 == 0 goto gone\n r0 = 1\n exit\n gone:\n r0 = 2\n exit',
    ),
  ],
};

for (const [name, [one, two]] of Object.entries(looked))
  test(`not the same, but the other way round: ${name}`, async (t) => {
    t.not(await verdictOf(one, two), 'proven');
    t.is(await verdictOf(two, one), 'proven');
    t.is(await verdictOf(two, `r9 = 0\n ${two}`), 'proven');
  });

test('a count in bins stores in those only of which there are elements', async (t) => {
  const bins = { ...array, valueSize: 1024 };
  const some = `${keyOf(1)}\n r9 = *(u64 *)(r6 + 8)\n r9 &= 3\n *(u8 *)(r6 + 22) = 2`;
  const counting = (then: string) =>
    `${some}\n ${find(`r8 = r0\n r1 = r8\n r2 = r6\n r2 += 20\n r3 = r9\n call vl_histogram_u8\n ${then}`, 0)}`;
  const load = 'r3 = *(u32 *)(r8 + 8)';
  const store = '*(u32 *)(r8 + 8) = r3';
  const kept = `${load}\n ${store}`;
  const verdict = async (before: string, after: string) => {
    const options = { hook: 'run', maps: [bins], memorySize: 64 } as const;
    return (await proveEquivalent(assemble(before), assemble(after), options)).verdict;
  };
  t.not(await verdict(counting(load), counting(kept)), 'proven');
  t.is(await verdict(counting(kept), counting(`r0 = 0\n ${kept}`)), 'proven');
  t.is(await verdict(counting(load), counting(`${load}\n if r9 != 3 goto none\n ${store}`)), 'proven');
});

test('around what orders memory, plain loads and stores may change', async (t) => {
  const halves = '*(u32 *)(r0 + 0) = 1\n *(u32 *)(r0 + 4) = 0';
  const whole = '*(u64 *)(r0 + 0) = 1';
  const both = (before: string, after: string) => inOrder(before, fetch, `${after}\n r0 = r9\n exit`);
  const load = (more: string) => `r9 = *(u32 *)(r0 + 0)\n ${more}`;
  t.is(await verdictOf(both(halves, load('r9 += r9')), both(whole, load('r9 <<= 1'))), 'proven');
});

const onFrames = async (hook: HookName, before: string, after: string): Promise<Verdict> =>
  (await proveEquivalent(assemble(before), assemble(after), { hook, maps: [] })).verdict;
const onPackets = (before: string, after: string) => onFrames('packet', before, after);

test('a frame is as long as its context says, a line is shorter than its room', async (t) => {
  const said = 'r0 = *(u32 *)(r1 + 24)\n exit';
  const between = 'r0 = *(u64 *)(r1 + 8)\n r1 = *(u64 *)(r1 + 0)\n r0 -= r1\n exit';
  t.is(await onFrames('packet', said, between), 'proven');
  t.not(await onFrames('uart_line', said, between), 'proven');
  t.is(await onFrames('uart_line', said, `r2 = 5\n ${said}`), 'proven');
  t.is(await onFrames('uart_line', between, 'r0 = 128\n exit'), 'proven');
  t.not(await onFrames('uart_line', between, 'r0 = 127\n exit'), 'proven');
});
/** Reads two bytes at 12, where they are. */
const plain = (last: number, order = 'be') =>
  `r2 = *(u64 *)(r1 + 0)\n r3 = *(u64 *)(r1 + 8)\n r0 = 0\n r4 = r2\n r4 += ${last}\n if r4 > r3 goto out\n r0 = *(u16 *)(r2 + 12)\n r0 = ${order}16 r0\n out:\n exit`;
const legacy = (at: string, then = 'exit') => `r6 = r1\n r7 = 7\n r0 = *(u16 *)skb[${at}]\n ${then}`;

test('a legacy packet load is a load in network order, or the end where there is none', async (t) => {
  t.is(await onPackets(legacy('12'), plain(14)), 'proven');
  t.is(await onPackets(plain(14), legacy('r7 + 5')), 'proven');
  t.is(
    await onPackets(legacy('12', 'r0 = 1\n exit'), `${plain(14).replace('exit', '')}\n r0 = 1\n exit`),
    'different',
  );
  for (const wrong of [
    plain(13),
    plain(15),
    plain(14, 'le'),
    legacy('13'),
    legacy('r7 + 6'),
    legacy('12', 'r0 += 1\n exit'),
  ])
    t.not(await onPackets(legacy('12'), wrong), 'proven');
});
