/** Waits for a disk to appear: a board that shows its storage as one, or a card that is put in. */
import { setTimeout as sleep } from 'node:timers/promises';
import { BadDeviceError, CancelledError, TimeoutError } from '../errors.ts';
import { type Disk, type DiskSystem, listDisks, systemDisks } from './disks.ts';

export type AppearOptions = {
  readonly timeoutMs: number;
  /** The USB port that the board hangs on: a disk elsewhere is somebody's stick or card. */
  readonly location?: string;
  readonly system?: DiskSystem;
  readonly signal?: AbortSignal;
  readonly pollMs?: number;
};

const POLL_MS = 250;
/** Polls over which the same disk must be there: its partitions are found, and mounted, meanwhile. */
const SETTLED_POLLS = 3;

const causes = [
  'the files do not start mass storage on this board: use mass-storage-gadget64 of github.com/raspberrypi/usbboot',
  'the board has no eMMC, and no card is in it',
  'the kernel of this computer has no usb-storage driver',
];

export const diskPaths = (system: DiskSystem = systemDisks): Set<string> =>
  new Set(listDisks(system).map(({ path }) => path));

const elsewhere = (disks: readonly Disk[], location: string | undefined) => {
  const paths = disks.map(({ path }) => path);
  return new BadDeviceError(paths.join(' and '), `appeared, and not on USB ${location}, where the board is`, {
    hint: `it is left alone; if it is the board's own, write it with --to ${paths[0]}`,
  });
};

/**
 * The one disk that was not there before, on the board's own port.
 * @throws TimeoutError, BadDeviceError when there are several, or one elsewhere only, CancelledError
 */
export const waitForDisk = async (before: ReadonlySet<string>, options: AppearOptions): Promise<Disk> => {
  const { timeoutMs, location, system = systemDisks, signal, pollMs = POLL_MS } = options;
  const isElsewhere = ({ path }: Disk) => {
    const port = location === undefined ? undefined : system.portOf?.(path);
    return port !== undefined && port !== location;
  };
  const deadline = performance.now() + timeoutMs;
  for (let seen = 0; ; ) {
    const appeared = listDisks(system).filter(({ path }) => !before.has(path));
    const found = appeared.filter((disk) => !isElsewhere(disk));
    seen = found.length > 0 ? seen + 1 : 0;
    if (seen >= SETTLED_POLLS && found.length > 1) {
      const paths = found.map(({ path }) => path).join(' and ');
      throw new BadDeviceError(paths, 'appeared at once', { hint: 'say which by --to DISK' });
    }
    if (seen >= SETTLED_POLLS) return found[0]!;
    if (signal?.aborted) throw new CancelledError('disk', 'waiting for it');
    if (performance.now() >= deadline && appeared.length > 0) throw elsewhere(appeared, location);
    if (performance.now() >= deadline) throw new TimeoutError('disk', "the board's disk", timeoutMs, causes);
    await sleep(pollMs, undefined, signal ? { signal } : {}).catch(() => {});
  }
};
