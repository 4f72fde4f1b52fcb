import { once } from 'node:events';
import { request } from 'node:http';
import { Server } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { WebSocket } from 'ws';
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

test('pages of other sites lead here, and make no use of it', async (t) => {
  const server = await serve(local, { '/x': textRoute('text/plain', () => 'here') });
  t.teardown(server.close);
  const asked = async (site: string, dest: string) => {
    const headers = { 'Sec-Fetch-Site': site, 'Sec-Fetch-Dest': dest };
    return (await get(`${server.url}/x`, { headers })).status;
  };
  for (const dest of ['image', 'empty', 'iframe'])
    for (const site of ['cross-site', 'same-site']) t.is(await asked(site, dest), 403, `${site} ${dest}`);
  t.is(await asked('cross-site', 'document'), 200);
  for (const dest of ['image', 'empty', 'document']) t.is(await asked('same-origin', dest), 200);
  t.is(await asked('none', 'document'), 200);
});

test('a page whose name leads to any address of this machine itself is not answered', async (t) => {
  const server = await serve({ host: '127.0.0.2', port: 0 }, { '/x': textRoute('text/plain', () => 'here') });
  t.teardown(server.close);
  t.is((await get(`${server.url}/x`, { headers: { Host: 'evil.example:80' } })).status, 403);
  t.is((await get(`${server.url}/x`)).status, 200);
});

test('what cannot be answered ends that request, not the server', async (t) => {
  const fail = (): never => {
    throw new Error('the file is gone');
  };
  const server = await serve(local, {
    '/at-once': textRoute('text/plain', fail),
    '/later': async () => fail(),
    '/well': textRoute('text/plain', () => 'here'),
  });
  t.teardown(server.close);
  for (const path of ['/at-once', '/later'])
    t.like(await get(server.url + path), { status: 500, body: 'the file is gone\n' });
  t.is((await get(`${server.url}/well`)).body, 'here');
});

test('errors of single connections end no server', async (t) => {
  const { listen } = Server.prototype;
  let server: Server | undefined;
  Server.prototype.listen = function (this: Server, ...where: Parameters<typeof listen>) {
    server = this;
    return listen.apply(this, where);
  } as typeof listen;
  const served = await serve({ host: '127.0.0.1', port: 0 }, {});
  Server.prototype.listen = listen;
  t.teardown(served.close);
  for (let i = 0; i < 3; i += 1) server!.emit('error', new Error('accept EMFILE'));
  t.is((await fetch(served.url)).status, 404);
});

test('a port that is taken is said so', async (t) => {
  const server = await serve(local, {});
  t.teardown(server.close);
  const taken = { host: '127.0.0.1', port: Number(new URL(server.url).port) };
  const error = await t.throwsAsync(serve(taken, {}), { instanceOf: ListenError });
  t.regex(error.message, /another program listens there/);
});

type Message = readonly [name: string, content: ReturnType<typeof JSON.parse>];

/** A page's end of the feed. */
const openFeed = async (
  server: Served,
  headers: Record<string, string> = {},
  path = '/feed',
  more: { autoPong?: boolean } = {},
) => {
  const url = `${server.url.replace('http', 'ws')}${path}`;
  const socket = new WebSocket(url, { headers, ...more });
  const messages: Message[] = [];
  let look = () => {};
  socket.on('message', (data) => {
    messages.push(JSON.parse(String(data)));
    look();
  });
  const until = (enough: () => boolean) =>
    new Promise<void>((resolve) => {
      look = () => {
        if (enough()) resolve();
      };
      look();
    });
  await once(socket, 'open');
  return { socket, messages, until };
};

const onFeed = async (t: ExecutionContext) => {
  const hub = makeHub();
  const server = await serve(local, webRoutes(), hub.sockets);
  t.teardown(server.close);
  return { hub, server };
};

test('the feed tells what was, then what comes', async (t) => {
  const { hub, server } = await onFeed(t);
  const sink = hub.board('/dev/ttyUSB0');
  for (const entry of entries.slice(0, 3)) sink(entry);
  const { messages, until, socket } = await openFeed(server);
  await until(() => messages.length === 1);
  for (const entry of entries.slice(3)) sink(entry);
  await until(() => messages.length === 3);
  t.deepEqual(
    messages.map(([name]) => name),
    ['all', 'point', 'down'],
  );
  const [[board], point, down] = messages.map(([, content]) => content);
  t.is(point.key, '/dev/ttyUSB0');
  t.like(board, { key: '/dev/ttyUSB0', down: null, lines: [{ line: 'velocity 0.1.0 ready on <b>"\u0001' }] });
  t.like(board.events[0], { kind: 'rolled_back', name: 'fir', version: 3, before: 267, after: 300 });
  t.like(point.item.modules[0], { name: 'fir', perSecond: 1000, mean: 267, p99: 511, rollbacks: 1 });
  t.is(down.item, 'unplugged');
  t.is(hub.pages, 1);
  socket.close();
  await once(socket, 'close');
});

test('a page that reads too slowly is told less, then everything anew, and costs no more memory meanwhile', async (t) => {
  const { hub, server } = await onFeed(t);
  const sink = hub.board('/dev/ttyUSB0');
  const { socket, messages, until } = await openFeed(server);
  await until(() => messages.length === 1);
  socket.pause();
  const line = 'x'.repeat(10_000);
  const told = 5000; // 50 MB, more than any socket's buffers
  for (let i = 0; i < told; i += 1) {
    sink({ kind: 'console', time_ms: i, line: `${i} ${line}` });
    if (i % 100 === 0) await nextTurn();
  }
  socket.resume();
  const lastLine = ([name, content]: Message) =>
    (name === 'all' ? content[0].lines.at(-1).line : content.item.line).split(' ')[0];
  await until(() => messages.length > 1 && lastLine(messages.at(-1)!) === String(told - 1));
  t.true(messages.length < told, `${messages.length} messages`);
  t.true(messages.slice(1).some(([name]) => name === 'all'));
  socket.terminate();
});

test('a page whose machine went away without a word is forgotten', async (t) => {
  const hub = makeHub({ heartbeatMs: 50 });
  const server = await serve(local, webRoutes(), hub.sockets);
  t.teardown(server.close);
  const { socket } = await openFeed(server, {}, '/feed', { autoPong: false });
  await once(socket, 'close');
  while (hub.pages > 0) await nextTurn();
  t.is(hub.pages, 0);
});

test('pages of other sites may not listen, nor at other paths', async (t) => {
  const { server } = await onFeed(t);
  const refused = async (headers: Record<string, string>, path?: string) =>
    (await t.throwsAsync(openFeed(server, headers, path)))?.message ?? '';
  t.regex(await refused({ Origin: 'http://evil.example' }), /403/);
  t.regex(await refused({ Origin: 'null' }), /403/);
  t.regex(await refused({ Host: 'evil.example', Origin: 'http://evil.example' }), /403/);
  t.regex(await refused({}, '/__proto__'), /404/);
  const own = await openFeed(server, { Origin: server.url });
  own.socket.send('y'.repeat(5000)); // nobody has that much to say
  const [code] = await once(own.socket, 'close');
  t.is(code, 1009);
});

test('every file of the page is there, and none of them reaches for another host', async (t) => {
  const server = await serve(local, webRoutes());
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
  t.is(seen.size, 13);
});
