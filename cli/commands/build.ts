import type { Command } from 'commander';
import { boardNamed } from '../../boards/index.ts';
import { buildFor } from '../virtual.ts';

/** `velocity build`: the kernel Image, its manifest, and the board's device tree. */
export const registerBuild = (program: Command): void => {
  program
    .command('build')
    .description('build the kernel image, its manifest and the device tree of a board')
    .addHelpText('after', '\nExample:\n  velocity build --board rpi4b')
    .action(async (_options: object, command: Command) => {
      const { board, json } = command.optsWithGlobals() as { board?: string; json?: boolean };
      const { manifest, dtb } = await buildFor(boardNamed(board ?? 'qemu-virt'), () => {});
      process.stdout.write(
        json
          ? `${JSON.stringify({ event: 'build', ...manifest, ...(dtb ? { dtb } : {}) })}\n`
          : `build/kernel/Image  ${manifest.image.bytes} bytes  build ${manifest.build}\n`,
      );
    });
};
