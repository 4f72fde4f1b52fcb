/** A disk image onto a file beside dd, both on an empty file in turns. */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../../firmware/index.ts';
import { diskTarget, fileBlocks, writeDisk } from '../../../flasher/index.ts';
import type { Metric } from '../metric.ts';
import { RATE_GOAL_PERCENT, shareOf } from './rounds.ts';

const DISK_BYTES = 256 * 1024 * 1024;
const ROUNDS = 15;
/** Read back as well. */
const VERIFIED_GOAL_PERCENT = 200;
const DD = 'dd bs=4M conv=fsync';

const timed = (work: () => unknown): number => {
  const from = performance.now();
  work();
  return performance.now() - from;
};

type Times = { readonly dd: number; readonly write: number; readonly verified: number };

const round = async (image: string, disk: string): Promise<Times> => {
  const dd = timed(() =>
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

export const diskMetrics = async (): Promise<Metric[]> => {
  mkdirSync(join(root, 'build'), { recursive: true });
  const folder = mkdtempSync(join(root, 'build/bench-disk-'));
  try {
    const [image, disk] = [join(folder, 'image'), join(folder, 'disk')];
    writeFileSync(image, randomBytes(DISK_BYTES));
    await round(image, disk);
    const rounds: Times[] = [];
    for (let at = 0; at < ROUNDS; at++) rounds.push(await round(image, disk));
    const times = (key: keyof Times) => rounds.map((one) => one[key]);
    return [
      shareOf('disk_write', times('write'), times('dd'), DD, RATE_GOAL_PERCENT),
      shareOf('disk_write_verified', times('verified'), times('dd'), DD, VERIFIED_GOAL_PERCENT),
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};
