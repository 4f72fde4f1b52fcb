import { readFileSync } from 'node:fs';
import { type Command, Option } from 'commander';
import { type Board, boardNamed } from '../../boards/index.ts';
import { type Manifest, paths } from '../../firmware/index.ts';
import {
  bootDisk,
  bootFiles,
  bootVolume,
  espVolume,
  missingSentence,
  noFirmware,
  type Parts,
  readFirmware,
  writeFolder,
  writeImage,
} from '../../firmware/media/index.ts';
import type { Context } from '../context.ts';
import { UsageError } from '../failure.ts';
import { type TrustOptions, trustOf } from '../trust.ts';
import { buildFor } from '../virtual.ts';

const kinds = ['folder', 'disk', 'esp', 'boot-img'] as const;
type Kind = (typeof kinds)[number];

type Options = TrustOptions & {
  readonly board?: string;
  readonly kind: Kind;
  readonly out: string;
  readonly firmwareDir?: string;
};

const partsOf = (
  board: Board,
  built: { manifest: Manifest; dtb: string | undefined },
  dir?: string,
): Parts => ({
  image: readFileSync(paths.image),
  manifest: built.manifest,
  ...(built.dtb ? { tree: readFileSync(built.dtb) } : {}),
  firmware: board.bootPath === 'raspberry-pi' ? readFirmware(board, dir) : noFirmware,
});

type Written = { readonly bytes: number; readonly sha256?: string };

const checkOptions = (board: Board, { firmwareDir }: Options) => {
  if (firmwareDir === undefined || board.bootPath === 'raspberry-pi') return;
  throw new UsageError(
    `--firmware-dir is for Raspberry Pi firmware, which ${board.name} has no use for`,
    'leave it out',
  );
};

const write = async (board: Board, kind: Kind, out: string, parts: Parts): Promise<Written> => {
  if (kind === 'folder') {
    const files = bootFiles(board, parts);
    writeFolder(out, files);
    return { bytes: files.reduce((sum, { bytes }) => sum + bytes.length, 0) };
  }
  const make = { disk: bootDisk, 'boot-img': bootVolume, esp: (_: Board, p: Parts) => espVolume(p) }[kind];
  const image = make(board, parts);
  return { bytes: image.bytes, sha256: await writeImage(out, image) };
};

const missingOf = (board: Board, kind: Kind, { firmware }: Parts) =>
  kind !== 'esp' && firmware.missing.length > 0 ? [missingSentence(board, firmware.missing)] : [];

/** `velocity image`: what a board boots from, as a folder, a disk image or a partition. */
export const registerImage = (program: Command, { output }: Context): void => {
  program
    .command('image')
    .description('make what a board boots from: a folder, a disk image, an EFI partition')
    .addOption(
      new Option(
        '--kind <kind>',
        'folder: the files; disk: a whole SD card or disk; esp: an EFI system partition; boot-img: the files as one FAT volume',
      )
        .choices(kinds)
        .default('disk'),
    )
    .requiredOption('--out <path>', 'the file, or with --kind folder the folder, to write')
    .option('--firmware-dir <dir>', "Raspberry Pi: where the firmware's start*.elf and fixup*.dat are")
    .addHelpText(
      'after',
      '\nExample:\n  velocity image --board rpi4b --kind disk --out rpi4b.img --firmware-dir boot',
    )
    .action(async (_: object, command: Command) => {
      const options = command.optsWithGlobals<Options>();
      const { board: name = 'qemu-virt', kind, out } = options;
      const board = boardNamed(name);
      checkOptions(board, options);
      const built = await buildFor(board, (text) => output.progress(text), trustOf(options));
      const parts = partsOf(board, built, options.firmwareDir);
      const written = await write(board, kind, out, parts);
      const { build } = parts.manifest;
      for (const line of missingOf(board, kind, parts)) output.note(line);
      output.fact(
        { event: 'image', board: name, kind, path: out, build, ...written, missing: parts.firmware.missing },
        `${out}  ${kind} for ${name}, ${written.bytes} bytes, build ${build}`,
      );
    });
};
