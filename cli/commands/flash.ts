import type { Command } from 'commander';
import { type Board, boardNamed } from '../../boards/index.ts';
import { paths } from '../../firmware/index.ts';
import { flashVirtual, readImage } from '../../flasher/index.ts';
import { VelocityLink } from '../../link/index.ts';
import { buildFor, startBoard, virtualStorage } from '../virtual.ts';

const BOOT_TIMEOUT_MS = 30_000;

/** The board cannot be flashed by this release: says what can be done instead. */
export class FlashPathError extends Error {
  readonly code = 'no_flash_path';
  constructor(board: Board) {
    super(
      `${board.name} cannot be flashed by this release; only virtual boards can (velocity flash --board qemu-virt)`,
    );
    this.name = 'FlashPathError';
  }
}

type Report = (event: object, text: string) => void;

const write = async (board: Board, report: Report) => {
  await buildFor(board, (line) => process.stderr.write(`${line}\n`));
  flashVirtual(board, virtualStorage(board), readImage(paths.manifest), ({ step, done, total }) =>
    report({ event: 'flash', step, done, total }, `${step} ${done}/${total} bytes`),
  );
};

/** Boots the board and returns the build id that it says it runs. */
const bootedBuild = async (board: Board): Promise<string> => {
  const running = await startBoard(board.name);
  try {
    const link = await VelocityLink.open(running.address, { readyTimeoutMs: BOOT_TIMEOUT_MS });
    const { build } = await link.info();
    await link.close();
    return build;
  } finally {
    await running.stop();
  }
};

/** `velocity flash`: builds, writes, verifies, then follows the boot until the board says what it runs. */
export const registerFlash = (program: Command): void => {
  program
    .command('flash')
    .description('build the image, write it to a board, verify it and follow the boot')
    .addHelpText('after', '\nExample:\n  velocity flash --board qemu-virt')
    .action(async (_options: object, command: Command) => {
      const { board: name, json } = command.optsWithGlobals() as { board?: string; json?: boolean };
      const board = boardNamed(name ?? 'qemu-virt');
      if (!board.qemu) throw new FlashPathError(board);
      const report: Report = (event, text) =>
        process.stdout.write(json ? `${JSON.stringify(event)}\n` : `${text}\n`);
      await write(board, report);
      const build = await bootedBuild(board);
      report({ event: 'flashed', board: board.name, build }, `${board.name} runs velocity ${build}`);
    });
};
