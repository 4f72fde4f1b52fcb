/** Finds the board on USB, and flashes it in the way that its mode allows. */
import { boardNamed, boards } from '../../boards/index.ts';
import {
  type Attached,
  identify,
  listAttached,
  NoDeviceError,
  type UsbHost,
  WrongModeError,
  waitForDevice,
} from '../../flasher/index.ts';
import type { Context } from '../context.ts';
import { UsageError } from '../failure.ts';
import { flashFastboot } from './fastboot.ts';
import { flashMassStorage } from './mass-storage.ts';
import type { FlashOptions } from './options.ts';
import { flashRaspberryPi } from './rpiboot.ts';

const isMeant = ({ device, boards: candidates }: Attached, { board, usb }: FlashOptions) =>
  (usb === undefined || device.location === usb) &&
  (board === undefined || candidates.length === 0 || candidates.some(({ name }) => name === board));

export const stepsFor = (name: string | undefined) => {
  const board = name === undefined ? undefined : boardNamed(name);
  if (board?.bootMode) return `put it into USB boot mode: ${board.bootMode.join('; ')}`;
  return 'put it into its USB boot mode (see --list and the docs), write an SD card with --to DISK, or try a virtual one: --board qemu-virt';
};

/** What is attached and fits the options. */
export const meantBy = async (host: UsbHost, options: FlashOptions): Promise<Attached[]> =>
  (await listAttached(host)).filter((one) => isMeant(one, options));

/** @throws NoDeviceError with the steps to take, UsageError when several could be meant */
export const findAttached = async (host: UsbHost, options: FlashOptions): Promise<Attached> => {
  const found = await meantBy(host, options);
  if (found.length > 1) {
    const where = found.map(({ device, what }) => `${device.location}: ${what}`).join(', ');
    throw new UsageError(`several boards are attached (${where})`, 'say which: --usb LOCATION');
  }
  if (found[0]) return found[0];
  throw new NoDeviceError(options.board ?? 'a board on USB', { hint: stepsFor(options.board) });
};

export const flashAttached = (
  context: Context,
  host: UsbHost,
  attached: Attached,
  options: FlashOptions,
): Promise<void> => {
  const { mode, device, what, steps } = attached;
  if (mode === 'rpiboot' && options.massStorage)
    return flashMassStorage(context, host, device, options.massStorage, options);
  if (mode === 'rpiboot') return flashRaspberryPi(context, host, attached, options);
  if (mode === 'fastboot') return flashFastboot(context, device, options);
  throw new WrongModeError(device.name, `is a ${what}`, steps.join('; '));
};

/** The longest that setTimeout can wait: a person who watches ends it by Ctrl-C. */
const FOREVER_MS = 2 ** 31 - 1;

/** Flashes each board that is plugged in, until the command is stopped. One that fails does not end it. */
export const watchUsb = async (
  context: Context,
  host: UsbHost,
  options: FlashOptions,
  fail: (error: unknown) => void,
) => {
  const { signal } = context.cleanup;
  const done = new Set<string>();
  while (!signal.aborted) {
    context.output.progress('waiting for a board…');
    const device = await waitForDevice(
      host,
      (one) => identify(one) !== undefined && isMeant(identify(one)!, options),
      {
        what: 'a board',
        timeoutMs: FOREVER_MS,
        except: done,
        signal,
      },
    );
    const places = new Set([device.location]);
    const onMoved = (to: string) => void places.add(to);
    const flashing = flashAttached(context, host, identify(device)!, { ...options, onMoved });
    const failed = await flashing.then(
      () => undefined,
      (error: unknown) => ({ error }),
    );
    // Only this board, in whatever stage it is now: another one may have been plugged in meanwhile.
    done.add(device.attachment);
    for (const one of await host.list()) if (places.has(one.location)) done.add(one.attachment);
    if (failed) fail(failed.error);
  }
};

/** Whether a board of this name can be meant that is plugged in, not the virtual one of the same name. */
export const isPluggedIn = async (host: UsbHost, name: string): Promise<boolean> =>
  boards[name]?.usbBoot !== undefined &&
  (await listAttached(host)).some((one) => one.boards.some((board) => board.name === name));
