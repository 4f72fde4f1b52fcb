import type { Command } from 'commander';
import { boardNamed } from '../../boards/index.ts';
import { chosenKey } from '../../firmware/sign.ts';
import type { Context } from '../context.ts';
import { buildFor } from '../virtual.ts';

/** `velocity build`: the kernel Image, its manifest, and the board's device tree. */
export const registerBuild = (program: Command, { output }: Context): void => {
  program
    .command('build')
    .description('build the kernel image, its manifest and the device tree of a board')
    .option(
      '--key <key>',
      'key whose patches the image accepts: a name of `velocity keys list`, or a PEM file',
    )
    .addHelpText('after', '\nExample:\n  velocity build --board rpi4b --key field')
    .action(async (options: { key?: string }, command: Command) => {
      const { board = 'qemu-virt' } = command.optsWithGlobals<{ board?: string }>();
      const { manifest, dtb } = await buildFor(
        boardNamed(board),
        (text) => output.progress(text),
        chosenKey(options.key),
      );
      output.fact(
        { event: 'build', ...manifest, ...(dtb ? { dtb } : {}) },
        `build/kernel/Image  ${manifest.image.bytes} bytes  build ${manifest.build}  key ${manifest.key_id}`,
      );
    });
};
