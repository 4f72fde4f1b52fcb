/** Runs in the guest: the flasher with the real `usb` package, one case after the other; one JSON line each. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
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
import { holdersOf } from '../../../link/holders.ts';
import { type GuestCase, guestCases, guestFiles } from './cases.ts';

/** The second argument of the program that holds a device: where it is. */
const HOLD = '--hold';

const host = nodeUsb({ holdersOf: (path) => holdersOf(path, process.pid) });
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

const plugged = (port: number, what: string) =>
  waitForDevice(host, ({ location }) => location.endsWith(`-${port}`), { what, timeoutMs: 60_000 });

/** This program once more, which has the device until it is ended. */
const holder = async (port: number) => {
  const child = spawn(process.execPath, [process.argv[1]!, HOLD, String(port)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  return child;
};

const run = async (one: GuestCase, port: number) => {
  surroundings(one);
  const device = await plugged(port, one.name);
  if (!identify(device)) throw new Error(`${device.name} is not recognised`);
  const held = one.isHeld ? await holder(port) : undefined;
  try {
    await flash(device, one);
  } catch (error) {
    if (held && !(error as Error).message.includes(`process ${held.pid} (`)) throw new Error(String(error));
    throw error;
  } finally {
    held?.kill();
  }
};

if (process.argv[2] === HOLD) {
  await (await plugged(Number(process.argv[3]), 'a device to hold')).open(0);
  console.log('held');
  await new Promise(() => setInterval(() => {}, 60_000));
}

for (const [at, one] of guestCases.entries()) {
  const result = await run(one, at + 1).then(
    () => ({ got: 'ok', message: '' }),
    (error: FlashError) => ({ got: error.code ?? 'internal', message: error.message }),
  );
  console.log(`\nRESULT ${JSON.stringify({ name: one.name, ...result })}`);
}
