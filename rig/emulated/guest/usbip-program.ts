/** Runs in the guest: its own kernel (vhci-hcd) and its own client (`usbip`) meet our USB/IP server, and the flasher the board. */
import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  attachments,
  type FlashError,
  memorySource,
  nodeUsb,
  rpiboot,
  waitForDevice,
} from '../../../flasher/index.ts';
import { BootRom, type BootRomOptions } from '../boot-rom.ts';
import { USBIP_PORT, UsbIpServer } from '../usbip.ts';
import { guestFiles, usbIpCases } from './cases.ts';

const PLACE = '1-1';
const POLL_MS = 100;
const WAIT_MS = 120_000;
const limits = { controlMs: 60_000, bulkMs: 60_000, requestMs: 60_000, reappearMs: WAIT_MS };

const host = nodeUsb();
const server = new UsbIpServer();
await server.listen(USBIP_PORT);

/** What a person types each time that the board comes back. */
const attachAlways = async () => {
  for (;;) {
    const [one] = server.attached;
    if (one && !server.isImported(one)) {
      const child = spawn('/usr/sbin/usbip', ['attach', '-r', '127.0.0.1', '-b', PLACE], { stdio: 'ignore' });
      await new Promise((resolve) => child.once('close', resolve));
    }
    await sleep(POLL_MS);
  }
};

const run = async (options: BootRomOptions) => {
  const before = await attachments(host);
  const rom = new BootRom('BCM2711', server, options);
  rom.plugIn(PLACE);
  const isOurs = ({ ids }: { ids: { product: number } }) => ids.product === rom.chip.ids.product;
  const device = await waitForDevice(host, isOurs, { what: 'the board', timeoutMs: WAIT_MS, except: before });
  await rpiboot(host, device, {
    source: memorySource('guest', guestFiles),
    limits,
    required: ['kernel8.img'],
  });
  const whole = Buffer.from(guestFiles['kernel8.img']).equals(rom.received.get('kernel8.img')!);
  rom.unplug();
  if (!whole) throw new Error('the kernel changed on its way');
};

void attachAlways();
for (const { name, options } of usbIpCases) {
  const got = await run(options ?? {}).then(
    () => 'ok',
    (error: FlashError) => error.code ?? String(error),
  );
  console.log(`\nRESULT ${JSON.stringify({ name, got })}`);
}
process.exit(0);
