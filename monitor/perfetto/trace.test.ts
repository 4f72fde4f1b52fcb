/** The trace, taken apart by a decoder that knows the wire format and the field numbers of Perfetto's own files. */
import test from 'ava';
import type { HookRun } from '../../abi/index.ts';
import type { Entry } from '../entry.ts';
import { board, entries, event, readingAt } from '../test/samples.ts';
import { PerfettoTrace } from './trace.ts';

type Fields = Map<number, (bigint | number | Buffer)[]>;

const decode = (bytes: Buffer): Fields => {
  const fields: Fields = new Map();
  let at = 0;
  const varint = () => {
    let [value, shift] = [0n, 0n];
    for (;;) {
      const byte = bytes.readUInt8(at);
      at += 1;
      value |= BigInt(byte & 127) << shift;
      shift += 7n;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const key = Number(varint());
    const take = (length: number) => {
      at += length;
      if (at > bytes.length) throw new RangeError('cut off');
      return bytes.subarray(at - length, at);
    };
    const type = key % 8;
    if (type !== 0 && type !== 1 && type !== 2) throw new TypeError(`wire type ${type}`);
    const value = type === 0 ? varint() : type === 1 ? take(8).readDoubleLE() : take(Number(varint()));
    fields.set(key >> 3, [...(fields.get(key >> 3) ?? []), value]);
  }
  return fields;
};

const one = (fields: Fields, number: number) => fields.get(number)?.[0];
const inside = (fields: Fields, number: number) => {
  const found = one(fields, number);
  return found instanceof Buffer ? decode(found) : undefined;
};
const text = (fields: Fields, number: number) => String(one(fields, number) ?? '');

const packetsOf = (list: readonly Entry[]): Fields[] => {
  const pieces: Buffer[] = [];
  const trace = new PerfettoTrace((bytes) => pieces.push(bytes));
  for (const entry of list) trace.take({ port: 'bench-1', entry });
  trace.close();
  return (decode(Buffer.concat(pieces)).get(1) ?? []).map((packet) => decode(packet as Buffer));
};

const T0 = 1_700_000_000_010;
const eventsOf = (packets: readonly Fields[]) =>
  packets.flatMap((packet) => {
    const found = inside(packet, 11);
    return found
      ? [{ time: one(packet, 8) as bigint, type: Number(one(found, 9)), uuid: one(found, 11), found }]
      : [];
  });

test('tracks_slices_instants_and_counters_are_where_the_format_has_them', (t) => {
  const packets = packetsOf(entries);
  t.is(one(packets[0]!, 13), 1n);
  t.true(packets.every((packet) => one(packet, 10) === 1n));
  const tracks = packets.flatMap((packet) => inside(packet, 60) ?? []);
  t.deepEqual(
    tracks.map((track) => text(track, 2)),
    [
      '',
      'fir',
      'fir cost',
      'fir events',
      'fir calls',
      'core0 ticks',
      'core0 wakeups',
      'core1 ticks',
      'core1 wakeups',
    ],
  );
  t.is(new Set(tracks.map((track) => one(track, 1))).size, tracks.length);
  t.is(text(inside(tracks[0]!, 3)!, 6), `bench-1: ${board.board}, start 1`);
  t.true(tracks.slice(1).every((track) => one(track, 5) === one(tracks[0]!, 1)));
  const all = eventsOf(packets);
  const slices = all.filter(({ type }) => type === 1 || type === 2);
  t.deepEqual(
    slices.map(({ time }) => time),
    [BigInt(T0) * 1_000_000n, BigInt(T0 + 1000) * 1_000_000n],
  );
  t.is(text(slices[0]!.found, 23), 'v2');
  const cost = all.filter(({ type, uuid }) => type === 4 && uuid === one(tracks[2]!, 1));
  t.deepEqual(
    cost.map(({ found }) => one(found, 44)),
    [267, 267],
  );
  const [rollback] = all.filter(({ type }) => type === 3);
  t.is(text(rollback!.found, 23), 'rolled_back v3');
  const notes = (rollback!.found.get(4) ?? []).map((note) => text(decode(note as Buffer), 10));
  t.deepEqual(notes, ['version', 'reason', 'cycles_before', 'cycles_after']);
});

test('a_board_that_starts_again_is_another_process_and_begins_anew', (t) => {
  const again = { ...readingAt(50), board: { ...board, boot: new Uint8Array(16).fill(9) } };
  const packets = packetsOf([
    { kind: 'event', time_ms: T0 - 5, event },
    { kind: 'reading', time_ms: T0, reading: readingAt(100) },
    { kind: 'reading', time_ms: T0 + 5000, reading: again },
  ]);
  const processes = packets.flatMap((packet) => inside(packet, 60) ?? []).filter((track) => track.has(3));
  t.is(processes.length, 2);
  const all = eventsOf(packets);
  const slices = all.filter(({ type }) => type === 1 || type === 2);
  t.deepEqual(
    slices.map(({ type }) => type),
    [1, 2, 1, 2],
  );
  t.true(slices.every(({ time }, i) => i === 0 || time >= slices[i - 1]!.time));
  t.is(all.filter(({ type }) => type === 3).length, 1);
});

test('a_canary_that_is_promoted_goes_on_under_its_own_name', (t) => {
  const reading = (time_ms: number, calls: number, state: 'canary' | 'live'): Entry => {
    const { modules, ...rest } = readingAt(calls);
    return {
      kind: 'reading',
      time_ms,
      reading: { ...rest, modules: modules.map((each) => ({ ...each, state })) },
    };
  };
  const all = eventsOf(
    packetsOf([
      reading(T0, 100, 'canary'),
      reading(T0 + 1000, 1100, 'live'),
      reading(T0 + 2000, 2100, 'live'),
    ]),
  );
  const slices = all.filter(({ type }) => type === 1 || type === 2);
  t.deepEqual(
    slices.map(({ type, found }) => (type === 1 ? text(found, 23) : 'end')),
    ['v2 (canary)', 'end', 'v2', 'end'],
  );
});

test('single_runs_follow_each_other_on_a_track_of_their_core_with_what_they_returned', (t) => {
  const run = (core: number, begin_ns: bigint, more: Partial<HookRun> = {}): HookRun => ({
    core,
    hook: 1,
    faulted: false,
    begin_ns,
    took_ns: 50n,
    cycles: 40n,
    module: 1,
    version: 2,
    result: 2n ** 64n - 1n,
    ...more,
  });
  const pieces: Buffer[] = [];
  const trace = new PerfettoTrace((bytes) => pieces.push(bytes));
  trace.takeRuns('bench-1', {
    runs: [run(0, 100n), run(0, 150n, { module: 7, faulted: true }), run(3, 90n)],
    lost: 4,
  });
  trace.take({ port: 'bench-1', entry: { kind: 'reading', time_ms: T0, reading: readingAt(100) } });
  trace.close();
  const packets = (decode(Buffer.concat(pieces)).get(1) ?? []).map((packet) => decode(packet as Buffer));
  const tracks = packets.flatMap((packet) => inside(packet, 60) ?? []);
  const uuidOf = (name: string) => one(tracks.find((track) => text(track, 2) === name)!, 1);
  const all = eventsOf(packets);
  const slices = all.filter(({ uuid }) => uuid === uuidOf('core0 runs'));
  const offset = BigInt(T0) * 1_000_000n - 100_000_000n; // of the reading of call 100, at 1 ms a call
  t.deepEqual(
    slices.map(({ time, type, found }) => [time - offset, type, text(found, 23)]),
    [
      [100n, 1, 'fir v2'],
      [150n, 2, ''],
      [150n, 1, 'module 7 v2'],
      [200n, 2, ''],
    ],
  );
  const notes = (slices[0]!.found.get(4) ?? []).map((note) => decode(note as Buffer));
  t.deepEqual(
    notes.map((note) => [text(note, 10), one(note, 4) ?? text(note, 6)]),
    [
      ['hook', 'timer'],
      ['cycles', 40n],
      ['result', 2n ** 64n - 1n], // -1, as protobuf has it
    ],
  );
  t.is(all.filter(({ uuid }) => uuid === uuidOf('core3 runs')).length, 2);
  const [lost] = all.filter(({ uuid }) => uuid === uuidOf('runs not read in time'));
  t.is(one(lost!.found, 44), 4);
});
