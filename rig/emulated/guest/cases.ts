/** What is tried through a guest's real USB stack: the port number is the place in the list, from 1. */
import type { BootRomOptions, ChipName } from '../boot-rom.ts';

export type GuestCase = {
  readonly name: string;
  readonly device: ChipName | 'fastboot';
  readonly options?: BootRomOptions;
  /** Megabytes that all transfers together may take of the guest's memory; its own default is 16. */
  readonly usbMemory?: number;
  /** Another program has the device. */
  readonly isHeld?: boolean;
  /** Tried by a user who may not open devices. */
  readonly asNobody?: boolean;
  /** `ok`, or the code of the error. */
  readonly expect: string;
};

export const guestCases: readonly GuestCase[] = [
  { name: 'BCM2837 boots', device: 'BCM2837', expect: 'ok' },
  { name: 'BCM2711 boots', device: 'BCM2711', expect: 'ok' },
  { name: 'BCM2712 boots', device: 'BCM2712', expect: 'ok' },
  { name: 'fastboot takes an image', device: 'fastboot', expect: 'ok' },
  {
    name: 'unplugged',
    device: 'BCM2711',
    options: { fault: { kind: 'unplug', at: 9 } },
    expect: 'unplugged',
  },
  {
    name: 'pulled slowly',
    device: 'BCM2711',
    options: { fault: { kind: 'pull', at: 9 } },
    expect: 'unplugged',
  },
  {
    name: 'a wire that garbles',
    device: 'BCM2711',
    options: { fault: { kind: 'garble', at: 9 } },
    expect: 'bad_device',
  },
  { name: 'stalled', device: 'BCM2711', options: { fault: { kind: 'stall', at: 2 } }, expect: 'stalled' },
  { name: 'silent', device: 'BCM2711', options: { fault: { kind: 'silent', at: 6 } }, expect: 'timeout' },
  { name: 'does not come back', device: 'BCM2711', options: { staysAway: true }, expect: 'timeout' },
  { name: 'little memory for USB', device: 'BCM2712', usbMemory: 1, expect: 'ok' },
  { name: 'held', device: 'BCM2711', isHeld: true, expect: 'port_busy' },
  { name: 'not permitted', device: 'fastboot', asNobody: true, expect: 'permission' }, // last: there is no way back
];

/** Through Linux's own USB/IP client; the board is a BCM2711. */
export const usbIpCases: readonly Pick<GuestCase, 'name' | 'options' | 'expect'>[] = [
  { name: 'USB/IP: boots', expect: 'ok' },
  { name: 'USB/IP: unplugged', options: { fault: { kind: 'unplug', at: 9 } }, expect: 'unplugged' },
  { name: 'USB/IP: boots after it was unplugged', expect: 'ok' },
];

/** Made-up bytes: no firmware is shipped. */
const bytes = (length: number, seed: number) => Uint8Array.from({ length }, (_, i) => (i * 7 + seed) & 0xff);

export const guestFiles = {
  'bootcode.bin': bytes(1000, 1),
  'bootcode4.bin': bytes(105_984, 2),
  'bootcode5.bin': bytes(2048, 3),
  'config.txt': bytes(20, 8),
  'start.elf': bytes(70_000, 4),
  'start4.elf': bytes(70_000, 5),
  'bcm2712.dtb': bytes(3000, 6),
  'kernel8.img': Buffer.alloc(3_000_001, bytes(65_521, 7)), // more than the largest transfer under each limit
};
