/** `velocity monitor` with its files and ports, against a board in the same process. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import {
  boardOnSocket,
  jsonLines,
  running,
  temporaryFolder,
  velocity,
  velocityOn,
} from '../../cli/test/command-line.ts';
import type { Handlers } from '../../link/test/fake-board.ts';
import { growing, watched } from '../../link/test/watched.ts';
import { module, telemetryAt } from '../../monitor/test/samples.ts';

const handlers = (): Handlers => watched({ telemetry: growing(telemetryAt, 0, 1000), module });

const briefly = ['--count', '2', '--interval', '10'];

test('what was recorded is replayed as it was seen', async (t) => {
  const path = join(temporaryFolder(), 'run.jsonl');
  const board = await boardOnSocket(handlers());
  await board.line.write(Buffer.from('hello\n'));
  const live = await velocity('monitor', '--port', board.port, ...briefly, '--record', path, '--json');
  t.is(live.exit, 0, live.stderr);
  const again = await velocity('monitor', '--replay', path, '--speed', '0', '--json');
  t.is(again.exit, 0, again.stderr);
  t.deepEqual(jsonLines(again), jsonLines(live));
  t.like(jsonLines(again).at(-1), { event: 'telemetry', module: 'fir', calls: 2000, interval_calls: 1000 });
});

test('several boards are watched by each view, and told apart', async (t) => {
  const folder = temporaryFolder();
  const [run, log, store] = ['run.jsonl', 'console.log', 'history.db'].map((name) => join(folder, name));
  const two = [await boardOnSocket(handlers()), await boardOnSocket(handlers())] as const;
  const ports = two.map(({ port }) => port) as [string, string];
  for (const [i, { line }] of two.entries()) await line.write(Buffer.from(`I am ${i}\n`));
  const boards = ['--port', ports[0], '--also', ports[1]];
  const kept = ['--record', run!, '--log', log!, '--store', store!];
  const live = await velocity('monitor', ...boards, ...briefly, ...kept, '--json');
  t.is(live.exit, 0, live.stderr);
  const of = (port: string) => jsonLines(live).filter((line) => line.port === port);
  for (const port of ports) {
    t.is(of(port).filter(({ event }) => event === 'telemetry').length, 2, port);
    t.regex(readFileSync(log!, 'utf8'), new RegExp(`^\\S+Z ${port}: I am \\d$`, 'm'));
  }
  t.deepEqual(
    jsonLines(await velocity('monitor', '--replay', run!, '--speed', '0', '--json')),
    jsonLines(live),
  );
  const plain = await velocity('monitor', '--replay', run!, '--speed', '0');
  t.regex(plain.stdout, new RegExp(`^${ports[1]}: fir v2 `, 'm'));
  const runs = jsonLines(await velocity('history', 'list', '--store', store!, '--json'));
  t.deepEqual(
    runs
      .filter(({ event }) => event === 'run')
      .map(({ port }) => port)
      .sort(),
    [...ports].sort(),
  );
});

test('a board that never comes does not keep the others from being watched', async (t) => {
  const board = await boardOnSocket(handlers());
  const missing = `unix:${join(temporaryFolder(), 'none')}`;
  const program = running('monitor', '--port', missing, '--also', board.port, '--interval', '10');
  await program.until(/^unix:\S+console: fir v2 /m);
  await program.until(/^unix:\S+none: disconnected: .*there is no such socket/m);
  await program.stop();
  const twice = await velocity('monitor', '--port', 'x', '--also', 'x');
  t.is(twice.exit, 2);
  t.regex(twice.stderr, /x is named twice/);
});

test('boards that nobody named are looked for at the ports of the machine', async (t) => {
  const two = [await boardOnSocket(handlers()), await boardOnSocket(handlers())] as const;
  const ports = two.map(({ port }) => port);
  const found = await velocityOn({ ports }, 'monitor', ...briefly, '--json');
  t.is(found.exit, 0, found.stderr);
  t.is(found.stderr, `found ${ports.join(', ')}\n`);
  const seen = jsonLines(found).filter(({ event }) => event === 'telemetry');
  t.deepEqual([...new Set(seen.map(({ port }) => port))].sort(), [...ports].sort());
  const none = await velocity('monitor');
  t.is(none.exit, 2);
  t.regex(none.stderr, /no board is named, and no serial port was found\n {2}hint: plug it in/);
});

test('control characters of a board do nothing where lines are printed', async (t) => {
  const board = await boardOnSocket(handlers());
  await board.line.write(Buffer.from('\x1b[2Jgone\x07\n'));
  const { stdout } = await velocity('monitor', '--port', board.port, ...briefly);
  t.regex(stdout, /^�\[2Jgone�$/m);
});

test('the console log has the time of each line', async (t) => {
  const path = join(temporaryFolder(), 'console.log');
  const board = await boardOnSocket(handlers());
  await board.line.write(Buffer.from('hello\nworld\n'));
  await velocity('monitor', '--port', board.port, ...briefly, '--log', path);
  t.regex(readFileSync(path, 'utf8'), /^\d{4}-\d\d-\d\dT[\d:.]+Z hello\n\d{4}-\S+Z world\n$/);
});

test('addresses of what is served are told', async (t) => {
  const board = await boardOnSocket(handlers());
  const serving = ['--web', '127.0.0.1:0', '--metrics', ':0'];
  const { stdout } = await velocity('monitor', '--port', board.port, ...briefly, ...serving);
  t.regex(stdout, /^metrics: http:\/\/127\.0\.0\.1:\d+\/metrics\nweb page: http:\/\/127\.0\.0\.1:\d+\n/);
});

for (const [what, exit, argv, message] of [
  ['an address that is none', 2, ['--web', 'http://x'], /expected HOST:PORT/],
  ['no recording', 10, ['--replay', '/none.jsonl'], /no such file/],
  ['a file that is no recording', 10, ['--replay', 'package.json'], /package\.json:1: is no entry/],
  [
    'a log that cannot be written',
    10,
    ['--log', '/none/console.log', '--port', 'x'],
    /can be written|ENOENT/,
  ],
] as const) {
  test(`exit code ${exit}: ${what}`, async (t) => {
    const result = await velocity('monitor', ...argv);
    t.is(result.exit, exit);
    t.regex(result.stderr, message);
  });
}
