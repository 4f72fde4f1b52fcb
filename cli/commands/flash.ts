import type { Command } from 'commander';
import { type Board, boardNamed } from '../../boards/index.ts';
import { paths } from '../../firmware/index.ts';
import { type FlashStep, flashVirtual, readImage } from '../../flasher/index.ts';
import { withLink } from '../connect.ts';
import type { Context } from '../context.ts';
import { buildFor, virtualStorage } from '../virtual.ts';

/** The board cannot be flashed by this release: says what can be done instead. */
export class FlashPathError extends Error {
  readonly code = 'no_flash_path';
  readonly hint = 'only virtual boards can: velocity flash --board qemu-virt';
  constructor(board: Board) {
    super(`${board.name} cannot be flashed by this release`);
    this.name = 'FlashPathError';
  }
}

const describe = ({ step, done, total }: FlashStep) => `${step} ${done}/${total} bytes`;

const write = async ({ output }: Context, board: Board) => {
  await buildFor(board, (text) => output.progress(text));
  flashVirtual(board, virtualStorage(board), readImage(paths.manifest), (step) =>
    output.fact({ event: 'flash', ...step }, describe(step)),
  );
};

/** `velocity flash`: builds, writes, verifies, then follows the boot until the board says what it runs. */
export const registerFlash = (program: Command, context: Context): void => {
  program
    .command('flash')
    .description('build the image, write it to a board, verify it and follow the boot')
    .addHelpText('after', '\nExample:\n  velocity flash --board qemu-virt')
    .action(async (_options: object, command: Command) => {
      const { board: name = 'qemu-virt' } = command.optsWithGlobals<{ board?: string }>();
      const board = boardNamed(name);
      if (!board.qemu) throw new FlashPathError(board);
      await write(context, board);
      const { build } = await withLink(context, { board: name }, (link) => link.info());
      context.output.fact({ event: 'flashed', board: name, build }, `${name} runs velocity ${build}`);
    });
};
