/** After a card was written: the board that is switched on with it, the one that still runs, and none. */
import test from 'ava';
import { boardInfo } from '../../link/test/fake-board.ts';
import { makeCleanup } from '../cleanup.ts';
import { Output } from '../output.ts';
import { boardOnSocket } from '../test/command-line.ts';
import { flashFiles } from '../test/flash-files.ts';
import { followRestart } from './restart.ts';

const { build: BUILD } = flashFiles();
const image = { build: BUILD } as Parameters<typeof followRestart>[2];
const OLD = 'cd'.repeat(20);
const banner = (build: string) => Buffer.from(`velocity 0.1.0 ${build} ready on Raspberry Pi 4 Model B\r\n`);
/** Silence is asked at once; a start may take a loaded machine a while. */
const limits = { silentMs: 0, wholeMs: 60_000 };

const bench = async (build: string) => {
  const said = { out: '', err: '' };
  const stream = (name: keyof typeof said) => ({
    write: (text: string) => {
      said[name] += text;
    },
  });
  const output = new Output(false, stream('out'), stream('err'));
  const now = { build };
  const board = await boardOnSocket({ info: () => ({ ...boardInfo, build: now.build }) });
  return { context: { output, cleanup: makeCleanup() }, said, now, board, options: { port: board.port } };
};

const until = async (holds: () => boolean) => {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 10));
};

test('the kernel that still runs is no failure: its next start is waited for', async (t) => {
  const { context, said, now, board, options } = await bench(OLD);
  const following = followRestart(context, 'rpi4b', image, options, limits);
  await until(() => said.err.includes('still runs'));
  t.regex(said.err, new RegExp(`still runs build ${OLD}: switch it off, put the medium in`));
  now.build = BUILD;
  await board.line.write(banner(BUILD));
  await following;
  t.regex(said.out, new RegExp(`rpi4b runs velocity ${BUILD}`));
});

test('nothing is sent while the board starts, until it says that it is ready', async (t) => {
  const { context, said, board, options } = await bench(BUILD);
  const following = followRestart(context, 'rpi4b', image, options, { ...limits, silentMs: 60_000 });
  await until(() => said.err.includes('switch the board off and on'));
  t.is(board.requests.length, 0);
  await board.line.write(banner(BUILD));
  await following;
  t.true(board.requests.length > 0);
});

test('a board that starts something else is told apart', async (t) => {
  const { context, said, board, options } = await bench(OLD);
  const following = followRestart(context, 'rpi4b', image, options, { ...limits, silentMs: 60_000 });
  await until(() => said.err.includes('switch the board off and on'));
  await board.line.write(banner(OLD));
  const error = await t.throwsAsync(following, { message: /runs build cdcd.* was written/ });
  t.is((error as { code?: string }).code, 'refused');
});

test('a board that never starts ends with what may be wrong', async (t) => {
  const { context, options } = await bench(OLD);
  const error = await t.throwsAsync(
    followRestart(context, 'rpi4b', image, options, { silentMs: 60_000, wholeMs: 300 }),
  );
  t.is((error as { code?: string }).code, 'timeout');
  t.regex((error as { hint?: string }).hint ?? '', /not switched on.*doctor/s);
});
