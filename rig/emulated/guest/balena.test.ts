/** The emulator is true: balena's node-raspberrypi-usbboot, with its own libusb and its own files, completes against it. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { root } from '../../../firmware/index.ts';
import { BootRom, type ChipName, type ScriptStep } from '../boot-rom.ts';
import { guestTools, runGuest } from './boot.ts';

/** Folder that the package was installed in: npm install node-raspberrypi-usbboot. */
const folder = process.env.VELOCITY_BALENA ?? root;
const blobs = join(folder, 'node_modules/node-raspberrypi-usbboot/blobs');
const { tools, missing } = guestTools();
const isThere = existsSync(blobs);
const withPeer = tools && isThere ? test : test.skip;
if (!tools || !isThere) {
  const lacks = isThere ? missing : [...missing, 'node-raspberrypi-usbboot (VELOCITY_BALENA)'];
  console.warn(`skipped: balena's usbboot needs ${lacks.join(', ')}`);
}

const RUN_MS = 14_000;
const program = `
const { UsbbootScanner } = require('node-raspberrypi-usbboot');
const scanner = new UsbbootScanner();
scanner.on('error', (error) => console.log('PEER ERROR', error));
scanner.start();
setTimeout(() => process.exit(0), ${RUN_MS});`;

const read = (name: string): ScriptStep[] => [
  { ask: 'size', name },
  { ask: 'read', name },
];

/** Files that the package brings. */
const boards: readonly { chip: ChipName; folder: string; bootcode: string; files: string[] }[] = [
  { chip: 'BCM2711', folder: 'cm4', bootcode: 'bootcode.bin', files: ['start4.elf'] },
  { chip: 'BCM2837', folder: 'raspberrypi', bootcode: 'bootcode.bin', files: ['start_cd.elf', 'kernel.img'] },
];

withPeer("balena's usbboot sends both stages, and every byte arrives", async (t) => {
  const roms: BootRom[] = [];
  const ports = boards.map(({ chip, files }) => (port: ConstructorParameters<typeof BootRom>[1]) => {
    const rom = new BootRom(chip, port, { script: [...files.flatMap(read), { ask: 'done' }] });
    roms.push(rom);
    rom.plugIn();
  });
  const oneLine = program.replaceAll('\n', ' ');
  const script = `cd ${folder} && ${process.execPath} -e "${oneLine}"`;
  const said = await runGuest(tools!, { script, ports, timeoutMs: 120_000 });
  t.notRegex(said, /PEER ERROR/);
  for (const [at, { folder: from, bootcode, files }] of boards.entries()) {
    const rom = roms[at]!;
    const second = readFileSync(join(blobs, from, bootcode));
    t.true(second.equals(rom.received.get('bootcode')!), rom.chip.name);
    for (const name of files) {
      t.true(
        readFileSync(join(blobs, from, name)).equals(rom.received.get(name)!),
        `${rom.chip.name} ${name}`,
      );
    }
  }
});
