/** `velocity flash --to DISK`: an SD card, a USB or NVMe disk, or a file. */
import { statSync } from 'node:fs';
import { type Board, boardNamed } from '../../boards/index.ts';
import { checkUnchanged, type DiskTarget, diskTarget, verifyDisk, writeDisk } from '../../flasher/index.ts';
import type { Context } from '../context.ts';
import { UsageError } from '../failure.ts';
import { confirm } from './ask.ts';
import { type DiskImage, diskImage } from './image.ts';
import type { FlashOptions } from './options.ts';
import { transfer } from './progress.ts';
import { followRestart } from './restart.ts';

const plan = ({ output }: Context, target: DiskTarget, { blocks }: DiskImage) =>
  output.fact(
    { event: 'plan', method: 'disk', to: target.path, bytes: blocks.bytes, erases: target.erases },
    `would write ${blocks.bytes} bytes to ${target.describe}`,
  );

const work = async (context: Context, target: DiskTarget, made: DiskImage, options: FlashOptions) => {
  const run = {
    signal: context.cleanup.signal,
    onEvent: ({ event, done, total }: { event: 'write' | 'verify'; done: number; total: number }) =>
      transfer(context.output, event, target.path, done, total),
  };
  if (options.verifyOnly) return verifyDisk(target, made.blocks, run);
  if (target.erases) {
    await confirm(context, target.path, `Erase ${target.describe}?`, options.yes);
    checkUnchanged(target, made.blocks.bytes);
  }
  await writeDisk(target, made.blocks, run);
};

/** Written to, it would be emptied before it is read. */
const isSame = (image: string, to: string): boolean => {
  const [one, other] = [image, to].map((path) => statSync(path, { throwIfNoEntry: false }));
  return one !== undefined && one.ino === other?.ino && one.dev === other.dev;
};

export const flashDisk = async (context: Context, to: string, options: FlashOptions): Promise<void> => {
  const board: Board | undefined = options.board ? boardNamed(options.board) : undefined;
  if (options.image && isSame(options.image, to))
    throw new UsageError(`${to} is the image itself`, 'name another file or disk');
  diskTarget(to, 0); // a wrong disk is told before anything is built
  const made = await diskImage(context, board, options);
  try {
    const target = diskTarget(to, made.blocks.bytes);
    if (options.dryRun) return plan(context, target, made);
    await work(context, target, made, options);
    if (options.verifyOnly) {
      return context.output.fact({ event: 'verified', to: target.path }, `${target.path} holds the image`);
    }
    await followRestart(context, board?.name ?? target.path, made.image, options);
  } finally {
    made.blocks.close();
  }
};
