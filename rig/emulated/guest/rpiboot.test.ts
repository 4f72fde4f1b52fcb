/** The emulator is true: Raspberry Pi's own C `rpiboot` completes against it, where a person has it (Debian 13: package rpiboot). */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { guestKernelFolder } from '../../../cli/flash-peers.ts';
import { root } from '../../../firmware/index.ts';
import { BootRom } from '../boot-rom.ts';
import type { UsbRedirPort } from '../usbredir.ts';
import { GUEST_MS, guestTools, runGuest } from './boot.ts';
import { guestFiles } from './cases.ts';

const { tools, missing } = guestTools(guestKernelFolder);
const isThere = spawnSync('sh', ['-c', 'command -v rpiboot']).status === 0;
const withPeer = tools && isThere ? test : test.skip;
if (!tools || !isThere)
  console.warn(
    `skipped: Raspberry Pi's rpiboot needs ${[...(isThere ? [] : ['rpiboot']), ...missing].join(', ')}`,
  );

withPeer("Raspberry Pi's rpiboot sends both stages, and every byte arrives", async (t) => {
  t.timeout(GUEST_MS);
  const folder = mkdtempSync(join(root, 'build/rpiboot-')); // the guest sees this machine's files
  for (const [name, bytes] of Object.entries(guestFiles)) writeFileSync(join(folder, name), bytes);
  let rom: BootRom | undefined;
  const plug = (port: UsbRedirPort) => {
    rom = new BootRom('BCM2711', port);
    rom.plugIn();
  };
  try {
    const script = `rpiboot -d ${folder}; echo "rpiboot ended with $?"`;
    const said = await runGuest(tools!, { script, ports: [plug], timeoutMs: GUEST_MS });
    t.regex(said, /rpiboot ended with 0/);
    t.true(Buffer.from(guestFiles['bootcode4.bin']).equals(rom!.received.get('bootcode')!));
    for (const name of ['config.txt', 'start4.elf', 'kernel8.img'] as const)
      t.true(Buffer.from(guestFiles[name]).equals(rom!.received.get(name)!), name);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
