/** The end of every flash: the board says what it runs, and that is what it was sent. */
import type { FlashImage } from '../../flasher/index.ts';
import { RefusedError } from '../../flasher/index.ts';
import { openLink } from '../connect.ts';
import type { Context } from '../context.ts';
import type { FlashOptions } from './options.ts';

/** Without a port there is nobody to ask: says so, and what to do. */
export const follow = async (
  context: Context,
  board: string,
  image: FlashImage | undefined,
  { port, baud }: FlashOptions,
): Promise<void> => {
  const { output } = context;
  if (!port) {
    const hint = 'add --port /dev/ttyUSB0 to see it start';
    return output.fact(
      { event: 'flashed', board, build: image?.build, confirmed: false },
      `${board} is written; ${hint}`,
    );
  }
  output.progress(`waiting for ${board} on ${port}`);
  const link = await openLink(context, port, {
    virtual: true, // a board that starts takes as long as an emulated one
    ...(baud ? { baud } : {}),
    onConsole: (line) => output.note(line),
  });
  try {
    const { build } = await link.info();
    if (image && build !== image.build) {
      throw new RefusedError(port, `runs build ${build}, and ${image.build} was written`, {
        hint: 'it started from something else: take other cards and disks out, and restart it',
      });
    }
    output.fact({ event: 'flashed', board, build, confirmed: true }, `${board} runs velocity ${build}`);
  } finally {
    await link.close();
  }
};
