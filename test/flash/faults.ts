/** Every fault on every way onto a board: what the user sees. Drives test/flash/faults.test.ts and docs/reference/flash-faults.md. */
import type { BootRomOptions } from '../../rig/emulated/index.ts';
import {
  type Attempt,
  newKernel,
  tryDisk,
  tryFastbootTcp,
  tryFastbootUdp,
  tryFastbootUsb,
  tryMassStorage,
  tryRpiboot,
  trySerial,
  tryUBoot,
  tryVirtual,
} from './attempts.ts';

export const faults = {
  unplug: 'unplugged',
  stall: 'refuses a transfer',
  short: 'answers too short',
  silent: 'falls silent',
  slow: 'too slow',
  chip: 'wrong chip or board',
  port: 'comes back on another port',
  size: 'lies about sizes',
} as const;
export type FaultName = keyof typeof faults;

/** `code`: the error's, or `works`; `says`: a part of its message. Without a trial the fault cannot happen, and `says` is why. */
export type Row = {
  readonly fault: FaultName;
  readonly code: string;
  readonly says: string;
  /** One trial, or one at each transfer that a good try makes. */
  readonly trial?: unknown | ((at: number) => unknown);
};

export type Backend = {
  readonly name: string;
  /** A new device, or one that was plugged in again. */
  readonly make: () => Attempt<never>;
  readonly rows: readonly Row[];
};

const backend = <F>(
  name: string,
  make: () => Attempt<F>,
  rows: readonly (Row & { readonly trial?: F | ((at: number) => F) })[],
): Backend => ({ name, make: make as () => Attempt<never>, rows });

const silentScript = { script: [{ ask: 'read', name: 'config.txt' }] } as const;
const boot = {
  unplug: (at: number): BootRomOptions => ({ fault: { kind: 'unplug', at } }),
  pull: (at: number): BootRomOptions => ({ fault: { kind: 'pull', at } }),
  stall: (at: number): BootRomOptions => ({ fault: { kind: 'stall', at } }),
  silent: (at: number): BootRomOptions => ({ fault: { kind: 'silent', at } }),
  short: { script: [{ ask: 'raw', message: new Uint8Array(17) }] } satisfies BootRomOptions,
  slow: { fault: { kind: 'slow', ms: 300 } } satisfies BootRomOptions,
  chip: { reappearsAs: 'BCM2837' } satisfies BootRomOptions,
  port: { reappearsAt: '2-1' } satisfies BootRomOptions,
  size: { script: [{ ask: 'read', name: 'config.txt' }, { ask: 'done' }] } satisfies BootRomOptions,
};
const usb = (kind: 'unplug' | 'pull' | 'stall' | 'silent') => (at: number) => ({ usb: { kind, at } });
const none = (fault: FaultName, says: string) => ({ fault, code: 'none', says });
const NO_USB = 'there is no USB transfer to refuse: see “falls silent”';
const ADDRESSED = 'it is found by its address';

export const backends: readonly Backend[] = [
  backend('rpiboot', () => tryRpiboot, [
    { fault: 'unplug', code: 'unplugged', says: 'went away while', trial: boot.unplug },
    { fault: 'unplug', code: 'unplugged', says: 'went away while', trial: boot.pull },
    { fault: 'stall', code: 'stalled', says: 'refused a transfer while', trial: boot.stall },
    { fault: 'short', code: 'bad_device', says: 'bytes where 260 are due', trial: boot.short },
    { fault: 'silent', code: 'timeout', says: 'no sign of', trial: boot.silent },
    { fault: 'silent', code: 'timeout', says: 'no sign of', trial: silentScript },
    { fault: 'slow', code: 'timeout', says: 'no sign of', trial: boot.slow },
    { fault: 'chip', code: 'timeout', says: 'no sign of', trial: boot.chip },
    { fault: 'port', code: 'works', says: 'it is followed', trial: boot.port },
    { fault: 'size', code: 'refused', says: 'did not take kernel8.img', trial: boot.size },
  ]),
  backend('rpiboot mass storage', () => tryMassStorage, [
    { fault: 'unplug', code: 'unplugged', says: 'went away while', trial: (at: number) => ({ goneAt: at }) },
    {
      fault: 'stall',
      code: 'stalled',
      says: 'refused a transfer while',
      trial: { boot: { fault: { kind: 'stall', at: 4 } } },
    },
    {
      fault: 'short',
      code: 'works',
      says: 'the rest is read again',
      trial: { disk: { kind: 'short', bytes: 1000 } },
    },
    { fault: 'silent', code: 'timeout', says: "no sign of the board's disk", trial: { appears: [] } },
    { fault: 'slow', code: 'timeout', says: 'no sign of', trial: { boot: boot.slow } },
    { fault: 'chip', code: 'timeout', says: 'no sign of', trial: { boot: boot.chip } },
    { fault: 'port', code: 'works', says: 'it is followed', trial: { boot: boot.port } },
    {
      fault: 'port',
      code: 'bad_device',
      says: 'appeared at once',
      trial: { appears: ['/dev/sdx', '/dev/sdy'] },
    },
    {
      fault: 'size',
      code: 'verify_failed',
      says: 'was written as',
      trial: { disk: { kind: 'lying-size', at: 60_000 } },
    },
  ]),
  backend('fastboot over USB', () => tryFastbootUsb, [
    {
      fault: 'unplug',
      code: 'unplugged',
      says: 'went away while',
      trial: usb('unplug'),
    },
    {
      fault: 'unplug',
      code: 'unplugged',
      says: 'went away while',
      trial: usb('pull'),
    },
    {
      fault: 'stall',
      code: 'stalled',
      says: 'refused a transfer while',
      trial: usb('stall'),
    },
    { fault: 'short', code: 'bad_device', says: 'bytes where', trial: { usb: { kind: 'short', at: 3 } } },
    {
      fault: 'silent',
      code: 'timeout',
      says: 'no sign of',
      trial: usb('silent'),
    },
    { fault: 'slow', code: 'timeout', says: 'no sign of', trial: { usb: { kind: 'slow', ms: 300 } } },
    {
      fault: 'chip',
      code: 'refused',
      says: 'does not exist',
      trial: { device: { partitions: { other: 4096 } } },
    },
    none('port', 'it does not re-enumerate while it is written'),
    { fault: 'size', code: 'bad_device', says: 'bytes where', trial: { device: { claimsSize: 0xfff } } },
    {
      fault: 'size',
      code: 'refused',
      says: 'larger than',
      trial: { device: { partitions: { boot: 4096 } } },
    },
  ]),
  backend('fastboot over TCP', () => tryFastbootTcp, [
    {
      fault: 'unplug',
      code: 'unplugged',
      says: 'went away while',
      trial: (at: number) => ({ network: { closeAfter: at } }),
    },
    none('stall', NO_USB),
    { fault: 'short', code: 'bad_device', says: 'no fastboot', trial: { device: { babbles: true } } },
    { fault: 'silent', code: 'timeout', says: 'no sign of', trial: { network: { silentAfter: 2 } } },
    { fault: 'slow', code: 'timeout', says: 'no sign of', trial: { network: { silentAfter: 0 } } },
    { fault: 'chip', code: 'bad_device', says: 'SSH-', trial: { network: { greeting: 'SSH-' } } },
    none('port', ADDRESSED),
    {
      fault: 'size',
      code: 'bad_device',
      says: 'bytes',
      trial: { network: { claimsLength: 0xffff_ffff_ffffn } },
    },
  ]),
  backend('fastboot over UDP', () => tryFastbootUdp, [
    {
      fault: 'unplug',
      code: 'timeout',
      says: 'no sign of',
      trial: (at: number) => ({ network: { silentAfter: at } }),
    },
    none('stall', NO_USB),
    { fault: 'short', code: 'bad_device', says: 'no fastboot', trial: { device: { babbles: true } } },
    { fault: 'silent', code: 'timeout', says: 'no sign of', trial: { network: { silentAfter: 0 } } },
    {
      fault: 'slow',
      code: 'works',
      says: 'what is lost is sent again',
      trial: { network: { loseEvery: 4 } },
    },
    {
      fault: 'chip',
      code: 'refused',
      says: 'does not exist',
      trial: { device: { partitions: { other: 4096 } } },
    },
    none('port', ADDRESSED),
    { fault: 'size', code: 'bad_device', says: 'bytes where', trial: { device: { claimsSize: 0xfff } } },
  ]),
  backend('disk', () => tryDisk, [
    ...(['EIO', 'ENODEV', 'ENXIO'] as const).map((code) => ({
      fault: 'unplug' as const,
      code: 'unplugged',
      says: 'went away while',
      trial: (at: number) => ({ kind: 'leaves' as const, at, code }),
    })),
    {
      fault: 'stall',
      code: 'disk_error',
      says: 'writing failed at byte',
      trial: { kind: 'write-error', at: 50_000 },
    },
    {
      fault: 'short',
      code: 'works',
      says: 'the rest is written and read again',
      trial: { kind: 'short', bytes: 1000 },
    },
    {
      fault: 'silent',
      code: 'disk_error',
      says: 'reading failed at byte',
      trial: { kind: 'read-error', at: 50_000 },
    },
    none('slow', 'the system waits for its disks, and ends a wait as an input/output error'),
    { fault: 'chip', code: 'disk_refused', says: 'the image needs', trial: { kind: 'too-small' } },
    { fault: 'port', code: 'unplugged', says: 'not found', trial: { kind: 'gone' } },
    {
      fault: 'size',
      code: 'verify_failed',
      says: 'was written as',
      trial: { kind: 'lying-size', at: 60_000 },
    },
  ]),
  backend('serial, into memory', () => trySerial(newKernel()), [
    {
      fault: 'unplug',
      code: 'unplugged',
      says: 'closed',
      trial: (at: number) => ({ kind: 'unplug' as const, at }),
    },
    none('stall', NO_USB),
    {
      fault: 'short',
      code: 'works',
      says: 'the damaged answer is asked for again',
      trial: { kind: 'short', at: 4 },
    },
    { fault: 'silent', code: 'timeout', says: 'no answer to image upload', trial: { kind: 'silent', at: 4 } },
    { fault: 'silent', code: 'timeout', says: 'no sign of the banner', trial: { kind: 'mute' } },
    {
      fault: 'slow',
      code: 'works',
      says: 'the answer that comes late is asked for again',
      trial: { kind: 'slow', at: 4 },
    },
    { fault: 'chip', code: 'wrong_mode', says: 'not rpi4b', trial: { kind: 'wrong-board' } },
    { fault: 'chip', code: 'refused', says: 'runs build', trial: { kind: 'other-build' } },
    { fault: 'chip', code: 'refused', says: 'is not started', trial: { kind: 'not-started' } },
    none('port', 'the line ends as unplugged; named anew, the upload goes on where it stopped'),
    { fault: 'size', code: 'refused', says: 'no_entry', trial: { kind: 'lying-size' } },
  ]),
  backend('serial, U-Boot prompt', () => tryUBoot, [
    {
      fault: 'unplug',
      code: 'unplugged',
      says: 'went away while',
      trial: (at: number) => ({ leavesAt: at }),
    },
    { fault: 'stall', code: 'refused', says: 'cancelled', trial: { cancelsAt: 2 } },
    { fault: 'short', code: 'bad_device', says: 'damaged', trial: { damagesAll: true } },
    { fault: 'silent', code: 'timeout', says: 'no sign of', trial: { silentAt: 2 } },
    { fault: 'slow', code: 'timeout', says: 'no sign of', trial: { delayMs: 3000 } },
    { fault: 'chip', code: 'refused', says: 'does not start the image', trial: { refusesImage: true } },
    none('port', 'the line ends as unplugged'),
    { fault: 'size', code: 'bad_device', says: 'bytes of 3000', trial: { claimsSize: 12 } },
  ]),
  backend('virtual', () => tryVirtual, [
    { fault: 'unplug', code: 'bad_file', says: 'cannot be read', trial: 'gone' },
    none('stall', 'its storage is a folder'),
    none('short', 'its storage is a folder'),
    none('silent', 'its storage is a folder'),
    none('slow', 'its storage is a folder'),
    { fault: 'chip', code: 'bad_file', says: 'cannot be written', trial: 'no-folder' },
    none('port', 'its storage is a folder'),
    { fault: 'size', code: 'verify_failed', says: 'was written as', trial: 'changed' },
  ]),
];
