import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { CHUNK_BYTES, messages, statusNamed } from '../abi/index.ts';
import { SmpClient } from './client.ts';
import {
  AbiMismatchError,
  BadReplyError,
  CancelledError,
  LinkTimeoutError,
  RefusedError,
  RestartedError,
  UnpluggedError,
  UnsettledMapError,
} from './errors.ts';
import { boardInfo, type FakeBoard, fakeBoard, Refusal } from './test/fake-board.ts';
import { plainModule } from './test/watched.ts';
import { VelocityLink } from './velocity.ts';

const linkTo = (board: FakeBoard) => VelocityLink.over(board.transport);
/** Soon enough for a test, and long enough for a busy machine to answer within. */
const QUICK_MS = 1500;

const quickEcho = (client: SmpClient, retries = 1) =>
  client.request({
    op: 'write',
    group: 0,
    id: 0,
    payload: Uint8Array.of(0xa0),
    what: 'echo',
    timeoutMs: QUICK_MS,
    retries,
  });

test('the handshake reads what the board is', async (t) => {
  const link = await linkTo(fakeBoard());
  t.deepEqual({ ...(await link.info()), abi: null }, { ...boardInfo, abi: null });
});

test('another contract is refused with both hashes and what to do', async (t) => {
  const board = fakeBoard({ info: () => ({ ...boardInfo, abi: new Uint8Array(8) }) });
  const error = await t.throwsAsync(linkTo(board), { instanceOf: AbiMismatchError });
  t.regex(error.message, /contract 0000000000000000, this host [0-9a-f]{16}/);
  t.regex(error.hint, /flash/);
});

test('a refusal carries its status, sentence, instruction and particulars', async (t) => {
  const board = fakeBoard({
    run: () => {
      throw new Refusal('null_dereference', { insn: 12, msg: 'r3 may be null' });
    },
  });
  const link = await linkTo(board);
  const run = link.run({ jit: true, code: new Uint8Array(8), mem: new Uint8Array(0) });
  const error = await t.throwsAsync(run, { instanceOf: RefusedError });
  const { status, rc, insn, detail, sentence } = error;
  const expected = statusNamed('null_dereference');
  t.deepEqual(
    [status, rc, insn, detail, sentence],
    ['null_dereference', expected.code, 12, 'r3 may be null', expected.sentence],
  );
});

test('an SMP-level rc is a refusal too', async (t) => {
  const client = new SmpClient(fakeBoard().transport);
  const request = { op: 'read', group: 9, id: 0, payload: Uint8Array.of(0xa0), what: 'shell' } as const;
  const error = await t.throwsAsync(client.request(request), { instanceOf: RefusedError });
  t.is(error.status, 'not_supported');
});

test('lists are read to their end', async (t) => {
  const names = ['a', 'b', 'c'];
  const board = fakeBoard({
    module: ({ i }) => {
      const name = names[i];
      if (name === undefined) throw new Refusal('no_entry');
      return { ...plainModule, name };
    },
  });
  const all = await (await linkTo(board)).modules();
  t.deepEqual(
    all.map(({ name }) => name),
    names,
  );
});

const plainEvent = {
  kind: 'log',
  name: 'm',
  version: 1,
  reason: 0,
  time_ns: 0n,
  before: 0n,
  after: 0n,
  text: '',
  lost: 0n,
};

test('events come in order, from where they were left off', async (t) => {
  const board = fakeBoard({
    event: ({ since }) => {
      if (since >= 5n) throw new Refusal('no_entry');
      return { ...plainEvent, seq: since + 1n };
    },
  });
  const seen: bigint[] = [];
  for await (const { seq } of (await linkTo(board)).events(2n)) seen.push(seq);
  t.deepEqual(seen, [3n, 4n, 5n]);
});

test('events that come faster than they are read are told up to as many as a board keeps', async (t) => {
  const board = fakeBoard({ event: ({ since }) => ({ ...plainEvent, seq: since + 1n }) });
  const seen: bigint[] = [];
  for await (const { seq } of (await linkTo(board)).events(2n)) if (seen.push(seq) > 1000) break;
  t.deepEqual([seen[0], seen.at(-1)], [3n, 258n]);
});

test('events of a board that started anew are told, too', async (t) => {
  const board = fakeBoard({
    event: ({ since }) => {
      if (since === 2n) throw new Refusal('no_entry');
      return { ...plainEvent, seq: since > 2n ? 1n : since + 1n };
    },
  });
  const seen: bigint[] = [];
  for await (const { seq } of (await linkTo(board)).events(100n)) seen.push(seq);
  t.deepEqual(seen, [1n, 2n]);
});

test('a board whose list does not end, or that tells an event again, is left', async (t) => {
  const row = { name: 'm', type: 2, key_size: 4, value_size: 8, max_entries: 1, entries: 1, users: 1 };
  const event = {
    seq: 3n,
    time_ns: 1n,
    kind: 'log',
    name: '',
    version: 0,
    reason: 0,
    before: 0n,
    after: 0n,
    text: '',
    lost: 0n,
  };
  const link = await linkTo(fakeBoard({ map_info: () => row, event: () => event }));
  await t.throwsAsync(link.maps(), { instanceOf: BadReplyError });
  const seen: bigint[] = [];
  await t.throwsAsync(
    async () => {
      for await (const { seq } of link.events()) seen.push(seq);
    },
    { instanceOf: BadReplyError },
  );
  t.deepEqual(seen, [3n]);
});

const counts = { name: 'counts', type: 1, key_size: 1, value_size: 1, max_entries: 4, entries: 3, users: 1 };

test('a map that changes while it is read gives each of its entries once, and what is gone meanwhile not', async (t) => {
  let removed = false;
  const board = fakeBoard({
    map_next: ({ key: [last] }) => {
      if (last === 3) throw new Refusal('no_entry');
      if (last === 2 && !removed) {
        removed = true;
        return { key: Uint8Array.of(1) };
      }
      return { key: Uint8Array.of((last ?? 0) + 1) };
    },
    map_read: ({ key: [one] }) => {
      if (one === 2) throw new Refusal('no_entry');
      return { value: Uint8Array.of(one! + 10) };
    },
  });
  const seen: number[][] = [];
  for await (const { key, value } of (await linkTo(board)).mapEntries(counts)) seen.push([...key, ...value]);
  t.deepEqual(seen, [
    [1, 11],
    [3, 13],
  ]);
});

test('a map whose entries do not end is left after those that were told', async (t) => {
  const board = fakeBoard({
    map_next: ({ key: [last] }) => ({ key: Uint8Array.of(last === 1 ? 2 : 1) }),
    map_read: ({ key }) => ({ value: key }),
  });
  const link = await linkTo(board);
  const seen: number[] = [];
  const error = await t.throwsAsync(async () => {
    for await (const { key } of link.mapEntries(counts)) seen.push(...key);
  });
  t.true(error instanceof UnsettledMapError);
  t.regex(error!.message, /counts changes faster .*; 2 were/);
  t.deepEqual(seen, [1, 2]);
});

test('the OS and statistics groups answer', async (t) => {
  const link = await linkTo(fakeBoard());
  t.is(await link.echo('hello'), 'hello');
  t.deepEqual(await link.params(), { bufSize: 4096, bufCount: 1 });
  t.deepEqual(await link.taskstat(), { core0: { prio: 0, tid: 0, runtime: 12 } });
  t.deepEqual(await link.statGroups(), ['velocity']);
  t.deepEqual(await link.stats('velocity'), { ticks: 5, installs: 1 });
  await t.throwsAsync(link.stats('nothing'), { instanceOf: RefusedError });
  await t.notThrowsAsync(link.reset());
});

test('what the standard groups answer has to be what it should be: numbers, lists, hashes', async (t) => {
  const line = '0\nvelocity_up 1';
  const answers = [
    { fields: { ticks: line }, tasks: { core0: { runtime: line } }, images: 5, stat_list: 5 },
    { fields: 'ab', tasks: { core0: null }, images: [{ hash: line }], stat_list: 5 },
  ];
  for (const answer of answers) {
    const link = await linkTo(fakeBoard({}, {}, { 0: () => answer, 1: () => answer, 2: () => answer }));
    const asked: readonly (() => Promise<unknown>)[] = [
      () => link.stats('velocity'),
      () => link.taskstat(),
      () => link.images.state(),
      () => link.statGroups(),
    ];
    for (const ask of asked) await t.throwsAsync(ask(), { instanceOf: BadReplyError });
  }
});

test('requests made at the same time each get their own answer', async (t) => {
  const link = await linkTo(fakeBoard());
  const texts = Array.from({ length: 300 }, (_, i) => `text ${i}`);
  t.deepEqual(await Promise.all(texts.map((text) => link.echo(text))), texts);
});

test('a lost answer is asked for again with the same sequence number', async (t) => {
  const board = fakeBoard({}, { mangle: (frame, nth) => (nth === 0 ? new Uint8Array(0) : frame) });
  const client = new SmpClient(board.transport);
  await quickEcho(client);
  t.is(board.requests.length, 2);
  t.is(board.requests[0]!.seq, board.requests[1]!.seq);
  t.deepEqual([client.health.resent, client.health.received], [1, 1]);
});

test('an answer cut at any byte is asked for again', async (t) => {
  const answerBytes = 27; // of an echo without text
  const cutAt = (cut: number) => {
    const board = fakeBoard({}, { mangle: (frame, nth) => (nth === 0 ? frame.subarray(0, cut) : frame) });
    return t.notThrowsAsync(quickEcho(new SmpClient(board.transport)), `cut at ${cut}`);
  };
  await Promise.all(Array.from({ length: answerBytes }, (_, cut) => cutAt(cut)));
});

test('silence ends in a timeout that names the port and the request', async (t) => {
  const board = fakeBoard({}, { mangle: () => new Uint8Array(0) });
  const error = await t.throwsAsync(quickEcho(new SmpClient(board.transport)), {
    instanceOf: LinkTimeoutError,
  });
  t.is(error.message, 'fake: no answer to echo within 3000 ms');
  t.is(board.requests.length, 2);
});

test('answers with another sequence number, command or group, or to another host, are not taken', async (t) => {
  for (const wrong of [{ seq: 999 & 0xff }, { id: 9 }, { group: 3 }, { op: 2 }, { flags: -1 }]) {
    const alter = (reply: FakeBoard['requests'][0], nth: number) => {
      const seq = 'seq' in wrong ? (reply.seq + 1) & 0xff : reply.seq;
      const flags = (reply.flags ?? 0) ^ ('flags' in wrong ? 1 : 0);
      return nth === 0 ? { ...reply, ...wrong, seq, flags } : reply;
    };
    const client = new SmpClient(fakeBoard({}, { alter }).transport);
    await quickEcho(client);
    t.is(client.health.stray, 1, JSON.stringify(wrong));
  }
});

test('a late answer to a request that was given up is ignored by the next one', async (t) => {
  let answerLate = () => {};
  const givenUp = new Promise<void>((resolve) => {
    answerLate = resolve;
  });
  const late = async (frame: Uint8Array, nth: number) => {
    if (nth === 0) await givenUp;
    return frame;
  };
  const client = new SmpClient(fakeBoard({}, { mangle: late }).transport);
  await t.throwsAsync(quickEcho(client, 0), { instanceOf: LinkTimeoutError });
  answerLate();
  await quickEcho(client, 3);
  while (client.health.stray === 0) await sleep(5);
  t.deepEqual([client.health.stray, client.health.received], [1, 1]);
});

test('console text is passed on while requests are under way', async (t) => {
  const board = fakeBoard();
  const link = await linkTo(board);
  const lines: string[] = [];
  link.onConsole((line) => lines.push(line));
  await board.line.write(Buffer.from('velocity 0.1.0 ready\nmore\n'));
  await link.echo('x');
  t.deepEqual(lines, ['velocity 0.1.0 ready', 'more']);
});

test('a board that restarts during an install is said to have restarted, and the link goes on', async (t) => {
  const board = fakeBoard(
    {},
    { mangle: (frame, nth) => (board.requests[nth]!.id === messages.install.id ? new Uint8Array(0) : frame) },
  );
  const link = await linkTo(board);
  const asked = link.install({ canary: false });
  while (board.requests.at(-1)!.id !== messages.install.id) await sleep(1);
  await board.line.write(Buffer.from('starting\nvelocity 0.1.0 abc ready on x\n'));
  const error = await t.throwsAsync(asked, { instanceOf: RestartedError });
  t.is(error.message, 'fake: the board restarted before it answered install');
  t.is(board.requests.filter(({ id }) => id === messages.install.id).length, 1);
  t.is(await link.echo('x'), 'x');
});

test('an answer that does not match the contract is reported as such', async (t) => {
  const board = fakeBoard({}, { alter: (reply) => ({ ...reply, payload: Uint8Array.of(0xa0) }) });
  await t.throwsAsync(linkTo(board), { instanceOf: BadReplyError });
  const garbage = fakeBoard({}, { alter: (reply) => ({ ...reply, payload: Uint8Array.of(0xff, 1) }) });
  await t.throwsAsync(linkTo(garbage), { instanceOf: BadReplyError });
});

test('unplugging ends the request under way and every later one', async (t) => {
  const board = fakeBoard({}, { mangle: () => new Uint8Array(0) });
  const client = new SmpClient(board.transport);
  const pending = quickEcho(client);
  await board.line.close();
  await t.throwsAsync(pending, { instanceOf: UnpluggedError });
  await t.throwsAsync(quickEcho(client), { instanceOf: UnpluggedError });
});

test('closing on this side cancels the request under way', async (t) => {
  const client = new SmpClient(fakeBoard({}, { mangle: () => new Uint8Array(0) }).transport);
  const pending = quickEcho(client);
  await sleep(5);
  await client.close();
  await t.throwsAsync(pending, { instanceOf: CancelledError });
});

test('a small program travels with its request, a large one through the staging buffer', async (t) => {
  const staged: number[] = [];
  const runs: boolean[] = [];
  let size = 0;
  const board = fakeBoard({
    stage: ({ off, data }) => {
      staged.push(off);
      size = off + data.length;
      return { off: size };
    },
    run: ({ code, mem }) => {
      runs.push(code !== undefined);
      const zero = { cycles: 0n, jit_bytes: 0, bound: 0n, verify_insns: 0n, compile_insns: 0n };
      return { r0: BigInt(code?.length ?? size), mem, ...zero };
    },
  });
  const link = await linkTo(board);
  const mem = new Uint8Array(100);
  const small = await link.runProgram({ jit: true, code: new Uint8Array(CHUNK_BYTES - 100), mem });
  const large = await link.runProgram({ jit: true, code: new Uint8Array(CHUNK_BYTES * 2), mem });
  t.deepEqual([small.r0, large.r0], [BigInt(CHUNK_BYTES - 100), BigInt(CHUNK_BYTES * 2)]);
  t.deepEqual(runs, [true, false]);
  t.deepEqual(staged, [0, CHUNK_BYTES]);
});
