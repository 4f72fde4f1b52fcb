/** The flasher through a real Linux USB stack and the real `usb` package: one boot, all cases. */
import { join } from 'node:path';
import test from 'ava';
import { guestKernelFolder } from '../../../cli/flash-peers.ts';
import { findTool, root } from '../../../firmware/index.ts';
import { BootRom } from '../boot-rom.ts';
import { FastbootDevice } from '../fastboot-device.ts';
import { fastbootUsb } from '../fastboot-usb.ts';
import type { UsbRedirPort } from '../usbredir.ts';
import { GUEST_MS, guestTools, runGuest } from './boot.ts';
import { withBundle } from './bundle.ts';
import { guestCases, guestFiles, usbIpCases } from './cases.ts';

const { tools, missing } = guestTools(guestKernelFolder);
const withGuest = tools ? test : test.skip;
if (!tools) console.warn(`skipped: no guest with a real USB stack without ${missing.join(', ')}`);

/** Linux's own client, beside its kernel's driver. */
const hasUsbIp = findTool('usbip') !== undefined;
if (tools && !hasUsbIp) console.warn('skipped: no USB/IP client in the guest without usbip');

const withBundles = (names: readonly string[], use: (paths: string[]) => Promise<string>) => {
  const next = ([name, ...rest]: readonly string[], paths: string[]): Promise<string> =>
    name === undefined
      ? use(paths)
      : withBundle(root, join(import.meta.dirname, name), (path) => next(rest, [...paths, path]));
  return next(names, []);
};

withGuest('every case ends as it should on a real USB stack, and what arrives is unchanged', async (t) => {
  t.timeout(GUEST_MS);
  const roms = new Map<string, BootRom>();
  const fastboot = new FastbootDevice({ partitions: { boot: 4 << 20 } });
  const ports = guestCases.map((one) => (port: UsbRedirPort) => {
    if (one.device === 'fastboot') return port.attach(fastbootUsb(fastboot));
    const rom = new BootRom(one.device, port, one.options);
    roms.set(one.name, rom);
    rom.plugIn();
  });
  const said = await withBundles([...(hasUsbIp ? ['usbip-program.ts'] : []), 'program.ts'], (programs) =>
    runGuest(tools!, {
      script: programs.map((path) => `cd ${root} && ${process.execPath} ${path}`).join('; '),
      ports,
      timeoutMs: GUEST_MS,
    }),
  );
  const results = [...said.matchAll(/^RESULT (.*)\r?$/gm)].map((match) => JSON.parse(match[1]!));
  t.deepEqual(
    results.map(({ name, got }) => [name, got]),
    [...(hasUsbIp ? usbIpCases : []), ...guestCases].map(({ name, expect }) => [name, expect]),
    said.slice(-4000),
  );
  const kernel = Buffer.from(guestFiles['kernel8.img']);
  for (const { name, device, expect } of guestCases) {
    if (expect !== 'ok' || device === 'fastboot') continue;
    t.true(kernel.equals(roms.get(name)!.received.get('kernel8.img')!), name);
  }
  t.true(fastboot.partitions.get('boot')!.subarray(0, kernel.length).equals(kernel));
});
