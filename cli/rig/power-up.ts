/** Power and flash: from an entry of the bench to a board that starts. */
import { type StdioOptions, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isModel } from '../../boards/index.ts';
import { paths, requireTool } from '../../firmware/index.ts';
import { type FlashImage, flashVirtual, readImage, virtualImage } from '../../flasher/index.ts';
import {
  CauseError,
  type Flash,
  type Powered,
  powerCycle,
  type RigBoard,
  rootProperties,
  runCommand,
  startVirtualBoard,
  switchPower,
} from '../../rig/index.ts';
import { ownCommand } from '../own-command.ts';
import type { Images } from './session.ts';

/** Linux Documentation/arch/arm64/booting.rst: "ARM\x64" at offset 56. */
const ARM64_MAGIC = 0x644d5241;
const FLASH_MS = 600_000;

const isArm64 = (image: Buffer) => image.length > 64 && image.readUInt32LE(56) === ARM64_MAGIC;

const imageFor = ({ emulated, name }: RigBoard, images: Images): FlashImage => {
  const path = emulated.image ?? images.manifest;
  if (path.endsWith('.json')) return readImage(path);
  const bytes = readFileSync(path);
  if (!isArm64(bytes)) {
    throw new CauseError(
      'wrong_image',
      `${path} is no image for ${name}: it lacks the header of an arm64 Image`,
      'flash an image of `velocity build`',
    );
  }
  return { bytes, sha256: createHash('sha256').update(bytes).digest('hex'), build: '', version: '' };
};

const checkTree = ({ board, name }: RigBoard, path: string) => {
  const tree = rootProperties(readFileSync(path));
  if (!tree) throw new CauseError('wrong_image', `${path} is no compiled device tree`, 'compile it with dtc');
  if (isModel(tree.model, board)) return;
  throw new CauseError(
    'wrong_image',
    `the image for ${name} is for another board: its device tree is of "${tree.model}" (${tree.compatible.join(', ')}), the board is a ${board.model}`,
    `flash what was made for it: velocity image --board ${board.name}`,
  );
};

export type Flashed = { readonly detail: string; readonly path: string; readonly deviceTree?: string };

/** Writes an emulated board's storage. @throws CauseError `wrong_image` */
export const flashEmulated = (entry: RigBoard, images: Images): Flashed => {
  const image = imageFor(entry, images);
  const deviceTree = entry.emulated.device_tree ?? images.deviceTree;
  if (deviceTree) checkTree(entry, deviceTree);
  const storage = { folder: join(paths.state, 'rig', entry.name.replaceAll('/', '_')) };
  flashVirtual(entry.board, storage, image);
  return {
    detail: `${image.bytes.length} bytes written and read back`,
    path: virtualImage(storage),
    ...(deviceTree ? { deviceTree } : {}),
  };
};

export const startEmulated = async (entry: RigBoard, flashed: Flashed): Promise<Powered> => {
  const { machine, clock } = entry.emulated;
  return startVirtualBoard({
    board: entry.board,
    image: flashed.path,
    qemu: requireTool('qemu'),
    ...(flashed.deviceTree ? { dtb: flashed.deviceTree } : {}),
    ...(machine ? { machine } : {}),
    ...(clock ? { clock } : {}),
  });
};

type FlashBy<B extends Flash['by']> = Extract<Flash, { readonly by: B }>;

/** Options of `velocity flash` for each transport. */
const flashOptions: {
  readonly [B in Exclude<Flash['by'], 'none' | 'command'>]: (flash: FlashBy<B>, entry: RigBoard) => string[];
} = {
  usb: ({ location, firmware_dir }) => [
    ...(location ? ['--usb', location] : []),
    ...(firmware_dir ? ['--firmware-dir', firmware_dir] : []),
  ],
  fastboot: ({ address, partition }) => [
    '--fastboot',
    address,
    ...(partition ? ['--partition', partition, '--yes'] : []),
  ],
  'u-boot': (_, { serial, baud }) => ['--u-boot', '--port', serial!, '--baud', String(baud)],
  disk: ({ to, firmware_dir }) => [
    '--to',
    to,
    '--yes',
    ...(firmware_dir ? ['--firmware-dir', firmware_dir] : []),
  ],
};

/** The same command that a person would type, so that the rig flashes as people do. */
const velocityFlash = (args: readonly string[]): Promise<void> =>
  new Promise((resolve, reject) => {
    const stdio: StdioOptions = ['ignore', 'pipe', 'pipe'];
    const child = spawn(process.execPath, [...ownCommand(), 'flash', ...args], { stdio, timeout: FLASH_MS });
    let output = '';
    for (const stream of [child.stdout!, child.stderr!]) {
      stream.on('data', (chunk: Buffer) => {
        output = (output + chunk).slice(-4000);
      });
    }
    child.on('error', reject);
    child.on('close', (code) =>
      code === 0
        ? resolve()
        : reject(new Error(output.trim().split('\n').slice(-4).join(' / ') || `status ${code}`)),
    );
  });

const runFlash = async (entry: RigBoard, images: Images): Promise<string> => {
  const { flash, board, name } = entry;
  try {
    if (flash.by === 'none') return 'nothing is flashed: it boots what it has';
    if (flash.by === 'command') {
      const env = { IMAGE: images.image, MANIFEST: images.manifest, DEVICE_TREE: images.deviceTree ?? '' };
      await runCommand(`${name}: flashing`, flash.run, { env, timeoutMs: FLASH_MS });
      return 'by command';
    }
    const options = flashOptions[flash.by] as (flash: Flash, entry: RigBoard) => string[];
    await velocityFlash(['--board', board.name, '--image', images.manifest, ...options(flash, entry)]);
    return flash.by === 'disk' ? 'by disk, written and verified' : `by ${flash.by}`; // others read nothing back
  } catch (error) {
    throw new CauseError(
      'flash_failed',
      `flashing ${name} failed: ${(error as Error).message}`,
      (error as { hint?: string }).hint,
    );
  }
};

/** Transports that need the board off, so that somebody else can have its card. */
const flashedOff = (flash: Flash) => flash.by === 'disk' || flash.by === 'command';

const power = async (work: () => Promise<unknown>) => {
  try {
    return await work();
  } catch (error) {
    throw new CauseError('power_command', (error as Error).message, (error as { hint?: string }).hint);
  }
};

/** Switches a real board and flashes it, in the order its transport needs. @throws CauseError */
export const startReal = async (
  entry: RigBoard,
  images: Images,
  step: (phase: 'power' | 'flash', work: () => Promise<string>) => Promise<void>,
  listen: () => Promise<void>,
): Promise<void> => {
  const { name, power: how, flash } = entry;
  const by = how.by === 'none' ? 'not switched: it is as it is' : `by ${how.by}`;
  const on = async () => {
    await power(() => (flashedOff(flash) ? switchPower(name, how, 'on') : powerCycle(name, how)));
    return by;
  };
  if (flashedOff(flash)) {
    await power(() => switchPower(name, how, 'off'));
    await step('flash', () => runFlash(entry, images));
    await listen(); // before the first byte comes
    return step('power', on);
  }
  if (flash.by === 'none') await listen();
  await step('power', on);
  await step('flash', () => runFlash(entry, images));
  if (flash.by !== 'none') await listen();
};
