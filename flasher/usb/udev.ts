/** The rule that lets the user at the machine open boards without root. */
import { writeFileSync } from 'node:fs';
import type { Board } from '../../boards/index.ts';
import { hex4 } from './device.ts';

export const UDEV_RULES_PATH = '/etc/udev/rules.d/70-velocity.rules';
export const UDEV_RELOAD = 'udevadm control --reload && udevadm trigger';

/** Vendors that no board's boot ROM has, but fastboot gadgets and Linux mass storage do. */
const GADGET_VENDORS = [0x18d1, 0x0525];

const rule = (vendor: number) =>
  `SUBSYSTEM=="usb", ATTR{idVendor}=="${hex4(vendor)}", MODE="0660", TAG+="uaccess"`;

/** ModemManager opens every new serial port and talks to it; USB serial adapters of boards are no modems. */
const CONSOLES = [0x0403, 0x067b, 0x10c4, 0x1a86];
const console = (vendor: number) =>
  `SUBSYSTEM=="usb", ATTR{idVendor}=="${hex4(vendor)}", ENV{ID_MM_DEVICE_IGNORE}="1"`;

export const udevRules = (boards: readonly Board[]): string => {
  const vendors = new Set(boards.flatMap((board) => (board.usbBoot ?? []).map(({ vendor }) => vendor)));
  return [
    '# Boards in their USB boot modes, for the user at the machine. Written by velocity-flash --install-udev.',
    ...[...vendors, ...GADGET_VENDORS].map(rule),
    '# Serial adapters: keep ModemManager away.',
    ...CONSOLES.map(console),
    '',
  ].join('\n');
};

/** Needs root. @throws the system's error (EACCES) */
export const installUdevRules = (boards: readonly Board[], path = UDEV_RULES_PATH): void =>
  writeFileSync(path, udevRules(boards), { mode: 0o644 });

const hints: Partial<Record<NodeJS.Platform, string>> = {
  linux:
    'run `velocity-flash --install-udev` once (or as root: sudo velocity-flash …), then plug the board in again',
  win32:
    "Windows opens it only with the driver WinUSB: the installer of Raspberry Pi's rpiboot brings it, Zadig sets it for any board; then plug the board in again",
};

/** What a person should do whom the system does not let open a board. */
export const permissionHint = (platform: NodeJS.Platform = process.platform): string =>
  hints[platform] ?? 'end other programs that may use it, then plug the board in again';
