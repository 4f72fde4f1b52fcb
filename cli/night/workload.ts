/** What the eight modules of the recorded night are fed, and when that changes. */
import { join } from 'node:path';
import { loadObject, type ModuleProgram } from '../../ebpf/index.ts';
import { Random } from '../../ebpf/random.ts';
import { root } from '../../firmware/index.ts';
import { readObject } from '../module-file.ts';

const SOURCE = join(root, 'cli/night/modules.c');

/** struct feed in modules.c: the bytes of the sensors, then two words that the module itself writes. */
const DATA_BYTES = 64;
const FEED_BYTES = DATA_BYTES + 8;

export const nightModules = async (): Promise<readonly ModuleProgram[]> =>
  loadObject(await readObject(SOURCE), { name: 'night' }).programs;

const filled = (byte: (random: Random) => number, random: Random): Uint8Array => {
  const out = new Uint8Array(FEED_BYTES);
  for (let i = 0; i < DATA_BYTES; i++) out[i] = byte(random);
  return out;
};

/** Nothing happens at the sensors; the battery is full. */
export const calmFeed = (module: string): Uint8Array =>
  filled(() => (module === 'battery' ? 0xff : 0), new Random(1));

/** Every sample takes the module's long way. */
export const busyFeed = (module: string, random: Random): Uint8Array => {
  if (module === 'battery') return filled((r) => r.below(0x80), random);
  if (module === 'counter') return filled((r) => r.below(0x100), random);
  return filled((r) => 0xf1 + r.below(0x0f), random);
};

export type Shift = { readonly minute: number; readonly module: string };

/** One module after the other becomes busy, in a random order, evenly over the first four fifths of the time. */
export const shiftsOf = (modules: readonly string[], minutes: number, random: Random): readonly Shift[] => {
  const step = (minutes * 0.8) / modules.length;
  return random.shuffle(modules).map((module, i) => ({ module, minute: step * (i + 0.5) }));
};
