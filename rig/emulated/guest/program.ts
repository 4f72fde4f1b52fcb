/** Runs in the guest: the flasher with the real `usb` package, one case after the other; one JSON line each. */
import { writeFileSync } from 'node:fs';
import {
  FastbootClient,
  type FlashError,
  identify,
  memoryBlocks,
  memorySource,
  nodeUsb,
  openFastbootUsb,
  rpiboot,
  type UsbDevice,
  waitForDevice,
} from '../../../flasher/index.ts';
import { type GuestCase, guestCases, guestFiles } from './cases.ts';

const host = nodeUsb();
/** Nothing that goes well ends by a limit, however loaded the machine is. */
const patient = { controlMs: 60_000, bulkMs: 60_000, requestMs: 60_000, reappearMs: 60_000 };
const quick = { controlMs: 2000, bulkMs: 4000, requestMs: 4000, reappearMs: 6000 };
const source = memorySource('guest', guestFiles);

const flash = async (device: UsbDevice, { device: kind, expect }: GuestCase): Promise<void> => {
  if (kind !== 'fastboot') {
    const limits = expect === 'timeout' ? quick : patient;
    await rpiboot(host, device, { source, limits, required: ['kernel8.img'] });
    return;
  }
  const client = new FastbootClient(await openFastbootUsb(device));
  await client.flash('boot', memoryBlocks('image', guestFiles['kernel8.img']));
  await client.close();
};

const USB_MEMORY = '/sys/module/usbcore/parameters/usbfs_memory_mb';
const NOBODY = 65_534;

const surroundings = ({ usbMemory, asNobody }: GuestCase) => {
  if (usbMemory) writeFileSync(USB_MEMORY, String(usbMemory));
  if (!asNobody) return;
  process.setgid!(NOBODY);
  process.setuid!(NOBODY);
};

const run = async (one: GuestCase, port: number) => {
  surroundings(one);
  const at = (device: UsbDevice) => device.location.endsWith(`-${port}`);
  const device = await waitForDevice(host, at, { what: one.name, timeoutMs: 60_000 });
  if (!identify(device)) throw new Error(`${device.name} is not recognised`);
  await flash(device, one);
};

for (const [at, one] of guestCases.entries()) {
  const result = await run(one, at + 1).then(
    () => ({ got: 'ok', message: '' }),
    (error: FlashError) => ({ got: error.code ?? 'internal', message: error.message }),
  );
  console.log(`\nRESULT ${JSON.stringify({ name: one.name, ...result })}`);
}
