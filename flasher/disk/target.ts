/** Decides whether an image may be written to a place, before anything is opened for writing. */
import { existsSync, statfsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { DiskRefusedError, NoDeviceError } from '../errors.ts';
import { type DiskSystem, diskOfPartition, listDisks, systemDisks } from './disks.ts';

export type DiskTarget = {
  readonly path: string;
  readonly kind: 'disk' | 'file';
  /** Whether what is there now would be lost. */
  readonly erases: boolean;
  /** One line for the question before it is erased. */
  readonly describe: string;
  /** Which medium is in it, where the system counts them. */
  readonly medium?: string | undefined;
};

const human = (bytes: number) => {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const power = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(bytes, 1)) / 3));
  return `${(bytes / 1000 ** power).toFixed(power > 0 ? 1 : 0)} ${units[power]}`;
};

const refuse = (path: string, problem: string, hint: string): never => {
  throw new DiskRefusedError(path, problem, hint);
};

const asDisk = (path: string, imageBytes: number, system: DiskSystem): DiskTarget => {
  const disk = listDisks(system).find((one) => one.path === path);
  const whole = disk ? undefined : diskOfPartition(path, system);
  if (whole) return refuse(path, 'is a partition', `name the whole disk: ${whole}`);
  if (!disk) return refuse(path, 'holds no medium, or is no disk', 'see `velocity flash --list`');
  if (disk.system) {
    return refuse(
      path,
      `is this system's own disk (${disk.system} is on it)`,
      'name another disk; see --list',
    );
  }
  if (disk.mounts.length > 0) {
    const commands = disk.mounts.map((point) => `umount ${JSON.stringify(point)}`).join(' && ');
    return refuse(path, `is mounted at ${disk.mounts.join(', ')}`, `unmount it first: ${commands}`);
  }
  if (disk.readOnly)
    return refuse(path, 'is write protected', 'move the switch on the card, or use another one');
  if (disk.bytes < imageBytes) {
    return refuse(
      path,
      `has ${disk.bytes} bytes and the image needs ${imageBytes}`,
      'use a larger card or disk',
    );
  }
  const kind = disk.removable ? (disk.transport ?? 'removable') : 'internal disk';
  return {
    path,
    kind: 'disk',
    erases: true,
    describe: `${path}: ${disk.model}, ${human(disk.bytes)}, ${kind}`,
    medium: system.mediumOf?.(path),
  };
};

const asFile = (path: string, imageBytes: number): DiskTarget => {
  const folder = dirname(path);
  if (!existsSync(folder)) throw new NoDeviceError(path, { hint: `there is no folder ${folder}` });
  const { bavail, bsize } = statfsSync(folder);
  const existing = existsSync(path) ? statSync(path).size : 0;
  const room = bavail * bsize + existing;
  if (room < imageBytes) {
    refuse(
      path,
      `its file system has ${room} bytes left and the image needs ${imageBytes}`,
      'make room first',
    );
  }
  const erases = existsSync(path);
  return {
    path,
    kind: 'file',
    erases,
    describe: erases ? `the file ${path}, ${human(existing)}` : `a new file ${path}`,
  };
};

/** @throws DiskRefusedError, NoDeviceError, FlashError (missing_tool) */
export const diskTarget = (
  path: string,
  imageBytes: number,
  system: DiskSystem = systemDisks,
): DiskTarget => {
  const found = system.look(path);
  if (found?.kind === 'disk') return asDisk(found.path, imageBytes, system);
  if (found?.kind === 'file') return asFile(found.path, imageBytes);
  if (found)
    return refuse(
      path,
      'is neither a disk nor a file',
      'name a disk such as /dev/sdb; see `velocity flash --list`',
    );
  if (path.startsWith('/dev/')) throw new NoDeviceError(path, { hint: 'see `velocity flash --list`' });
  return asFile(path, imageBytes);
};

/** Whether what somebody answered for is still what is there: a question may stand for hours. @throws DiskRefusedError */
export const checkUnchanged = (
  before: DiskTarget,
  imageBytes: number,
  system: DiskSystem = systemDisks,
): void => {
  const now = diskTarget(before.path, imageBytes, system);
  if (now.describe === before.describe && now.medium === before.medium) return;
  refuse(before.path, `was changed since it was asked about; now it is ${now.describe}`, 'begin again');
};
