import { request } from 'node:http';
import test from 'ava';
import { ListenError, listenAddress, type Served, serve, textRoute } from './http.ts';
import { entries } from './test/samples.ts';
import { makeHub } from './web/hub.ts';
import { webRoutes } from './web/routes.ts';

test('addresses are read as people write them', (t) => {
  const read = (text: string) => listenAddress(text, 9000);
  t.deepEqual(read(''), { host: '127.0.0.1', port: 9000 });
  t.deepEqual(read('8080'), { host: '127.0.0.1', port: 8080 });
  t.deepEqual(read(':0'), { host: '127.0.0.1', port: 0 });
  t.deepEqual(read('0.0.0.0:80'), { host: '0.0.0.0', port: 80 });
  t.deepEqual(read('board.local'), { host: 'board.local', port: 9000 });
  t.deepEqual(read('[::1]:81'), { host: '::1', port: 81 });
  for (const bad of ['a:b', 'h:70000', '::1', 'http://x', 'a b:1']) t.is(read(bad), undefined, bad);
});

const local = { host: '127.0.0.1', port: 0 };

const get = (url: string, options: { method?: string; headers?: Record<string, string> } = {}) =>
  new Promise<{ status: number; type: string; body: string; policy: string }>((resolve, reject) => {
    const sent = request(url, options, (response) => {
      let body = '';
      response.on('data', (data: Buffer) => {
        body += data;
      });
      response.on('end', () =>
        resolve({
          status: response.statusCode!,
          type: response.headers['content-type']!,
          policy: String(response.headers['content-security-policy']),
          body,
        }),
      );
    });
    sent.on('error', reject).end();
  });

test('only reading is served, and only to names of this machine', async (t) => {
  const server = await serve(local, { '/x': textRoute('text/plain', () => 'here') });
  t.teardown(server.close);
  t.like(await get(`${server.url}/x?a=1`), { status: 200, body: 'here' });
  t.like(await get(`${server.url}/x`, { method: 'HEAD' }), { status: 200, body: '' });
  for (const method of ['POST', 'PUT', 'DELETE'])
    t.is((await get(`${server.url}/x`, { method })).status, 405);
  for (const path of ['/', '/__proto__', '/constructor']) {
    t.is((await get(`${server.url}${path}`)).status, 404, path);
  }
  t.is((await get(`${server.url}/x`, { headers: { Host: 'evil.example:80' } })).status, 403);
  t.is((await get(`${server.url}/x`, { headers: { Host: 'localhost:80' } })).status, 200);
});

test('a port that is taken is said so', async (t) => {
  const server = await serve(local, {});
  t.teardown(server.close);
  const taken = { host: '127.0.0.1', port: Number(new URL(server.url).port) };
  const error = await t.throwsAsync(serve(taken, {}), { instanceOf: ListenError });
  t.regex(error.message, /another program listens there/);
});

/** Answers of the feed, until there are so many. */
const follow = async (server: Served, count: number, begun: () => void) => {
  const response = await fetch(`${server.url}/feed`);
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  let told = false;
  while (text.split('\n\n').length <= count) {
    text += (await reader.read()).value ?? '';
    if (!told) begun();
    told = true;
  }
  await reader.cancel();
  return text
    .trim()
    .split('\n\n')
    .map((block) => {
      const [name, data] = block.split('\n');
      return [name!.slice('event: '.length), JSON.parse(data!.slice('data: '.length))] as const;
    });
};

test('the feed tells what was, then what comes', async (t) => {
  const hub = makeHub();
  const server = await serve(local, webRoutes(hub));
  t.teardown(server.close);
  const sink = hub.board('/dev/ttyUSB0');
  const tell = (list: typeof entries) => {
    for (const entry of list) sink(entry);
  };
  tell(entries.slice(0, 3));
  const told = await follow(server, 3, () => tell(entries.slice(3)));
  t.deepEqual(
    told.map(([name]) => name),
    ['all', 'point', 'down'],
  );
  const [[board], point, down] = told.map(([, data]) => data);
  t.is(point.key, '/dev/ttyUSB0');
  t.like(board, { key: '/dev/ttyUSB0', down: null, lines: [{ line: 'velocity 0.1.0 ready on <b>"\u0001' }] });
  t.like(board.events[0], { kind: 'rolled_back', name: 'fir', version: 3, before: 267, after: 300 });
  t.like(point.item.modules[0], { name: 'fir', perSecond: 1000, mean: 267, p99: 511, rollbacks: 1 });
  t.is(down.item, 'unplugged');
});

test('every file of the page is there, and none of them reaches for another host', async (t) => {
  const server = await serve(local, webRoutes(makeHub()));
  t.teardown(server.close);
  const page = await get(`${server.url}/`);
  t.regex(page.policy, /default-src 'self'/);
  const seen = new Set<string>();
  const visit = async (path: string) => {
    if (seen.has(path)) return;
    seen.add(path);
    const { status, body, type } = await get(`${server.url}/${path}`);
    t.is(status, 200, path);
    const urls = [...body.matchAll(/https?:\/\/[^'"\s]+/g)].map(([url]) => url);
    t.deepEqual(
      urls.filter((url) => !url.startsWith('http://www.w3.org/')),
      [],
      path,
    );
    const pattern = type.startsWith('text/html') ? /(?:src|href)="([\w.]+)"/g : /from '\.\/([\w.]+)'/g;
    for (const [, next] of body.matchAll(pattern)) await visit(next!);
  };
  await visit('');
  t.is(seen.size, 12);
});
