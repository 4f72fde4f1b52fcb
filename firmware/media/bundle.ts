/** From a board and a kernel to the files of its boot medium, and to the medium. */
import type { Board } from '../../boards/index.ts';
import type { Manifest } from '../manifest.ts';
import { fatVolume } from './fat.ts';
import type { MediaFile } from './file.ts';
import { GPT_FIRST_SECTOR, gptDisk } from './gpt.ts';
import { MBR_FIRST_SECTOR, mbrDisk } from './mbr.ts';
import { type Firmware, raspberryPiFiles } from './raspberry-pi.ts';
import type { SparseImage } from './sparse.ts';

/** What a medium is made of. `firmware` is empty for boards other than Raspberry Pi. */
export type Parts = {
  readonly image: Uint8Array;
  readonly manifest: Manifest;
  readonly tree?: Uint8Array;
  readonly firmware: Firmware;
};

export const noFirmware: Firmware = { files: [], missing: [] };

const LABEL = 'VELOCITY';

/** UEFI 2.10, 3.5.1.1: what firmware starts from a disk that nobody has told it about. */
const efiFiles = ({ image }: Parts): MediaFile[] => [{ path: 'EFI/BOOT/BOOTAA64.EFI', bytes: image }];

/** U-Boot doc/develop/distro.rst. No FDT line: U-Boot hands on the device tree that it was given. */
const extlinuxText = (version: string) =>
  [
    'TIMEOUT 10',
    'DEFAULT velocity',
    'LABEL velocity',
    `  MENU LABEL velocity ${version}`,
    '  LINUX /Image',
    '',
  ].join('\n');

const extlinuxFiles = ({ image, manifest }: Parts): MediaFile[] => [
  { path: 'extlinux/extlinux.conf', bytes: Buffer.from(extlinuxText(manifest.version)) },
  { path: 'Image', bytes: image },
];

const kernelFiles = (board: Board, parts: Parts): MediaFile[] => {
  if (board.bootPath === 'raspberry-pi') return raspberryPiFiles(board, parts);
  return board.bootPath === 'u-boot' ? extlinuxFiles(parts) : efiFiles(parts);
};

/** The manifest of the kernel, for who finds the medium later. */
const withManifest = (files: MediaFile[], parts: Parts): MediaFile[] => {
  const kernel = files.find(({ bytes }) => bytes === parts.image)!;
  const manifest = { ...parts.manifest, image: { ...parts.manifest.image, file: kernel.path } };
  return [...files, { path: 'velocity.json', bytes: Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`) }];
};

/** Every file that the board boots from, by its path on the medium. */
export const bootFiles = (board: Board, parts: Parts): MediaFile[] =>
  withManifest(kernelFiles(board, parts), parts);

/** A FAT32 volume with the board's files, without a partition table: the `boot.img` of Raspberry Pi firmware. */
export const bootVolume = (board: Board, parts: Parts): SparseImage =>
  fatVolume({ files: bootFiles(board, parts), label: LABEL });

/** An EFI system partition, for any machine with UEFI. */
export const espVolume = (parts: Parts): SparseImage =>
  fatVolume({ files: withManifest(efiFiles(parts), parts), label: LABEL });

/** A whole disk: MBR for Raspberry Pi firmware, GPT for UEFI and U-Boot. */
export const bootDisk = (board: Board, parts: Parts): SparseImage => {
  const files = bootFiles(board, parts);
  if (board.bootPath === 'raspberry-pi') {
    return mbrDisk(fatVolume({ files, label: LABEL, firstSector: MBR_FIRST_SECTOR }));
  }
  const type = board.bootPath === 'u-boot' ? 'data' : 'efi';
  return gptDisk(fatVolume({ files, label: LABEL, firstSector: GPT_FIRST_SECTOR }), {
    type,
    name: 'velocity',
  });
};
