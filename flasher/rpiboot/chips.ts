/** The boot ROMs of Raspberry Pi chips on USB. Source: Raspberry Pi usbboot (main.c, bootfiles.c). */
import type { UsbDevice, UsbIds } from '../usb/index.ts';

const BROADCOM = 0x0a5c;

export type Chip = {
  readonly name: 'BCM2835' | 'BCM2837' | 'BCM2711' | 'BCM2712';
  readonly ids: UsbIds;
  /** File that the ROM is sent, by the names it goes under. */
  readonly bootcode: readonly string[];
  /** Folder of files for this chip only, in usbboot's folders and its bootfiles.bin. */
  readonly folder: string | undefined;
  /** Whether it runs AArch64 code. */
  readonly is64bit: boolean;
  /** Sends `*KEY*VALUE` in place of a file name to report facts about itself. */
  readonly sendsMetadata: boolean;
};

export const chips: readonly Chip[] = [
  {
    name: 'BCM2835',
    ids: { vendor: BROADCOM, product: 0x2763 },
    bootcode: ['bootcode.bin'],
    folder: undefined,
    is64bit: false,
    sendsMetadata: false,
  },
  {
    name: 'BCM2837',
    ids: { vendor: BROADCOM, product: 0x2764 },
    bootcode: ['bootcode.bin'],
    folder: '2710',
    is64bit: true,
    sendsMetadata: false,
  },
  {
    name: 'BCM2711',
    ids: { vendor: BROADCOM, product: 0x2711 },
    bootcode: ['bootcode4.bin', 'cm4/bootcode.bin'],
    folder: '2711',
    is64bit: true,
    sendsMetadata: true,
  },
  {
    name: 'BCM2712',
    ids: { vendor: BROADCOM, product: 0x2712 },
    bootcode: ['bootcode5.bin'],
    folder: '2712',
    is64bit: true,
    sendsMetadata: true,
  },
];

export const chipOf = ({ ids }: Pick<UsbDevice, 'ids'>): Chip | undefined =>
  chips.find((chip) => chip.ids.vendor === ids.vendor && chip.ids.product === ids.product);

/** The ROM's descriptor has serial number index 0 or 3; the second stage has another (1 in practice). */
export const isRomSerialIndex = (index: number): boolean => index === 0 || index === 3;
