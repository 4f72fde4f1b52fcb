/** Following a board's counters through its reports: what is lost, swapped, removed and reset meanwhile. */
import test from 'ava';
import { applyReport, CodecError, encodeReport, REPORT_VALUES, type ReportPlaces } from '../abi/index.ts';
import { BadReplyError } from './errors.ts';
import { fakeBoard, type Handlers } from './test/fake-board.ts';
import { growing, plainModule, watched } from './test/watched.ts';
import { type Telemetry, VelocityLink } from './velocity.ts';

const row = (name: string, calls: number, more: Partial<Telemetry> = {}): Telemetry => ({
  name,
  version: 1,
  time_ns: BigInt(calls) * 1000n,
  calls: BigInt(calls),
  cycles: 2n ** 60n + BigInt(calls),
  min: 1n,
  max: 9n,
  last_result: 2n ** 64n - BigInt(calls),
  histogram: Array.from({ length: 32 }, (_, bin) => (bin === 3 ? calls : 0)),
  ...more,
});

/** Asks which requests went to group 64, by the number of the message. */
const REPORT = 6;
const MODULE = 3;

const linkTo = async (handlers: Handlers, mangle?: (frame: Uint8Array, nth: number) => Uint8Array) => {
  const board = fakeBoard(handlers, mangle ? { mangle } : {});
  const link = await VelocityLink.over(board.transport);
  const count = (id: number) => board.requests.filter((r) => r.group === 64 && r.id === id).length;
  return { link, count };
};

test('what is followed is what the board says', async (t) => {
  let calls = 1;
  const rows = () => ['a', 'b', 'c'].map((name, i) => row(name, calls * (i + 1), { time_ns: BigInt(calls) }));
  const { link, count } = await linkTo(watched({ telemetry: rows }));
  for (; calls < 300; calls += 7) t.deepEqual(await link.telemetryAll(), rows());
  t.is(count(MODULE), 3);
});

test('readings that run beside each other do not mix', async (t) => {
  const { link } = await linkTo(watched({ telemetry: growing((calls) => row('a', calls), 0, 1) }));
  const all = await Promise.all(Array.from({ length: 20 }, () => link.telemetryAll()));
  t.deepEqual(
    all.map(([only]) => Number(only!.calls)),
    Array.from({ length: 20 }, (_, i) => i + 1),
  );
});

test('a lost answer costs a repetition and nothing else', async (t) => {
  let lost = 0;
  const mangle = (frame: Uint8Array, nth: number) => {
    if (nth !== 6) return frame;
    lost += 1;
    return new Uint8Array(0);
  };
  const { link } = await linkTo(watched({ telemetry: growing((calls) => row('a', calls), 0, 5) }), mangle);
  let seen = 0;
  for (let i = 0; i < 8; i += 1) seen = Number((await link.telemetryAll())[0]!.calls);
  t.deepEqual([seen, lost], [45, 1]); // eight readings, one of them twice
});

test('only what is new is asked for by name', async (t) => {
  const rows = [row('a', 1), row('b', 1), row('c', 1)];
  const { link, count } = await linkTo(watched({ telemetry: () => rows }));
  await link.telemetryAll();
  rows[1] = row('b', 0, { version: 2 });
  const swapped = await link.report();
  t.is(swapped.modules[1]!.version, 2);
  t.is(count(MODULE), 4);
  rows.pop();
  t.deepEqual(
    (await link.report()).modules.map(({ name }) => name),
    ['a', 'b'],
  );
  t.is(count(MODULE), 4);
});

test('a board that knows nothing of the last report tells everything, and is said to', async (t) => {
  let board = watched({ telemetry: () => [row('a', 5), row('b', 6)] });
  const handlers: Handlers = {
    report: (request) => board.report!(request),
    module: (request) => board.module!(request),
  };
  const { link } = await linkTo(handlers);
  t.true((await link.report()).whole);
  t.false((await link.report()).whole);
  board = watched({ telemetry: () => [row('a', 1)] });
  const after = await link.report();
  t.deepEqual([after.whole, after.telemetry], [true, [row('a', 1)]]);
});

test('everything is told anew once in a hundred reports', async (t) => {
  const { link, count } = await linkTo(watched({ telemetry: () => [row('a', 5)] }));
  let whole = 0;
  for (let i = 0; i < 250; i += 1) whole += (await link.report()).whole ? 1 : 0;
  t.deepEqual([whole, count(REPORT)], [3, 250]);
});

test('a module that is gone when its name is asked for is not named after another', async (t) => {
  const rows = [row('a', 1), row('b', 1)];
  const board = watched({ telemetry: () => rows });
  let asked = 0;
  const { link } = await linkTo({
    ...board,
    module: (request) => {
      asked += 1;
      if (asked === 2) return { ...plainModule, id: 77, name: 'c' };
      return board.module!(request);
    },
  });
  t.deepEqual(
    (await link.telemetryAll()).map(({ name }) => name),
    ['a', 'b'],
  );
});

test('data that is no report is refused and changes nothing', async (t) => {
  const values = Array.from({ length: REPORT_VALUES }, (_, i) => BigInt(i));
  const good = encodeReport(new Map(), new Map([[3, values]]));
  const wrong = [
    good.subarray(0, -1),
    Uint8Array.of(1),
    Uint8Array.of(1, 0x80 | 38, 0),
    Uint8Array.of(0, 0x80, ...new Array(11).fill(0x81), 0),
  ];
  for (const data of wrong) {
    const places = new Map();
    t.throws(() => applyReport(data, places), { instanceOf: CodecError });
    t.is(places.size, 0);
  }
  const { report, module } = watched({ telemetry: () => [row('a', 1)] });
  const { link } = await linkTo({ module: module!, report: (r) => ({ ...report!(r), data: wrong[0]! }) });
  await t.throwsAsync(link.report(), { instanceOf: BadReplyError });
});

test('a report that says again and again that there is more is refused', async (t) => {
  const { report, module } = watched({ telemetry: () => [row('a', 1)] });
  let asked = 0;
  const again: Handlers['report'] = (r) => {
    asked += 1;
    return { ...report!(r), next: asked < 500 ? 1 : 0 };
  };
  const { link } = await linkTo({ module: module!, report: again });
  await t.throwsAsync(link.report(), { instanceOf: BadReplyError });
});

/** Answers with one place a message; with every `nth` it has forgotten what it told before, as after a report to another host. */
const forgetful = (nth: number): Handlers => {
  const rows = ['a', 'b', 'c'].map((name, i) => row(name, i + 1));
  const all = watched({ telemetry: () => rows });
  const whole: ReportPlaces = new Map();
  applyReport((all.report!({ since: 0 }) as { data: Uint8Array }).data, whole);
  let known: ReportPlaces = new Map();
  let number = 0;
  return {
    module: all.module!,
    report: ({ since, from = 0 }) => {
      const base = since === number && (number + 1) % nth !== 0 ? (since as number) : 0;
      if (base === 0) known = new Map();
      const now = new Map(known).set(from as number, whole.get(from as number)!);
      const data = encodeReport(known, now);
      known = now;
      number += 1;
      const next = from === 2 ? 0 : (from as number) + 1;
      return { number, base, time_ns: 1n, next, event: 0n, byte_ns: 0, data };
    },
  };
};

test('a report that another host cuts in two is whole nevertheless', async (t) => {
  for (const nth of [2, 3, 4, 5, 7]) {
    const { link } = await linkTo(forgetful(nth));
    for (let i = 0; i < 4; i += 1) {
      const reading = link.report().then(({ telemetry }) => telemetry.map(({ name }) => name));
      if (nth > 3) t.deepEqual(await reading, ['a', 'b', 'c']);
      else await t.throwsAsync(reading, { instanceOf: BadReplyError });
    }
  }
});

test('differences of every size and sign arrive', (t) => {
  const numbers = [
    0n,
    1n,
    63n,
    64n,
    127n,
    8191n,
    2n ** 31n,
    2n ** 32n - 1n,
    2n ** 34n,
    2n ** 35n,
    2n ** 36n,
    2n ** 63n,
    2n ** 64n - 1n,
  ];
  const places = new Map();
  let before = new Map();
  for (const a of numbers)
    for (const b of numbers) {
      const now = new Map([[200, Array.from({ length: REPORT_VALUES }, (_, i) => (i % 2 === 0 ? a : b))]]);
      now.get(200)![0] = 7n;
      applyReport(encodeReport(before, now), places);
      t.deepEqual(places, now);
      before = now;
    }
});
