/** Speed of the flasher, each beside the tool that people would use instead, in one run: shares of that tool's time. */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../firmware/index.ts';
import { diskTarget, fileBlocks, writeDisk } from '../../flasher/index.ts';
import { type GuestTools, guestTools, runGuest } from '../../rig/emulated/guest/boot.ts';
import { withBundle } from '../../rig/emulated/guest/bundle.ts';
import { BootRom, type ScriptStep } from '../../rig/emulated/index.ts';
import { atMost, type Metric } from './metric.ts';

const DISK_BYTES = 256 * 1024 * 1024;
const DISK_ROUNDS = 9;
const BOOT_ROUNDS = 2;
/** 0.9 of the other's rate, as a share of its time. */
const RATE_GOAL_PERCENT = 100 / 0.9;
/** Read back as well. */
const VERIFIED_GOAL_PERCENT = 200;

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1]!;

const timed = async (work: () => unknown): Promise<number> => {
  const from = performance.now();
  await work();
  return performance.now() - from;
};

type DiskTimes = { dd: number; write: number; verified: number };

const diskRound = async (image: string, disk: string): Promise<DiskTimes> => {
  const dd = await timed(() =>
    execFileSync('dd', [`if=${image}`, `of=${disk}`, 'bs=4M', 'conv=fsync'], { stdio: 'ignore' }),
  );
  const blocks = fileBlocks(image);
  const from = performance.now();
  let write = 0;
  try {
    await writeDisk(diskTarget(disk, DISK_BYTES), blocks, {
      onEvent: ({ event }) => {
        if (event === 'verify' && write === 0) write = performance.now() - from; // all but the first block is synced
      },
    });
  } finally {
    blocks.close();
  }
  return { dd, write, verified: performance.now() - from };
};

/** Onto the same file, which both empty first; the two take turns, and the medians are compared. */
const diskMetrics = async (): Promise<Metric[]> => {
  mkdirSync(join(root, 'build'), { recursive: true });
  const folder = mkdtempSync(join(root, 'build/bench-disk-'));
  try {
    const [image, disk] = [join(folder, 'image'), join(folder, 'disk')];
    writeFileSync(image, randomBytes(DISK_BYTES));
    await diskRound(image, disk);
    const rounds: DiskTimes[] = [];
    for (let round = 0; round < DISK_ROUNDS; round++) rounds.push(await diskRound(image, disk));
    const share = (key: 'write' | 'verified') =>
      (100 * median(rounds.map((one) => one[key]))) / median(rounds.map(({ dd }) => dd));
    return [
      atMost('disk_write', share('write'), '% of dd bs=4M conv=fsync', RATE_GOAL_PERCENT),
      atMost('disk_write_verified', share('verified'), '% of dd bs=4M conv=fsync', VERIFIED_GOAL_PERCENT),
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

const PEER = join(process.env.VELOCITY_BALENA ?? root, 'node_modules/node-raspberrypi-usbboot');
const FILES = join(PEER, 'blobs/raspberrypi');
const both = (name: string): ScriptStep[] => [
  { ask: 'size', name },
  { ask: 'read', name },
];

/** Time between the last byte of the small file and that of the large one (11 MB), as the emulated board sees it. */
const payloadMs = async (tools: GuestTools, script: string): Promise<number> => {
  const at = new Map<string, number>();
  const plug = (port: ConstructorParameters<typeof BootRom>[1]) => {
    const rom = new BootRom('BCM2837', port, {
      script: [...both('start_cd.elf'), ...both('kernel.img'), { ask: 'done' }],
    });
    const set = rom.received.set.bind(rom.received);
    rom.received.set = (name, bytes) => {
      at.set(name, performance.now());
      return set(name, bytes);
    };
    rom.plugIn();
  };
  const said = await runGuest(tools, { script, ports: [plug], timeoutMs: 240_000 });
  const [from, to] = [at.get('start_cd.elf'), at.get('kernel.img')];
  if (from === undefined || to === undefined)
    throw new Error(`the board was not booted: ${said.slice(-2000)}`);
  return to - from;
};

const peerProgram = `const { UsbbootScanner } = require('node-raspberrypi-usbboot');
const scanner = new UsbbootScanner(); scanner.on('detach', () => setTimeout(() => process.exit(0), 3000));
scanner.start(); setTimeout(() => process.exit(0), 60000);`.replaceAll('\n', ' ');

const bootMetrics = async (tools: GuestTools): Promise<Metric[]> => {
  const peerScript = `cd ${join(PEER, '../..')} && ${process.execPath} -e "${peerProgram}"`;
  return withBundle(root, join(import.meta.dirname, 'flash-guest.ts'), async (path) => {
    const [ours, theirs]: [number[], number[]] = [[], []];
    for (let round = 0; round < BOOT_ROUNDS; round++) {
      theirs.push(await payloadMs(tools, peerScript));
      ours.push(await payloadMs(tools, `cd ${root} && ${process.execPath} ${path} ${FILES}`));
    }
    const share = (100 * Math.min(...ours)) / Math.min(...theirs);
    return [atMost('rpiboot_payload', share, '% of node-raspberrypi-usbboot', RATE_GOAL_PERCENT)];
  });
};

/** What is not at hand is said to `progress` and left out. */
export const flashMetrics = async (progress: (line: string) => void): Promise<Metric[]> => {
  const metrics = await diskMetrics();
  const { tools, missing } = guestTools();
  const lacks = existsSync(FILES) ? missing : [...missing, 'node-raspberrypi-usbboot (VELOCITY_BALENA)'];
  if (tools && lacks.length === 0) return [...metrics, ...(await bootMetrics(tools))];
  progress(`skipped: rpiboot_payload needs ${lacks.join(', ')}`);
  return metrics;
};
