/** What is attached, by USB ids: which board, in which mode, and what can be done with it. */
import { type Board, boards } from '../boards/index.ts';
import { fastbootInterface } from './fastboot/index.ts';
import { chipOf } from './rpiboot/index.ts';
import type { UsbDevice, UsbHost } from './usb/index.ts';

export type UsbMode = 'rpiboot' | 'fastboot' | 'mass-storage' | 'jetson-recovery' | 'jetson-linux';

export type Attached = {
  readonly device: UsbDevice;
  readonly mode: UsbMode;
  /** What it is, for people. */
  readonly what: string;
  /** Boards that it may be: those with this chip. */
  readonly boards: readonly Board[];
  /** What to do where the image does not go that way. */
  readonly steps: readonly string[];
};

const NVIDIA = 0x0955;
/** L4T's USB gadget: the board runs Linux. */
const JETSON_LINUX = 0x7020;

/** Second stages that show a disk: usbboot's legacy firmware, and the Linux gadget of its mass-storage image. */
const massStorage = [
  { vendor: 0x0a5c, product: 0x0001 },
  { vendor: 0x0525, product: 0xa4a5 },
];

const matches = (device: UsbDevice, { vendor, product }: { vendor: number; product: number }) =>
  device.ids.vendor === vendor && device.ids.product === product;

const candidates = (device: UsbDevice) =>
  Object.values(boards).filter((board) => board.usbBoot?.some((ids) => matches(device, ids)));

const raspberryPi = (device: UsbDevice): Attached | undefined => {
  const chip = chipOf(device);
  if (!chip) return undefined;
  const steps = chip.is64bit ? [] : [`${chip.name} runs 32-bit code only; velocity needs AArch64`];
  return {
    device,
    mode: 'rpiboot',
    what: `${chip.name} in USB boot mode`,
    boards: candidates(device),
    steps,
  };
};

const jetson = (device: UsbDevice): Attached | undefined => {
  if (device.ids.vendor !== NVIDIA) return undefined;
  if (device.ids.product === JETSON_LINUX) {
    const steps = ['shut it down and write its disk here: velocity flash --to /dev/sdX'];
    return { device, mode: 'jetson-linux', what: 'Jetson that runs Linux', boards: [], steps };
  }
  const [board, ...others] = candidates(device);
  if (!board) return undefined;
  return {
    device,
    mode: 'jetson-recovery',
    what: `${board.model} in recovery mode (APX)`,
    boards: [board, ...others],
    steps: board.afterBootMode ?? [],
  };
};

const gadget = (device: UsbDevice): Attached | undefined => {
  if (fastbootInterface(device)) {
    return { device, mode: 'fastboot', what: 'board in fastboot mode', boards: [], steps: [] };
  }
  if (!massStorage.some((ids) => matches(device, ids))) return undefined;
  const steps = ['it is a disk now: find it by `velocity flash --list`, then velocity flash --to DISK'];
  return { device, mode: 'mass-storage', what: 'board that shows its storage as a disk', boards: [], steps };
};

/** Undefined for devices that are no boards. */
export const identify = (device: UsbDevice): Attached | undefined =>
  raspberryPi(device) ?? jetson(device) ?? gadget(device);

export const listAttached = async (host: UsbHost): Promise<Attached[]> =>
  (await host.list()).flatMap((device) => identify(device) ?? []);
