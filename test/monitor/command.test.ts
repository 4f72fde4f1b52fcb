/** `velocity monitor` with its files and ports, against a board in the same process. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { boardOnSocket, jsonLines, temporaryFolder, velocity } from '../../cli/test/command-line.ts';
import { type Handlers, Refusal } from '../../link/test/fake-board.ts';
import { module, telemetryAt } from '../../monitor/test/samples.ts';

const first = <T>(value: T) => {
  return ({ i }: { i: number }): T => {
    if (i > 0) throw new Refusal('no_entry');
    return value;
  };
};

const handlers = (): Handlers => {
  let calls = 0;
  return {
    module: first(module),
    telemetry: ({ i }) => {
      if (i > 0) throw new Refusal('no_entry');
      calls += 1000;
      return { ...telemetryAt(calls), histogram: Buffer.alloc(128) };
    },
    event: () => {
      throw new Refusal('no_entry');
    },
  };
};

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
