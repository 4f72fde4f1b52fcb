import test from 'ava';
import { Random } from '../../ebpf/random.ts';
import { compareBytes, noDifference } from './compare-bytes.ts';

const sent = Buffer.from(Array.from({ length: 600 }, (_, i) => 33 + ((i * 37 + (i >> 3) * 11) % 90)));
const without = (...places: number[]) => Buffer.from(sent.filter((_, i) => !places.includes(i)));
const changed = (...places: number[]) => sent.map((byte, i) => (places.includes(i) ? byte ^ 0x20 : byte));

test('equal_bytes_differ_in_nothing', (t) => {
  t.deepEqual(compareBytes(sent, sent), noDifference);
});

test('lost_bytes_are_counted', (t) => {
  t.deepEqual(compareBytes(sent, without(7, 300, 301, 599)), { lost: 4, changed: 0, added: 0 });
});

test('changed_bytes_are_counted', (t) => {
  t.deepEqual(compareBytes(sent, changed(0, 50, 420)), { lost: 0, changed: 3, added: 0 });
});

test('added_bytes_are_counted', (t) => {
  const came = Buffer.concat([
    sent.subarray(0, 100),
    Buffer.from('\x01\x02'),
    sent.subarray(100),
    Buffer.from('!'),
  ]);
  t.deepEqual(compareBytes(sent, came), { lost: 0, changed: 0, added: 3 });
});

test('nothing_that_came_is_all_lost', (t) => {
  t.deepEqual(compareBytes(sent, Buffer.alloc(0)), { lost: sent.length, changed: 0, added: 0 });
});

test('what_was_dropped_at_random_is_found_to_the_byte', (t) => {
  const random = new Random(5);
  for (let round = 0; round < 50; round++) {
    const places = Array.from({ length: 4 }, (_, i) => 20 + i * 140 + random.below(100));
    t.is(compareBytes(sent, without(...places)).lost, 4);
  }
});
