/** Runs in the guest: the flasher with the real `usb` package, one case after the other; one JSON line each. */
import {
  FastbootClient,
  type FlashError,
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
const limits = { controlMs: 2000, bulkMs: 4000, requestMs: 4000, reappearMs: 6000 };
const source = memorySource('guest', guestFiles);

const flash = async (device: UsbDevice, { device: kind }: GuestCase): Promise<void> => {
  if (kind !== 'fastboot') {
    await rpiboot(host, device, { source, limits, required: ['kernel8.img'] });
    return;
  }
  const client = new FastbootClient(await openFastbootUsb(device));
  await client.flash('boot', memoryBlocks('image', guestFiles['kernel8.img']));
  await client.close();
};

const run = async (one: GuestCase, port: number) => {
  const at = (device: UsbDevice) => device.location.endsWith(`-${port}`);
  const device = await waitForDevice(host, at, { what: one.name, timeoutMs: 10_000 });
  await flash(device, one);
};

for (const [at, one] of guestCases.entries()) {
  const result = await run(one, at + 1).then(
    () => ({ got: 'ok', message: '' }),
    (error: FlashError) => ({ got: error.code ?? 'internal', message: error.message }),
  );
  console.log(`\nRESULT ${JSON.stringify({ name: one.name, ...result })}`);
}
