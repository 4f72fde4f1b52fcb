/** One try of each way onto a board, against emulated devices that go wrong on demand. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { boardNamed } from '../../boards/index.ts';
import {
  bootThroughUBoot,
  type DiskSystem,
  type DiskTarget,
  diskTarget,
  FastbootClient,
  type FastbootTransport,
  flashVirtual,
  memoryBlocks,
  memorySource,
  openFastbootTcp,
  openFastbootUdp,
  openFastbootUsb,
  rpiboot,
  sha256,
  startFromMemory,
  verifyVirtual,
  waitForDisk,
  writeDisk,
} from '../../flasher/index.ts';
import {
  BootRom,
  type BootRomOptions,
  type DiskFault,
  EmulatedBus,
  EmulatedDisk,
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
import { EmulatedKernel, type KernelFault, runningOf, updateOf } from './kernel.ts';

const bytesOf = (length: number, seed: number) =>
  Buffer.from(Array.from({ length }, (_, i) => (i * 7 + (i >> 8) + seed) & 0xff));
const kernel = bytesOf(20_000, 7);

/** Short, so that a wait that reaches its limit is seen; long enough for a loaded machine where all goes well. */
export type Pace = 'patient' | 'quick';
const rpibootLimits = {
  patient: { controlMs: 20_000, bulkMs: 20_000, requestMs: 20_000, reappearMs: 20_000 },
  quick: { controlMs: 60, bulkMs: 60, requestMs: 60, reappearMs: 300 },
};
const fastbootPace = {
  patient: { replyMs: 20_000, dataMs: 20_000, workMs: 20_000 },
  quick: { replyMs: 60, dataMs: 60, workMs: 60 },
};
const uBootPace = {
  patient: { startMs: 20_000, answerMs: 20_000, promptMs: 20_000, commandMs: 20_000 },
  quick: { startMs: 400, answerMs: 60, promptMs: 400, commandMs: 400 },
};

/** Fails as the flasher fails, or ends; `check` says what is wrong with what arrived. Counts transfers where it can. */
export type Attempt<F> = (fault: F | undefined, pace: Pace) => Promise<{ transfers: number }>;

const source = memorySource('emulated firmware', {
  'bootcode4.bin': bytesOf(3000, 1),
  'config.txt': Buffer.from('arm_64bit=1\n'),
  'start4.elf': bytesOf(9000, 2),
  'kernel8.img': kernel,
});

const mustBe = (got: Uint8Array | undefined, wanted: Uint8Array, what: string) => {
  if (!got || !Buffer.from(got).subarray(0, wanted.length).equals(wanted))
    throw new Error(`${what} did not arrive unchanged`);
};

export const tryRpiboot: Attempt<BootRomOptions> = async (options = {}, pace) => {
  const bus = new EmulatedBus();
  const rom = new BootRom('BCM2711', bus, options);
  rom.plugIn();
  const [device] = await bus.list();
  await rpiboot(bus, device!, { source, limits: rpibootLimits[pace], required: ['kernel8.img'] });
  mustBe(rom.received.get('kernel8.img'), kernel, 'the kernel');
  return { transfers: rom.transfers };
};

const target: DiskTarget = {
  path: '/dev/sdx',
  kind: 'disk',
  erases: true,
  describe: 'emulated disk',
};
const card = bytesOf(100_000, 9);

const diskSystem = (paths: readonly string[], bytes = 1_000_000): DiskSystem => ({
  blockTree: () => paths.map((path) => ({ path, size: bytes, type: 'disk', mountpoints: [null] })),
  mounts: () => '',
  look: (path) => (paths.includes(path) ? { path, kind: 'disk' } : undefined),
});

export type DiskTrouble = DiskFault | { readonly kind: 'gone' } | { readonly kind: 'too-small' };

export const tryDisk: Attempt<DiskTrouble> = async (fault) => {
  const paths = fault?.kind === 'gone' ? ['/dev/sda'] : ['/dev/sda', target.path];
  diskTarget(target.path, card.length, diskSystem(paths, fault?.kind === 'too-small' ? 4096 : undefined));
  const emulated = fault?.kind === 'gone' || fault?.kind === 'too-small' ? undefined : fault;
  const disk = new EmulatedDisk(200_000, emulated);
  await writeDisk(target, memoryBlocks('card', card), { open: disk.open });
  mustBe(disk.bytes, card, 'the disk image');
  return { transfers: disk.operations };
};

export type StorageTrouble =
  /** Vanishes at this transfer over USB, or operation of the disk that it became. */
  | { readonly goneAt: number }
  | { readonly boot: BootRomOptions }
  | { readonly disk: DiskFault }
  | { readonly appears: readonly string[] };

const becomesDisk = async (appears: readonly string[], pace: Pace) => {
  const system = diskSystem(['/dev/sda', ...appears]);
  const timeoutMs = pace === 'quick' ? 60 : 20_000;
  const found = await waitForDisk(new Set(['/dev/sda']), { timeoutMs, pollMs: 5, system });
  if (found.path !== target.path) throw new Error(`${found.path} appeared`);
};

/** Its last transfer says that it is done: leaving then is how it becomes a disk. */
const goneAt = async (at: number, pace: Pace) => {
  const { transfers } = await tryRpiboot({ fault: { kind: 'unplug', at } }, pace);
  await becomesDisk([target.path], pace);
  return tryDisk({ kind: 'leaves', at: Math.max(0, at - (transfers - 1)), code: 'EIO' }, pace);
};

/** The board boots what makes it a disk, the disk appears, and is written. */
export const tryMassStorage: Attempt<StorageTrouble> = async (trouble, pace) => {
  if (trouble && 'goneAt' in trouble) return goneAt(trouble.goneAt, pace);
  const inBoot = trouble !== undefined && 'boot' in trouble;
  const boot = await tryRpiboot(inBoot ? trouble.boot : undefined, inBoot ? pace : 'patient');
  await becomesDisk(trouble && 'appears' in trouble ? trouble.appears : [target.path], pace);
  const disk = await tryDisk(trouble && 'disk' in trouble ? trouble.disk : undefined, pace);
  return { transfers: boot.transfers - 1 + disk.transfers };
};

export type FastbootTrouble = {
  readonly usb?: Fault;
  readonly network?: NetworkFault;
  readonly device?: FastbootDeviceOptions;
};

const fastboot = async (transport: FastbootTransport, device: FastbootDevice, pace: Pace) => {
  const client = new FastbootClient(transport, { limits: fastbootPace[pace] });
  try {
    await client.flash('boot', memoryBlocks('Image', kernel));
  } finally {
    await client.close();
  }
  mustBe(device.partitions.get('boot'), kernel, 'the image');
};

export const tryFastbootUsb: Attempt<FastbootTrouble> = async (trouble, pace) => {
  const bus = new EmulatedBus();
  const device = new FastbootDevice(trouble?.device);
  const usb = fastbootUsb(device, trouble?.usb, () => bus.detach(usb));
  bus.attach(usb, '1-1');
  await fastboot(await openFastbootUsb((await bus.list())[0]!), device, pace);
  return { transfers: usb.plan.transfers };
};

const network =
  (kind: 'tcp' | 'udp'): Attempt<FastbootTrouble> =>
  async (trouble, pace) => {
    const device = new FastbootDevice(trouble?.device);
    const server = await (kind === 'tcp' ? serveFastbootTcp : serveFastbootUdp)(device, trouble?.network);
    const waitMs = pace === 'quick' ? 400 : 20_000;
    try {
      const transport = await (kind === 'tcp'
        ? openFastbootTcp('127.0.0.1', server.port, waitMs)
        : openFastbootUdp('127.0.0.1', server.port, { connectMs: waitMs, resendMs: 50 }));
      await fastboot(transport, device, pace);
    } finally {
      await server.close();
    }
    return { transfers: server.packets() };
  };

export const tryFastbootTcp = network('tcp');
export const tryFastbootUdp = network('udp');

export const tryUBoot: Attempt<UBootFault> = async (fault, pace) => {
  const board = new UBootBoard(fault);
  await bootThroughUBoot(board, kernel.subarray(0, 3000), { limits: uBootPace[pace] });
  mustBe(board.memory, kernel.subarray(0, 3000), 'the image');
  return { transfers: board.messages };
};

const BUILD = 'cd'.repeat(20);

/** On the same board, which keeps what came: the next try goes on from there. */
export const trySerial = (board: EmulatedKernel): Attempt<KernelFault> => {
  return async (fault, pace) => {
    const link = await board.open(fault, { retries: pace === 'quick' ? 0 : 10 });
    const options = { board: boardNamed('rpi4b'), limits: { bannerMs: pace === 'quick' ? 200 : 20_000 } };
    try {
      await startFromMemory(runningOf(link, pace === 'quick' ? 60 : 1000), updateOf(kernel, BUILD), options);
    } finally {
      await link.close();
    }
    mustBe(board.received, kernel, 'the image');
    return { transfers: board.requests };
  };
};
export const newKernel = () => new EmulatedKernel(BUILD);

export type VirtualTrouble = 'changed' | 'no-folder' | 'gone';

export const tryVirtual: Attempt<VirtualTrouble> = async (trouble) => {
  const folder = mkdtempSync(join(tmpdir(), 'velocity-virtual-'));
  const board = boardNamed('qemu-virt');
  const image = { bytes: kernel, sha256: sha256(kernel), build: BUILD, version: '0.1.0' };
  try {
    if (trouble === 'no-folder') writeFileSync(join(folder, 'file'), '');
    const storage = { folder: trouble === 'no-folder' ? join(folder, 'file') : folder };
    flashVirtual(board, storage, image, ({ step, done }) => {
      const isWritten = step === 'write' && done > 0;
      if (trouble === 'gone' && isWritten) rmSync(folder, { recursive: true, force: true });
    });
    if (trouble === 'changed') writeFileSync(join(folder, 'Image'), kernel.subarray(1));
    verifyVirtual(board, storage, image);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return { transfers: 0 };
};
