import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import test from 'ava';
import type { LoopEvent } from './event.ts';
import { LoopTrace, sendTrace } from './otlp.ts';

type Spans = {
  name: string;
  spanId: string;
  parentSpanId?: string;
  traceId: string;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  attributes: { key: string; value: object }[];
  status: object;
}[];

const events: readonly LoopEvent[] = [
  { event: 'detect', module: 'fir', version: 1, rule: 'over-budget', reason: 'slow' } as never,
  {
    event: 'proposal',
    module: 'fir',
    proposer: 'rules',
    note: '',
    candidate: 'ab',
    slots: 9,
    verdict: 'accepted',
    layer: 'proof',
    code: 'proven',
    reason: 'equal',
    proof: { verdict: 'proven', hash: 'cd', queries: 3, ms: 7 },
  },
  {
    event: 'swap',
    module: 'fir',
    version: 2,
    proposer: 'rules',
    canary: true,
    insns: 9,
    bound: 2n ** 60n,
    jit_bytes: 40,
  },
  {
    event: 'rollback',
    module: 'fir',
    version: 2,
    reason: 'canary_slower',
    sentence: 'it was slower',
    cycles_before: 10n,
    cycles_after: 12n,
  },
];

const traced = () => {
  let now = 1_700_000_000_000;
  const trace = new LoopTrace(() => now);
  for (const event of events) {
    now += 100;
    trace.take(event);
  }
  return trace.request('0.1.0') as { resourceSpans: { scopeSpans: { spans: Spans }[] }[] };
};

test('a_turn_is_one_trace_with_a_span_for_each_step', (t) => {
  const { spans } = traced().resourceSpans[0]!.scopeSpans[0]!;
  t.deepEqual(
    spans.map(({ name }) => name),
    ['improve', 'judge fir', 'push fir', 'canary fir'],
  );
  const [root, ...steps] = spans;
  t.is(root!.parentSpanId, undefined);
  for (const span of spans) {
    t.regex(span.traceId, /^[0-9a-f]{32}$/);
    t.regex(span.spanId, /^[0-9a-f]{16}$/);
    t.is(span.traceId, root!.traceId);
    t.true(BigInt(span.startTimeUnixNano) >= BigInt(root!.startTimeUnixNano));
    t.true(BigInt(span.endTimeUnixNano) <= BigInt(root!.endTimeUnixNano));
  }
  t.true(steps.every(({ parentSpanId }) => parentSpanId === root!.spanId));
  t.is(steps[0]!.startTimeUnixNano, '1700000000100000000');
  t.is(steps[0]!.endTimeUnixNano, '1700000000200000000');
  t.deepEqual(steps[0]!.attributes.find(({ key }) => key === 'velocity.proof.hash')?.value, {
    stringValue: 'cd',
  });
  t.deepEqual(steps[1]!.attributes.find(({ key }) => key === 'velocity.bound')?.value, {
    intValue: String(2n ** 60n),
  });
  t.deepEqual(steps[2]!.status, { code: 2, message: 'it was slower' });
});

test('it_is_posted_as_otlp_json_and_a_refusal_is_told', async (t) => {
  const seen: { path: string; type: string; body: string }[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (data) => {
      body += data;
    });
    request.on('end', () => {
      seen.push({ path: request.url!, type: String(request.headers['content-type']), body });
      response.writeHead(request.url === '/full' ? 429 : 200).end('{}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const request = traced();
  await sendTrace(new URL(base), request);
  t.like(seen[0], { path: '/v1/traces', type: 'application/json' });
  t.deepEqual(JSON.parse(seen[0]!.body), request);
  await t.throwsAsync(sendTrace(new URL(`${base}/full`), request), { message: /answered 429/ });
  server.close();
  server.closeAllConnections();
});
