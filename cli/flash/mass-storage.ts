/** A compute module's own storage: usbboot's files make the board show it as a disk, which is then written as any other. */
import {
  diskPaths,
  firmwareSource,
  rpiboot,
  type UsbDevice,
  type UsbHost,
  waitForDisk,
} from '../../flasher/index.ts';
import type { Context } from '../context.ts';
import { flashDisk } from './disk.ts';
import type { FlashOptions } from './options.ts';
import { showBoot } from './rpiboot.ts';

/** A Linux gadget takes its time to boot. */
const APPEAR_MS = 90_000;

export const flashMassStorage = async (
  context: Context,
  host: UsbHost,
  device: UsbDevice,
  folder: string,
  options: FlashOptions,
): Promise<void> => {
  const { output, cleanup } = context;
  const source = firmwareSource(folder);
  if (options.dryRun) {
    const line = `would show the storage of ${device.name} as a disk, and write it`;
    return output.fact({ event: 'plan', method: 'mass-storage', to: device.location }, line);
  }
  const before = diskPaths();
  let { location } = device;
  const show = showBoot(context, options);
  await rpiboot(host, device, {
    source,
    signal: cleanup.signal,
    onEvent: (event) => {
      if (event.event === 'moved') location = event.to;
      show(event);
    },
  });
  output.progress('waiting for the disk of the board…');
  const disk = await waitForDisk(before, { timeoutMs: APPEAR_MS, location, signal: cleanup.signal });
  output.fact({ event: 'disk', path: disk.path, bytes: disk.bytes }, `its storage is ${disk.path}`);
  await flashDisk(context, disk.path, options);
};
