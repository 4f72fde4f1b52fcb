/** Virtual boards: their storage is a folder, and the emulator is the boot. */
import type { Board } from '../../boards/index.ts';
import { paths } from '../../firmware/index.ts';
import { chosenKey } from '../../firmware/sign.ts';
import { type FlashStep, flashVirtual, readImage, verifyVirtual } from '../../flasher/index.ts';
import { withLink } from '../connect.ts';
import type { Context } from '../context.ts';
import { trustOf } from '../trust.ts';
import { buildFor, virtualStorage } from '../virtual.ts';
import type { FlashOptions } from './options.ts';

const describe = ({ step, done, total }: FlashStep) => `${step} ${done}/${total} bytes`;

export const flashVirtualBoard = async (
  context: Context,
  board: Board,
  options: FlashOptions,
): Promise<void> => {
  const { output } = context;
  const emulated = `the emulated ${board.name}`;
  if (board.bootPath !== 'virtual')
    output.note(
      `no ${board.name} is plugged in: this is ${emulated}; a real one is named by --to DISK or --port`,
    );
  await buildFor(board, (text) => output.progress(text), trustOf(options));
  const image = readImage(options.image ?? paths.manifest, chosenKey(options.key).publicKey);
  const storage = virtualStorage(board);
  if (options.dryRun) {
    const line = `would write ${image.bytes.length} bytes to ${storage.folder}`;
    return output.fact({ event: 'plan', method: 'virtual', to: storage.folder, board: board.name }, line);
  }
  if (options.verifyOnly) {
    verifyVirtual(board, storage, image);
    return output.fact({ event: 'verified', to: storage.folder }, `${emulated} holds the image`);
  }
  flashVirtual(board, storage, image, (step) => output.fact({ event: 'flash', ...step }, describe(step)));
  const { build } = await withLink(context, { ...options, board: board.name }, (link) => link.info());
  output.fact({ event: 'flashed', board: board.name, build }, `${emulated} runs velocity ${build}`);
};
