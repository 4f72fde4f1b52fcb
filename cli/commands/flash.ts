import type { Command } from 'commander';
import { boardNamed } from '../../boards/index.ts';
import type { UsbHost } from '../../flasher/index.ts';
import type { Context } from '../context.ts';
import { failureOf, UsageError } from '../failure.ts';
import { flashAll } from '../flash/all.ts';
import { findAttached, flashAttached, isPluggedIn, meantBy, watchUsb } from '../flash/attached.ts';
import { flashDisk } from '../flash/disk.ts';
import { flashFastboot } from '../flash/fastboot.ts';
import { listEverything } from '../flash/list.ts';
import type { FlashOptions } from '../flash/options.ts';
import { flashSerial } from '../flash/serial.ts';
import { flashUBoot } from '../flash/u-boot.ts';
import { installUdev } from '../flash/udev.ts';
import { machineUsb } from '../flash/usb.ts';
import { flashVirtualBoard } from '../flash/virtual.ts';
import { flashWeb } from '../flash/web.ts';
import { addressOption, orDefault } from '../listen.ts';

/** The monitor's page has the one before. */
const WEB_PORT = 8478;
const webAddress = addressOption(WEB_PORT);

/** Nothing says how the board is reached but, perhaps, a port. */
const isPlain = (options: FlashOptions) =>
  [
    options.fastboot,
    options.partition,
    options.uBoot,
    options.usb,
    options.firmwareDir,
    options.massStorage,
    options.watch,
    options.all,
  ].every((option) => option === undefined);

/** A named virtual board is meant, unless a real one of that name is plugged in or asked for. */
const isVirtual = async (host: UsbHost, options: FlashOptions) =>
  options.board !== undefined &&
  boardNamed(options.board).qemu !== undefined &&
  options.port === undefined &&
  isPlain(options) &&
  !(await isPluggedIn(host, options.board));

/** A port alone, with nothing on USB that could be meant: the board runs already, and is spoken to over its line. */
const isRunning = async (host: UsbHost, options: FlashOptions) =>
  options.port !== undefined && isPlain(options) && (await meantBy(host, options)).length === 0;

const flash = async (context: Context, host: UsbHost, options: FlashOptions): Promise<void> => {
  if (options.installUdev) return installUdev(context, options);
  if (options.web) return flashWeb(context, orDefault(options.web, webAddress), options);
  if (options.list) return listEverything(context, host);
  if (options.to) return flashDisk(context, options.to, options);
  if (await isVirtual(host, options)) return flashVirtualBoard(context, boardNamed(options.board!), options);
  if (await isRunning(host, options)) return flashSerial(context, options.port!, options);
  if (options.verifyOnly)
    throw new UsageError(
      'only a disk, a board that runs, or a virtual one can be compared',
      'add --to DISK or --port',
    );
  if (options.fastboot) return flashFastboot(context, options.fastboot, options);
  if (options.uBoot) return flashUBoot(context, options);
  if (options.all) return flashAll(context, host, options);
  if (options.watch) {
    return watchUsb(context, host, options, (error) => context.output.fail(failureOf(error)));
  }
  return flashAttached(context, host, await findAttached(host, options), options);
};

const examples = `
Examples:
  velocity flash --list
  velocity flash --board qemu-virt
  velocity flash --board cm4 --firmware-dir ~/usbboot/firmware      over USB into memory
  velocity flash --board cm4 --mass-storage ~/usbboot/mass-storage-gadget64 --firmware-dir boot
  velocity flash --board rpi4b --to /dev/sdb --firmware-dir boot    onto an SD card
  velocity flash --board rpi4b --port /dev/ttyUSB0                  into the memory of the kernel that runs
  velocity flash --all --board cm4 --firmware-dir ~/usbboot/firmware  every one that is plugged in
  velocity flash --fastboot udp:192.168.1.5 --partition boot
  velocity flash --u-boot --port /dev/ttyUSB0
  velocity flash --web --firmware-dir ~/usbboot/firmware            in the browser`;

/** `velocity flash`: finds the board, writes, verifies, then follows the boot until the board says what it runs. */
export const registerFlash = (program: Command, context: Context): void => {
  const host = context.usb ?? machineUsb();
  program
    .command('flash')
    .description('get the image onto a board or disk, verify it and follow the boot')
    .option(
      '--image <file>',
      'manifest.json of an image, or with --to a whole disk image; default: build one',
    )
    .option('--to <disk>', 'write an SD card, disk or file')
    .option('--firmware-dir <dir>', 'folder with the Raspberry Pi firmware')
    .option(
      '--mass-storage <dir>',
      "show the board's storage as a disk by usbboot's files in this folder, and write it",
    )
    .option('--fastboot <address>', 'a board in fastboot mode at tcp:HOST[:PORT] or udp:HOST[:PORT]')
    .option('--partition <name>', 'fastboot: write this partition; default: start from memory')
    .option('--u-boot', 'the board behind --port is at its U-Boot prompt')
    .option('--usb <location>', 'the board plugged in there, as --list names it')
    .option('--list', 'print what is attached, and in which mode')
    .option('--all', 'flash every board that is plugged in and fits, side by side')
    .option('--watch', 'flash each board that is plugged in, until Ctrl-C')
    .option('--verify-only', 'write nothing: read back and compare')
    .option('--dry-run', 'write nothing: say what would be done')
    .option('--yes', 'do not ask before something is erased')
    .option(
      '--web [address]',
      'serve a page that flashes boards from the browser, on HOST:PORT; default 127.0.0.1:8478',
      webAddress,
    )
    .option('--install-udev', 'let this user open boards on USB')
    .addHelpText('after', examples)
    .action((_options: object, command: Command) =>
      flash(context, host, command.optsWithGlobals<FlashOptions>()),
    );
};
