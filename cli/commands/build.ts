import type { Command } from 'commander';
import { boardNamed } from '../../boards/index.ts';
import { boardOptionsOf } from '../connect.ts';
import type { Context } from '../context.ts';
import { trustOf } from '../trust.ts';
import { buildFor } from '../virtual.ts';

/** `velocity build`: the kernel Image, its manifest, and the board's device tree. */
export const registerBuild = (program: Command, { output }: Context): void => {
  program
    .command('build')
    .description('build the kernel image, its manifest and the device tree of a board')
    .addHelpText('after', '\nExample:\n  velocity build --board rpi4b --key field')
    .action(async (_options: object, command: Command) => {
      const options = boardOptionsOf(command);
      const { manifest, dtb } = await buildFor(
        boardNamed(options.board ?? 'qemu-virt'),
        (text) => output.progress(text),
        trustOf(options),
      );
      output.fact(
        { event: 'build', ...manifest, ...(dtb ? { dtb } : {}) },
        `build/kernel/Image  ${manifest.image.bytes} bytes  build ${manifest.build}  key ${manifest.key_id}`,
      );
    });
};
