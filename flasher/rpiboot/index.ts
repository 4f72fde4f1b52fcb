/**
 * Boots a Raspberry Pi over USB: the ROM is sent a second stage, which asks for files. Which files decides what happens:
 * with a kernel it starts from RAM, with usbboot's mass-storage firmware it comes back as a disk.
 */
import { WrongModeError } from '../errors.ts';
import { attachments, serialIndex, type UsbDevice, type UsbHost } from '../usb/index.ts';
import { type Chip, chipOf, isRomSerialIndex } from './chips.ts';
import { type Served, serveFiles } from './file-server.ts';
import type { FileSource } from './files.ts';
import { BootPort, bootInterface, defaultLimits, type Limits } from './protocol.ts';
import { sendBootcode, waitForSecondStage } from './rom.ts';

export { type Chip, chipOf, chips } from './chips.ts';
export type { Served } from './file-server.ts';
export {
  type FileSource,
  fileIn,
  firmwareSource,
  folderSource,
  isUnsafeName,
  layered,
  memorySource,
  tarSource,
} from './files.ts';
export { defaultLimits, type Limits } from './protocol.ts';

export type RpibootEvent =
  | { event: 'stage'; stage: 'rom' | 'files'; chip: Chip['name']; device: string }
  | { event: 'send'; stage: 'rom' | 'files'; file: string; done: number; total: number }
  | { event: 'missing'; file: string }
  | { event: 'moved'; from: string; to: string };

export type RpibootOptions = {
  /** Second stage, firmware and kernel. */
  readonly source: FileSource;
  /** Files that the board must have taken, or it runs something else: the kernel's name. */
  readonly required?: readonly string[];
  /** Comes back where it was: others of its kind are started beside it. */
  readonly staysInPlace?: boolean;
  readonly limits?: Limits;
  readonly onEvent?: (event: RpibootEvent) => void;
  readonly signal?: AbortSignal;
};

const chipFor = (device: UsbDevice): Chip => {
  const chip = chipOf(device);
  if (chip) return chip;
  throw new WrongModeError(device.name, 'is no Raspberry Pi in USB boot mode', 'see velocity flash --list');
};

const withPort = async <T>(device: UsbDevice, limits: Limits, use: (port: BootPort) => Promise<T>) => {
  const { number, endpoint } = bootInterface(device);
  try {
    await device.open(number);
    return await use(new BootPort(device, endpoint, limits));
  } finally {
    await device.close();
  }
};

/** @returns whether the device was in the ROM and now runs the second stage */
const runRom = (device: UsbDevice, chip: Chip, options: RpibootOptions) =>
  withPort(device, options.limits ?? defaultLimits, async (port) => {
    if (!isRomSerialIndex(await serialIndex(device))) return false;
    options.onEvent?.({ event: 'stage', stage: 'rom', chip: chip.name, device: device.name });
    await sendBootcode(port, chip, options);
    return true;
  });

/**
 * Both stages; a board that already runs the second stage is taken from there.
 * @throws FlashError of the kinds in errors.ts; after any of them the board can be put into boot mode and tried again.
 */
export const rpiboot = async (host: UsbHost, device: UsbDevice, options: RpibootOptions): Promise<Served> => {
  const chip = chipFor(device);
  const before = await attachments(host);
  const started = await runRom(device, chip, options);
  const second = started ? await waitForSecondStage(host, device, before, options) : device;
  return withPort(second, options.limits ?? defaultLimits, async (port) => {
    options.onEvent?.({ event: 'stage', stage: 'files', chip: chip.name, device: second.name });
    return serveFiles(port, chip, options);
  });
};
