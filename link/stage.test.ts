import { createHash, randomBytes } from 'node:crypto';
import test from 'ava';
import { CHUNK_BYTES, statusNamed } from '../abi/index.ts';
import { BadReplyError, LinkTimeoutError, RefusedError } from './errors.ts';
import { type StageChunk, sendStaged } from './stage.ts';

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest();
const content = randomBytes(CHUNK_BYTES * 3 + 17);

/** The board's side of staging, as abi/messages.ts describes it. */
const stagingBuffer = () => {
  const state = { sha: Buffer.alloc(0), buffer: Buffer.alloc(0), received: 0, requests: 0 };
  const send: StageChunk = async ({ off, len, sha, data }) => {
    state.requests += 1;
    if (off === 0 && sha && !Buffer.from(sha).equals(state.sha)) {
      Object.assign(state, { sha: Buffer.from(sha), buffer: Buffer.alloc(len!), received: 0 });
    }
    if (off === state.received) {
      state.buffer.set(data, off);
      state.received += data.length;
    }
    return { off: state.received };
  };
  return { state, send };
};

test('bytes arrive whole and progress counts up to the total', async (t) => {
  const { state, send } = stagingBuffer();
  const seen: number[] = [];
  await sendStaged(send, content, sha256(content), (done) => seen.push(done));
  t.deepEqual(state.buffer, content);
  t.deepEqual(seen, [CHUNK_BYTES, CHUNK_BYTES * 2, CHUNK_BYTES * 3, content.length]);
});

test('an upload that broke off goes on where it stopped', async (t) => {
  const { state, send } = stagingBuffer();
  const breaks: StageChunk = async (chunk) => {
    if (state.requests === 2) throw new RefusedError('stage', { rc: 10 });
    return send(chunk);
  };
  await t.throwsAsync(sendStaged(breaks, content, sha256(content)), { instanceOf: RefusedError });
  state.requests = 0;
  await sendStaged(send, content, sha256(content));
  t.deepEqual(state.buffer, content);
  t.is(state.requests, 3);
});

test('an answer that names no place ends it: nothing is taken for sent', async (t) => {
  for (const off of [Number.NaN, 0.5, -1])
    await t.throwsAsync(
      sendStaged(async () => ({ off }), content, sha256(content)),
      {
        instanceOf: BadReplyError,
      },
    );
});

test('the same bytes a second time cost one message', async (t) => {
  const { state, send } = stagingBuffer();
  await sendStaged(send, content, sha256(content));
  state.requests = 0;
  await sendStaged(send, content, sha256(content));
  t.is(state.requests, 1);
});

test('other bytes start anew', async (t) => {
  const { state, send } = stagingBuffer();
  await sendStaged(send, content, sha256(content));
  const other = randomBytes(100);
  await sendStaged(send, other, sha256(other));
  t.deepEqual(state.buffer, other);
});

test('after a timeout it asks where to go on and sends shorter chunks', async (t) => {
  const { state, send } = stagingBuffer();
  let calls = 0;
  const flaky: StageChunk = async (chunk) => {
    calls += 1;
    if (calls === 2) throw new LinkTimeoutError('x', 'stage', 1);
    if (calls > 2) t.true(chunk.data.length <= 1024);
    return send(chunk);
  };
  await sendStaged(flaky, content, sha256(content));
  t.deepEqual(state.buffer, content);
});

test('a board that makes no progress is given up on', async (t) => {
  const stuck: StageChunk = async () => ({ off: 0 });
  await t.throwsAsync(sendStaged(stuck, content, sha256(content)), { instanceOf: LinkTimeoutError });
  const silent: StageChunk = async () => {
    throw new LinkTimeoutError('x', 'stage', 1);
  };
  await t.throwsAsync(sendStaged(silent, content, sha256(content)), { instanceOf: LinkTimeoutError });
});

test('every chunk says whose bytes it brings', async (t) => {
  const { send } = stagingBuffer();
  const said: unknown[] = [];
  const listening: StageChunk = (chunk) => {
    said.push(chunk.sha);
    return send(chunk);
  };
  await sendStaged(listening, content, sha256(content));
  t.deepEqual(said, Array(4).fill(sha256(content)));
});

test('an upload that another one took the place of is not forced upon it', async (t) => {
  const { state, send } = stagingBuffer();
  const taken: StageChunk = async (chunk) => {
    if (state.requests === 2) throw new RefusedError('stage', { rc: statusNamed('upload_taken').code });
    return send(chunk);
  };
  const error = await t.throwsAsync(sendStaged(taken, content, sha256(content)), {
    instanceOf: RefusedError,
  });
  t.is(error?.status, 'upload_taken');
  t.is(state.requests, 2);
});
