/** What is stopped on the way to a board lets it take the next command. */
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { FastbootDevice, serveFastbootUdp, UBootBoard } from '../../rig/emulated/index.ts';
import { makeCleanup } from '../cleanup.ts';
import { onSocket, runningOn, velocityOn } from '../test/command-line.ts';
import { flashFiles } from '../test/flash-files.ts';

const { manifest, image } = flashFiles();

/** As a signal does: what was registered runs, and the process ends. */
const stopped = async (isUnderWay: () => boolean, ...argv: string[]) => {
  const cleanup = makeCleanup();
  const { ended } = runningOn({ cleanup }, 'flash', '--image', manifest, ...argv);
  while (!isUnderWay()) await sleep(1);
  cleanup.abort();
  await cleanup.run();
  return ended;
};

test('u_boot_is_at_its_prompt_when_the_transfer_was_stopped', async (t) => {
  const board = new UBootBoard({ delayMs: 10 });
  const port = await onSocket(board);
  const ended = stopped(() => board.messages > 10, '--u-boot', '--port', port);
  t.is((await ended).exit, 130);
  while (board.isReceiving) await sleep(10); // what was sent has to arrive
  t.false(board.started);
});

test('a_board_in_fastboot_mode_takes_the_next_try_when_the_download_was_stopped', async (t) => {
  const device = new FastbootDevice({ maxDownloadBytes: 1 << 20 });
  const server = await serveFastbootUdp(device);
  const onDevice = ['--fastboot', `udp:127.0.0.1:${server.port}`];
  t.is((await stopped(() => server.packets() > 20, ...onDevice)).exit, 130);
  t.is(device.started, undefined);
  t.is((await velocityOn({}, 'flash', '--image', manifest, ...onDevice)).exit, 0);
  t.true(device.started?.equals(image));
  await server.close();
});
