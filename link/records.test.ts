import { setImmediate } from 'node:timers/promises';
import test from 'ava';
import { BadReplyError } from './errors.ts';
import { type RingSource, takeRecords } from './records.ts';

const keyOf = (at: number) => {
  const key = new Uint8Array(8);
  new DataView(key.buffer).setUint32(0, at, true);
  return key;
};
const positionOf = (key: Uint8Array) => new DataView(key.buffer, key.byteOffset).getUint32(0, true);

/** A ring buffer that gives at most so many bytes at once. */
class Ring implements RingSource {
  bytes = Buffer.alloc(0);
  taken = 0;
  readonly piece: number;

  constructor(piece: number) {
    this.piece = piece;
  }

  put(text: string, lost = 0): this {
    const record = Buffer.alloc(8 + Math.ceil(text.length / 8) * 8, 0xee);
    record.writeUInt32LE(text.length, 0);
    record.writeUInt32LE(lost, 4);
    record.write(text, 8);
    this.bytes = Buffer.concat([this.bytes, record]);
    return this;
  }

  async mapNext() {
    return { key: keyOf(this.taken) };
  }

  async mapRead(_map: string, key: Uint8Array) {
    const at = positionOf(key);
    if (at < this.taken) throw new Error('read what was taken');
    return { value: this.bytes.subarray(at, at + this.piece) };
  }

  async mapWrite(_map: string, key: Uint8Array, value: Uint8Array) {
    const at = positionOf(key);
    if (at <= this.taken || at > this.bytes.length || value.length > 0) throw new Error(`took up to ${at}`);
    this.taken = at;
  }
}

const textOf = (data: Uint8Array) => Buffer.from(data).toString();

for (const piece of [1, 7, 8, 24, 2048]) {
  test(`records_are_whole_and_in_order_from_pieces_of_${piece}`, async (t) => {
    const ring = new Ring(piece).put('one').put('exactly8', 3).put('a longer one, over two pieces');
    const got = [];
    for await (const { data, lost } of takeRecords(ring, 'r')) got.push([textOf(data), lost]);
    t.deepEqual(got, [
      ['one', 0],
      ['exactly8', 3],
      ['a longer one, over two pieces', 0],
    ]);
    t.is(ring.taken, ring.bytes.length);
    for await (const _ of takeRecords(ring, 'r')) t.fail();
  });

  test(`what_was_not_done_with_comes_again_in_pieces_of_${piece}`, async (t) => {
    const ring = new Ring(piece).put('one').put('two').put('three');
    for await (const { data } of takeRecords(ring, 'r')) if (textOf(data) === 'two') break;
    const rest = [];
    for await (const { data } of takeRecords(ring, 'r')) rest.push(textOf(data));
    t.deepEqual(rest, ['two', 'three']);
  });
}

test('following_waits_for_more_until_it_is_told_to_stop', async (t) => {
  const ring = new Ring(2048).put('one');
  const stop = new AbortController();
  const got: string[] = [];
  for await (const { data } of takeRecords(ring, 'r', { follow: true, intervalMs: 1, signal: stop.signal })) {
    got.push(textOf(data));
    if (got.length === 3) stop.abort();
    else setImmediate().then(() => ring.put('more'));
  }
  t.deepEqual(got, ['one', 'more', 'more']);
  t.is(ring.taken, ring.bytes.length);
});

test('a_record_that_no_ring_has_room_for_is_not_waited_for', async (t) => {
  const ring = new Ring(2048);
  ring.bytes = Buffer.alloc(1 << 16, 0xff);
  const all = async () => {
    for await (const _ of takeRecords(ring, 'r'));
  };
  await t.throwsAsync(all, { instanceOf: BadReplyError, message: /the ring buffer r/ });
});

test('an_error_of_the_line_is_passed_on', async (t) => {
  const ring = new Ring(2048).put('one');
  ring.mapWrite = async () => {
    throw new Error('unplugged');
  };
  const all = async () => {
    for await (const _ of takeRecords(ring, 'r'));
  };
  await t.throwsAsync(all, { message: 'unplugged' });
});
