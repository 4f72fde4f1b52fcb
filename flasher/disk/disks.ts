/** The machine's disks as lsblk and the kernel describe them, and which of them must not be written. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { FlashError } from '../errors.ts';

/** One row of `lsblk -J`; partitions, encrypted volumes and the like are children. */
export type BlockNode = {
  readonly path: string;
  readonly size: number | string | null;
  readonly type: string;
  readonly rm?: boolean;
  readonly ro?: boolean;
  readonly tran?: string | null;
  readonly model?: string | null;
  readonly mountpoints?: readonly (string | null)[];
  readonly children?: readonly BlockNode[];
};

export type Disk = {
  readonly path: string;
  readonly bytes: number;
  readonly model: string;
  readonly removable: boolean;
  /** `usb`, `mmc`, `nvme`, … as lsblk says. */
  readonly transport: string | undefined;
  readonly mounts: readonly string[];
  /** Why it must not be written, whatever the user says. */
  readonly system: string | undefined;
  readonly readOnly: boolean;
};

/** What is asked of the operating system; passed in by tests. */
export type DiskSystem = {
  readonly blockTree: () => readonly BlockNode[];
  /** Text of /proc/mounts. */
  readonly mounts: () => string;
  /** What is at a path, links followed; undefined when nothing is. */
  readonly look: (
    path: string,
  ) => { readonly path: string; readonly kind: 'disk' | 'file' | 'other' } | undefined;
  /** The USB port that a disk hangs on, e.g. `1-1.2`; null where it hangs on none, undefined where nobody knows. */
  readonly portOf?: (path: string) => string | null | undefined;
  /** Another number for each medium (Linux 5.15, diskseq); undefined where nobody counts. */
  readonly mediumOf?: (path: string) => string | undefined;
  /** Why this system's disks are not known here. */
  readonly unknown?: string;
};

const COLUMNS = 'PATH,SIZE,TYPE,RM,RO,TRAN,MODEL,MOUNTPOINTS';

const lsblk = (): readonly BlockNode[] => {
  try {
    const said = execFileSync('lsblk', ['-J', '-b', '-o', COLUMNS], { encoding: 'utf8', timeout: 10_000 });
    return (JSON.parse(said) as { blockdevices: BlockNode[] }).blockdevices;
  } catch (cause) {
    throw new FlashError('missing_tool', 'lsblk', 'cannot say which disks are in use', {
      hint: 'install util-linux 2.37 or newer; without it no disk is written',
      cause,
    });
  }
};

const look: DiskSystem['look'] = (path) => {
  if (!existsSync(path)) return undefined;
  const real = realpathSync(path); // /dev/disk/by-id/… is a link
  const stat = statSync(real);
  return { path: real, kind: stat.isBlockDevice() ? 'disk' : stat.isFile() ? 'file' : 'other' };
};

const BLOCK = '/sys/class/block';
/** A USB interface's folder: PORT:CONFIGURATION.INTERFACE. */
const INTERFACE = /\/(\d+-[\d.]+):\d+\.\d+\//g;

/** By the place of its device among those of the machine. */
export const sysfsPort = (path: string, folder = BLOCK): string | null | undefined => {
  try {
    return [...realpathSync(join(folder, basename(path))).matchAll(INTERFACE)].at(-1)?.[1] ?? null;
  } catch {
    return undefined;
  }
};

const sysfsMedium = (path: string): string | undefined => {
  try {
    return readFileSync(join(BLOCK, basename(path), 'diskseq'), 'utf8').trim();
  } catch {
    return undefined;
  }
};

const linuxDisks: DiskSystem = {
  look,
  portOf: sysfsPort,
  mediumOf: sysfsMedium,
  blockTree: lsblk,
  mounts: () => readFileSync('/proc/mounts', 'utf8'),
};

/** How disks, and what lies on them, are called elsewhere: /dev/disk4, \\.\PhysicalDrive2, E: */
const DEVICE = /^(\/dev\/|[\\/]{2}[.?][\\/]|[A-Za-z]:[\\/]?$)/;

const UNKNOWN = 'which disks may be written is known on Linux only';
const IMAGER =
  'make an image (velocity image --board NAME --out card.img), and write that with Raspberry Pi Imager or balenaEtcher';

/** Nobody says there which disks are in use, so none is written; files are. */
const otherDisks: DiskSystem = {
  look: (path) => (DEVICE.test(path) ? { path, kind: 'disk' } : look(path)),
  blockTree: () => {
    throw new FlashError('missing_tool', 'disks', UNKNOWN, { hint: IMAGER });
  },
  mounts: () => '',
  unknown: `${UNKNOWN}: ${IMAGER}`,
};

export const disksOf = (platform: NodeJS.Platform): DiskSystem =>
  platform === 'linux' ? linuxDisks : otherDisks;

export const systemDisks: DiskSystem = disksOf(process.platform);

/** Mount points without which the running system does not go on. */
const SYSTEM_MOUNT = /^(\/|\/boot(\/.*)?|\/efi|\/usr|\/var|\/home|\/nix|\/opt|\/etc|\[SWAP\])$/;
const DISK_TYPES = new Set(['disk', 'loop', 'mpath', 'raid0', 'raid1']);

const withDescendants = (node: BlockNode): BlockNode[] => [
  node,
  ...(node.children ?? []).flatMap(withDescendants),
];

/** /proc/mounts: device, mount point, …; spaces are written as \040. */
const mountedAt = (system: DiskSystem, paths: ReadonlySet<string>) =>
  system
    .mounts()
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([device]) => device !== undefined && paths.has(device))
    .map(([, point]) => point!.replace(/\\040/g, ' '));

const toDisk = (system: DiskSystem, node: BlockNode): Disk => {
  const nodes = withDescendants(node);
  const said = nodes.flatMap(({ mountpoints }) => mountpoints ?? []).filter((point) => point !== null);
  const mounts = [...new Set([...said, ...mountedAt(system, new Set(nodes.map(({ path }) => path)))])];
  const needed = mounts.find((point) => SYSTEM_MOUNT.test(point));
  return {
    path: node.path,
    bytes: Number(node.size ?? 0),
    model: node.model?.trim() || 'no model name',
    removable: node.rm === true || node.tran === 'usb' || node.tran === 'mmc',
    transport: node.tran ?? undefined,
    mounts,
    system: needed,
    readOnly: node.ro === true,
  };
};

/** Whole disks with a medium in them. @throws FlashError with the code missing_tool */
export const listDisks = (system: DiskSystem = systemDisks): Disk[] =>
  system
    .blockTree()
    .filter(({ type }) => DISK_TYPES.has(type))
    .map((node) => toDisk(system, node))
    .filter(({ bytes }) => bytes > 0);

/** The disk that a partition lies on; undefined when the path is no partition. */
export const diskOfPartition = (path: string, system: DiskSystem): string | undefined =>
  system.blockTree().find((node) =>
    withDescendants(node)
      .slice(1)
      .some((child) => child.path === path),
  )?.path;
