/** The emulator is true: balena's node-raspberrypi-usbboot, with its own libusb and its own files, completes against it. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { balenaFolder, guestKernelFolder } from '../../../cli/flash-peers.ts';
import { BootRom, type ChipName, type ScriptStep } from '../boot-rom.ts';
import { GUEST_MS, guestTools, runGuest } from './boot.ts';

const folder = balenaFolder;
const blobs = join(folder, 'node_modules/node-raspberrypi-usbboot/blobs');
const { tools, missing } = guestTools(guestKernelFolder);
const isThere = existsSync(blobs);
const withPeer = tools && isThere ? test : test.skip;
if (!tools || !isThere) {
  const lacks = isThere ? missing : [...missing, 'node-raspberrypi-usbboot'];
  console.warn(`skipped: balena's usbboot needs ${lacks.join(', ')}`);
}

/** Ends when every board left USB from its second stage. */
const program = `
const { usb } = require('usb');
const { UsbbootScanner } = require('node-raspberrypi-usbboot');
const scanner = new UsbbootScanner();
let left = 2;
usb.on('detach', (device) => device.deviceDescriptor.iSerialNumber === 1 && --left === 0 && process.exit(0));
scanner.on('error', (error) => console.log('PEER ERROR', error));
scanner.start();
setTimeout(() => console.log('PEER ERROR', 'a board is still there') || process.exit(1), 150000);`;

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
  t.timeout(GUEST_MS);
  const roms: BootRom[] = [];
  const ports = boards.map(({ chip, files }) => (port: ConstructorParameters<typeof BootRom>[1]) => {
    const rom = new BootRom(chip, port, { script: files.flatMap(read), leaves: true });
    roms.push(rom);
    rom.plugIn();
  });
  const oneLine = program.replaceAll('\n', ' ');
  const script = `cd ${folder} && ${process.execPath} -e "${oneLine}"`;
  const said = await runGuest(tools!, { script, ports, timeoutMs: GUEST_MS });
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
