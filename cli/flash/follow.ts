/** The end of every flash: the board says what it runs, and that is what it was sent. */
import type { FlashImage } from '../../flasher/index.ts';
import { RefusedError } from '../../flasher/index.ts';
import { openLink } from '../connect.ts';
import type { Context } from '../context.ts';
import type { FlashOptions } from './options.ts';

/** Without a port there is nobody to ask: says so, and what to do. */
export const unconfirmed = ({ output }: Context, board: string, image: FlashImage | undefined): void =>
  output.fact(
    { event: 'flashed', board, build: image?.build, confirmed: false },
    `${board} is written; add --port /dev/ttyUSB0 to see it start`,
  );

export const confirmed = ({ output }: Context, board: string, build: string): void =>
  output.fact({ event: 'flashed', board, build, confirmed: true }, `${board} runs velocity ${build}`);

/** @throws RefusedError when the board runs something else than was written */
export const checkBuild = (port: string, build: string, image: FlashImage | undefined): void => {
  if (!image || build === image.build) return;
  throw new RefusedError(port, `runs build ${build}, and ${image.build} was written`, {
    hint: 'it started from something else: take other cards and disks out, and restart it',
  });
};

export const follow = async (
  context: Context,
  board: string,
  image: FlashImage | undefined,
  { port, baud }: FlashOptions,
): Promise<void> => {
  const { output } = context;
  if (!port) return unconfirmed(context, board, image);
  output.progress(`waiting for ${board} on ${port}`);
  const link = await openLink(context, port, {
    virtual: true, // a board that starts takes as long as an emulated one
    ...(baud ? { baud } : {}),
    onConsole: (line) => output.note(line),
  });
  try {
    const { build } = await link.info();
    checkBuild(port, build, image);
    confirmed(context, board, build);
  } finally {
    await link.close();
  }
};
