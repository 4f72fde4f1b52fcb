/** What modules that are gone have left behind on the board. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { VelocityLink } from '../../link/index.ts';
import { CauseError } from '../cause.ts';
import { returning } from './programs.ts';
import type { Bench } from './suite.ts';

const GRACE_MS = 5000;
const POLL_MS = 20;

export type Held = {
  /** Versions of modules, those of refused patches among them. */
  readonly made: number;
  readonly freed: number;
  readonly pool: number;
  readonly code: number;
  /** Map names and how many versions hold each. */
  readonly maps: ReadonlyMap<string, number>;
};

export const heldNow = async (link: VelocityLink): Promise<Held> => {
  const counters = await link.stats('velocity');
  const memory = await link.memory();
  const maps = new Map((await link.maps()).map(({ name, users }) => [name, users]));
  return {
    made: Number(counters.versions_made),
    freed: Number(counters.versions_freed),
    pool: memory.pool.used,
    code: memory.code.used,
    maps,
  };
};

/**
 * What a board holds when nothing is installed. The buffers for patches and for the compiler are made at their first use and
 * stay: a module is put in and taken out first.
 */
export const heldEmpty = async (bench: Bench): Promise<Held> => {
  await bench.install(returning('rig_first', 0));
  await bench.remove('rig_first');
  for (const deadline = performance.now() + GRACE_MS; ; await sleep(POLL_MS)) {
    const held = await heldNow(bench.link);
    if (versions(held) === 0 || performance.now() > deadline) return held;
  }
};

const versions = ({ made, freed }: Held) => made - freed;

const difference = (module: string, before: Held, now: Held): CauseError | undefined => {
  const [kept] = [...now.maps].filter(([name]) => !before.maps.has(name));
  if (kept) {
    const [map, users] = kept;
    const made = now.made - before.made;
    return new CauseError(
      'leaks_reference',
      `module ${module} was removed, and map ${map} is still held by ${users} of its versions (${made} were made, ${now.freed - before.freed} were freed)`,
      'each version must let go of its maps when it is freed',
    );
  }
  if (versions(now) > versions(before)) {
    return new CauseError(
      'leaks_reference',
      `module ${module} was removed, and ${versions(now) - versions(before)} of its versions were never freed`,
      'something still refers to them: a slot, a retired list, a core that never came to rest',
    );
  }
  const [pool, code] = [now.pool - before.pool, now.code - before.code];
  if (pool <= 0 && code <= 0) return undefined;
  return new CauseError(
    'loses_memory',
    `${pool} bytes of the pool and ${code} bytes of code memory were not given back after module ${module} was removed`,
  );
};

/** Versions are freed after a grace period: what is left after it is lost. @throws CauseError */
export const expectNothingLeft = async (link: VelocityLink, module: string, before: Held): Promise<void> => {
  const deadline = performance.now() + GRACE_MS;
  for (;;) {
    const found = difference(module, before, await heldNow(link));
    if (!found) return;
    if (performance.now() > deadline) throw found;
    await sleep(POLL_MS);
  }
};
