/** The end of writing a card or disk: a person takes it to the board and switches that on, and it says what it runs. */

import { setTimeout as sleep } from 'node:timers/promises';
import { READY } from '../../abi/index.ts';
import { type FlashImage, TimeoutError } from '../../flasher/index.ts';
import {
  type BoardInfo,
  LinkTimeoutError,
  openTransport,
  SmpClient,
  VelocityLink,
} from '../../link/index.ts';
import type { Context } from '../context.ts';
import { checkBuild, confirmed, unconfirmed } from './follow.ts';
import type { FlashOptions } from './options.ts';

export type RestartLimits = {
  /** From the last byte that was verified to the board's start. */
  readonly wholeMs: number;
  /** A line on which nothing was said for so long has no boot loader on it that counts down: it may be asked. */
  readonly silentMs: number;
};

export const restartLimits: RestartLimits = { wholeMs: 600_000, silentMs: 10_000 };

const LOOK_MS = 200;

const causes = [
  'the board was not switched on, or starts from something else',
  'the serial line is on other pins, or RXD and TXD are not crossed',
  'it stopped on the way: `velocity doctor --board NAME` says what is seen at each stage',
];

/** Only listens. */
const listen = (client: SmpClient, note: (line: string) => void) => {
  let heard = performance.now();
  const ear = {
    isUp: false,
    lost: undefined as Error | undefined,
    silentMs: () => performance.now() - heard,
  };
  client.onClose((cause) => {
    ear.lost = cause ?? new Error('the line was closed');
  });
  client.onConsole((line) => {
    heard = performance.now();
    if (READY.test(line)) ear.isUp = true;
    note(line);
  });
  return ear;
};

/** What runs there already; undefined when nothing answers. */
const present = (link: VelocityLink): Promise<BoardInfo | undefined> =>
  link.handshake(0, true).catch((error) => {
    if (error instanceof LinkTimeoutError) return undefined;
    throw error;
  });

const nextStart = async (
  { output, cleanup }: Context,
  client: SmpClient,
  wanted: string | undefined,
  limits: RestartLimits,
): Promise<BoardInfo> => {
  const link = new VelocityLink(client);
  const ear = listen(client, (line) => output.note(line));
  const deadline = performance.now() + limits.wholeMs;
  for (
    let asked = false;
    performance.now() < deadline;
    await sleep(LOOK_MS, undefined, { signal: cleanup.signal })
  ) {
    if (ear.lost) throw ear.lost;
    if (ear.isUp) return link.handshake(0, true);
    if (asked || ear.silentMs() < limits.silentMs) continue;
    asked = true;
    const info = await present(link);
    if (info && info.build === wanted) return info;
    if (info)
      output.note(`it still runs build ${info.build}: switch it off, put the medium in, switch it on`);
  }
  throw new TimeoutError(client.describe(), "the board's start", limits.wholeMs, causes);
};

/** @throws TimeoutError, RefusedError when it runs something else; LinkError */
export const followRestart = async (
  context: Context,
  board: string,
  image: FlashImage | undefined,
  { port, baud }: FlashOptions,
  limits: RestartLimits = restartLimits,
): Promise<void> => {
  if (!port) return unconfirmed(context, board, image);
  const client = new SmpClient(await openTransport(port, baud ? { baudRate: baud } : {}));
  const forget = context.cleanup.add(() => client.close());
  try {
    context.output.note('written and verified: put it into the board, and switch the board off and on');
    context.output.progress(`waiting for the start of ${board} on ${port}`);
    const { build } = await nextStart(context, client, image?.build, limits);
    checkBuild(port, build, image);
    confirmed(context, board, build);
  } finally {
    await client.close();
    void forget();
  }
};
