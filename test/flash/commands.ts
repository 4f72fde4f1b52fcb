/** Faults as the command ends with them: one command line for each way and error, with its exit code. Drives the table in docs/reference/flash-faults.md. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onSocket, temporaryFolder } from '../../cli/test/command-line.ts';
import type { FlashFiles } from '../../cli/test/flash-files.ts';
import type { UsbHost } from '../../flasher/index.ts';
import {
  BootRom,
  type BootRomOptions,
  EmulatedBus,
  FastbootDevice,
  type FastbootDeviceOptions,
  type Fault,
  fastbootUsb,
  type NetworkFault,
  serveFastbootTcp,
  serveFastbootUdp,
  UBootBoard,
  type UBootFault,
} from '../../rig/emulated/index.ts';
import { EmulatedKernel, type KernelFault } from './kernel.ts';

/** What `velocity flash` is called with, and on what. */
type Trial = { readonly argv: readonly string[]; readonly usb?: UsbHost; readonly end?: () => Promise<void> };

export type CommandCase = {
  /** A name in faults.ts. */
  readonly way: string;
  /** Of the error, or `works`. */
  readonly code: string;
  readonly exit: number;
  readonly make: (files: FlashFiles) => Trial | Promise<Trial>;
};

const withRom = (options: BootRomOptions, argv: (files: FlashFiles) => string[]) => (files: FlashFiles) => {
  const usb = new EmulatedBus();
  new BootRom('BCM2711', usb, options).plugIn();
  return { usb, argv: ['--board', 'cm4', '--image', files.manifest, ...argv(files)] };
};
const boot = (options: BootRomOptions) => withRom(options, ({ folder }) => ['--firmware-dir', folder]);
const storage = (options: BootRomOptions) =>
  withRom(options, ({ folder }) => ['--firmware-dir', folder, '--mass-storage', folder, '--yes']);

const intoPartition = ({ manifest }: FlashFiles) => ['--image', manifest, '--partition', 'boot', '--yes'];

const onUsb = (device: FastbootDeviceOptions, fault?: Fault) => (files: FlashFiles) => {
  const usb = new EmulatedBus();
  usb.attach(fastbootUsb(new FastbootDevice(device), fault), '1-1');
  return { usb, argv: intoPartition(files) };
};

const onNetwork =
  (kind: 'tcp' | 'udp', device: FastbootDeviceOptions, fault: NetworkFault = {}) =>
  async (files: FlashFiles) => {
    const serve = kind === 'tcp' ? serveFastbootTcp : serveFastbootUdp;
    const server = await serve(new FastbootDevice(device), fault);
    const argv = ['--fastboot', `${kind}:127.0.0.1:${server.port}`, ...intoPartition(files)];
    return { argv, end: () => server.close() };
  };

const onKernel = (fault?: KernelFault) => async (files: FlashFiles) => {
  const port = await onSocket(new EmulatedKernel(files.build).plug(fault));
  return { argv: ['--board', 'rpi4b', '--image', files.manifest, '--port', port] };
};

const onUBoot = (fault: UBootFault) => async (files: FlashFiles) => {
  const port = await onSocket(new UBootBoard(fault));
  return { argv: ['--u-boot', '--image', files.manifest, '--port', port] };
};

const onDisk = (to: string) => (files: FlashFiles) => ({ argv: ['--image', files.manifest, '--to', to] });

/** A whole disk image, and a file that holds it, or almost. */
const onFile = (isChanged: boolean) => () => {
  const folder = temporaryFolder();
  const [from, to] = [join(folder, 'from.img'), join(folder, 'to.img')];
  writeFileSync(from, Buffer.alloc(100_000, 7));
  const held = readFileSync(from);
  held[50_000]! ^= isChanged ? 1 : 0;
  writeFileSync(to, held);
  return { argv: ['--image', from, '--to', to, ...(isChanged ? ['--verify-only'] : ['--yes'])] };
};

const faultAt = (kind: 'unplug' | 'stall' | 'short' | 'silent', at: number): Fault => ({ kind, at });
const OTHER = { partitions: { other: 4096 } };
const ROOMY = { partitions: { boot: 1 << 20 } };

type Row = readonly [code: string, exit: number, make: CommandCase['make']];
const way = (name: string, rows: readonly Row[]): CommandCase[] =>
  rows.map(([code, exit, make]) => ({ way: name, code, exit, make }));

export const commandCases: readonly CommandCase[] = [
  ...way('rpiboot', [
    ['works', 0, boot({ reappearsAt: '2-1' })],
    ['unplugged', 4, boot({ fault: faultAt('unplug', 9) })],
    ['stalled', 8, boot({ fault: faultAt('stall', 9) })],
    ['bad_device', 8, boot({ script: [{ ask: 'raw', message: new Uint8Array(17) }] })],
    ['timeout', 7, boot({ fault: faultAt('silent', 0) })],
    ['refused', 8, boot({ script: [{ ask: 'read', name: 'config.txt' }, { ask: 'done' }] })],
  ]),
  ...way('rpiboot mass storage', [
    ['unplugged', 4, storage({ fault: faultAt('unplug', 4) })],
    ['stalled', 8, storage({ fault: faultAt('stall', 4) })],
    ['timeout', 7, storage({ fault: faultAt('silent', 0) })],
  ]),
  ...way('fastboot over USB', [
    ['unplugged', 4, onUsb(ROOMY, faultAt('unplug', 3))],
    ['stalled', 8, onUsb(ROOMY, faultAt('stall', 3))],
    ['bad_device', 8, onUsb({ claimsSize: 0xfff })],
    ['timeout', 7, onUsb(ROOMY, faultAt('silent', 1))],
    ['refused', 8, onUsb(OTHER)],
  ]),
  ...way('fastboot over TCP', [
    ['unplugged', 4, onNetwork('tcp', ROOMY, { closeAfter: 2 })],
    ['bad_device', 8, onNetwork('tcp', ROOMY, { greeting: 'SSH-' })],
    ['timeout', 7, onNetwork('tcp', ROOMY, { silentAfter: 0 })],
  ]),
  ...way('fastboot over UDP', [
    ['works', 0, onNetwork('udp', ROOMY, { loseEvery: 40 })],
    ['bad_device', 8, onNetwork('udp', { babbles: true })],
    ['timeout', 7, onNetwork('udp', ROOMY, { silentAfter: 0 })],
    ['refused', 8, onNetwork('udp', OTHER)],
  ]),
  ...way('disk', [
    ['works', 0, onFile(false)],
    ['unplugged', 4, onDisk('/dev/velocity-none')],
    ['disk_refused', 2, onDisk('/dev/null')],
    ['verify_failed', 9, onFile(true)],
  ]),
  ...way('serial, into memory', [
    ['works', 0, onKernel()],
    ['unplugged', 4, onKernel({ kind: 'unplug', at: 3 })],
    ['timeout', 7, onKernel({ kind: 'silent', at: 0 })],
    ['wrong_mode', 8, onKernel({ kind: 'wrong-board' })],
    ['refused', 8, onKernel({ kind: 'not-started' })],
  ]),
  ...way('serial, U-Boot prompt', [
    ['unplugged', 4, onUBoot({ leavesAt: 6 })],
    ['bad_device', 8, onUBoot({ claimsSize: 12 })],
    ['timeout', 7, onUBoot({ isMute: true })],
    ['refused', 8, onUBoot({ refusesImage: true })],
  ]),
];
