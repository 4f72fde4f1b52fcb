/** The flasher through a real Linux USB stack and the real `usb` package: one boot, all cases. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { build } from 'esbuild';
import { root } from '../../../firmware/index.ts';
import { BootRom } from '../boot-rom.ts';
import { FastbootDevice } from '../fastboot-device.ts';
import { fastbootUsb } from '../fastboot-usb.ts';
import type { UsbRedirPort } from '../usbredir.ts';
import { guestTools, runGuest } from './boot.ts';
import { guestCases, guestFiles } from './cases.ts';

const { tools, missing } = guestTools();
const withGuest = tools ? test : test.skip;
if (!tools) console.warn(`skipped: no guest with a real USB stack without ${missing.join(', ')}`);

/** Below the repository, so that the guest finds node_modules from there. */
const bundled = async () => {
  mkdirSync(join(root, 'build'), { recursive: true });
  const folder = mkdtempSync(join(root, 'build/guest-'));
  const outfile = join(folder, 'program.mjs');
  await build({
    entryPoints: [join(import.meta.dirname, 'program.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    external: ['usb'],
    logLevel: 'error',
  });
  return { folder, outfile };
};

withGuest('every case ends as it should on a real USB stack, and what arrives is unchanged', async (t) => {
  const roms = new Map<string, BootRom>();
  const fastboot = new FastbootDevice();
  const ports = guestCases.map((one) => (port: UsbRedirPort) => {
    if (one.device === 'fastboot') return port.attach(fastbootUsb(fastboot));
    const rom = new BootRom(one.device, port, one.options);
    roms.set(one.name, rom);
    rom.plugIn();
  });
  const { folder, outfile } = await bundled();
  const script = `cd ${root} && ${process.execPath} ${outfile}`;
  const said = await runGuest(tools!, { script, ports, timeoutMs: 150_000 });
  rmSync(folder, { recursive: true, force: true });
  const results = [...said.matchAll(/^RESULT (.*)\r?$/gm)].map((match) => JSON.parse(match[1]!));
  t.deepEqual(
    results.map(({ name, got }) => [name, got]),
    guestCases.map(({ name, expect }) => [name, expect]),
    said.slice(-4000),
  );
  const kernel = Buffer.from(guestFiles['kernel8.img']);
  for (const { name, device, expect } of guestCases) {
    if (expect !== 'ok' || device === 'fastboot') continue;
    t.true(kernel.equals(roms.get(name)!.received.get('kernel8.img')!), name);
  }
  t.true(fastboot.partitions.get('boot')!.subarray(0, kernel.length).equals(kernel));
});
