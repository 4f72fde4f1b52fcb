/** Writes the image in the way that the board's mode allows: the backends of the command, with a page's events. */
import type { Board } from '../../../boards/index.ts';
import { bootFiles, vendorTree } from '../../../firmware/media/index.ts';
import {
  type Attached,
  bootThroughUBoot,
  checkBoardClass,
  defaultLimits,
  FastbootClient,
  type FileSource,
  layered,
  memoryBlocks,
  memorySource,
  NoDeviceError,
  openFastbootUsb,
  rpiboot,
  type UsbHost,
  WrongModeError,
} from '../../../flasher/index.ts';
import { openWebSerial, type WebSerialPort } from '../../../link/index.ts';
import type { LoadedImage } from './image.ts';
import type { Line } from './line.ts';

export type Target =
  | { readonly kind: 'usb'; readonly attached: Attached }
  | { readonly kind: 'u-boot'; readonly port: WebSerialPort; readonly name: string }
  | { readonly kind: 'running'; readonly line: Line };

export type Report = {
  /** A step begins. */
  step(text: string): void;
  progress(file: string, done: number, total: number): void;
  /** The board comes back as another device, which the person may have to allow again. */
  awaitsDevice(waiting: boolean): void;
};

export type Order = {
  readonly target: Exclude<Target, { kind: 'running' }>;
  readonly board: Board;
  readonly loaded: LoadedImage;
  readonly tree: Uint8Array | undefined;
  readonly firmware: FileSource | undefined;
  /** Of a board in fastboot mode; none to start from memory. */
  readonly partition: string | undefined;
  readonly signal: AbortSignal;
};

/** The person has to find and press a button meanwhile. */
const limits = { ...defaultLimits, reappearMs: 180_000 };

const noFirmwareError = (board: Board) =>
  new NoDeviceError(`the Raspberry Pi firmware for ${board.name}`, {
    hint: 'choose its folder above: bootcode*.bin of github.com/raspberrypi/usbboot with the files of github.com/raspberrypi/firmware/boot',
  });

const overRpiboot = async (host: UsbHost, attached: Attached, order: Order, report: Report) => {
  const { board, loaded, tree, firmware, signal } = order;
  if (!firmware) throw noFirmwareError(board);
  const { image, manifest } = loaded;
  const vendor = await vendorTree(board, firmware);
  const files = bootFiles(board, {
    image: image.bytes,
    manifest,
    firmware: vendor,
    ...(tree ? { tree } : {}),
  });
  const kernel = files.find(({ bytes }) => bytes === image.bytes)!;
  const own = memorySource('velocity', Object.fromEntries(files.map(({ path, bytes }) => [path, bytes])));
  await rpiboot(host, attached.device, {
    source: layered([own, firmware]),
    required: [kernel.path],
    limits,
    signal,
    onEvent: (event) => {
      if (event.event === 'stage') {
        report.awaitsDevice(false);
        report.step(`${event.chip}: ${event.stage === 'rom' ? 'boot ROM' : 'second stage'}`);
      }
      if (event.event !== 'send') return;
      report.progress(event.file, event.done, event.total);
      if (event.stage === 'rom' && event.done === event.total) report.awaitsDevice(true);
    },
  });
};

const overFastboot = async ({ device }: Attached, { loaded, partition, signal }: Order, report: Report) => {
  const client = new FastbootClient(await openFastbootUsb(device), {
    signal,
    onEvent: (event) => {
      if (event.event === 'info') report.step(`the board says: ${event.text}`);
      else report.progress(event.file, event.done, event.total);
    },
  });
  try {
    const image = memoryBlocks('Image', loaded.image.bytes);
    report.step(partition ? `writing the partition ${partition}` : 'into memory');
    await (partition ? client.flash(partition, image) : client.boot(image));
  } finally {
    await client.close();
  }
};

/** @returns what the board calls itself */
export const overLine = (line: Line, loaded: LoadedImage, signal: AbortSignal, report: Report) => {
  report.step('into the memory of the kernel that runs');
  return line.replace(loaded, {
    signal,
    onEvent: (event) => {
      if (event.event === 'running') report.step(`${event.board} runs build ${event.build}`);
      if (event.event === 'send') report.progress(event.file, event.done, event.total);
      if (event.event === 'start') report.step('starting the new kernel');
    },
  });
};

const overUBoot = async (port: WebSerialPort, { loaded, signal }: Order, report: Report) => {
  const line = await openWebSerial(port);
  try {
    report.step('through the U-Boot prompt, by Y-modem');
    await bootThroughUBoot(line, loaded.image.bytes, {
      signal,
      onEvent: (event) => {
        if (event.event === 'unchecked') report.step(event.reason);
        else report.progress(event.file, event.done, event.total);
      },
    });
  } finally {
    await line.close();
  }
};

/** @throws FlashError, ImageError, LinkError; after any of them the board can be put into its boot mode and tried again */
export const write = async (host: UsbHost, order: Order, report: Report): Promise<void> => {
  const { target, board, loaded } = order;
  checkBoardClass(loaded.manifestName, loaded.manifest, board);
  if (target.kind === 'u-boot') return overUBoot(target.port, order, report);
  const { attached } = target;
  const { mode, device, what, steps } = attached;
  if (mode === 'rpiboot') return overRpiboot(host, attached, order, report);
  if (mode === 'fastboot') return overFastboot(attached, order, report);
  throw new WrongModeError(device.name, `is a ${what}`, steps.join('; '));
};
