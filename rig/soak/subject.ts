/** The board under a soak: what is installed on it, what its maps must hold, and how it is checked after each step. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { VelocityLink } from '../../link/index.ts';
import { CauseError } from '../cause.ts';
import type { Device } from '../device.ts';
import { expectNothingLeft, type Held, heldEmpty, heldNow } from '../suites/leftovers.ts';
import { freshTickCount, holding, tickCounter, tickCountOf } from '../suites/programs.ts';
import type { Bench } from '../suites/suite.ts';
import { checkTicks } from '../suites/swap.ts';
import { Books } from './books.ts';

export const TICKS = 'soak_ticks';
export const HOLDER = 'soak_state';
const TICK_MAP = `${TICKS}_ticks`;
export const STATE_MAP = 'soak_map';
const TICK_KEY = new Uint8Array(4);
const FREE_WAIT_MS = 5000;

export const keyOf = (n: number): Uint8Array => {
  const key = Buffer.alloc(4);
  key.writeUInt32LE(n);
  return key;
};

const bytesOf = (n: bigint): Uint8Array => {
  const value = Buffer.alloc(8);
  value.writeBigUInt64LE(n);
  return value;
};

export class Subject {
  readonly bench: Bench;
  readonly books = new Books();
  /** What the host wrote into the map, and nobody else may change. */
  readonly state = new Map<number, bigint>();
  #empty: Held | undefined;
  #version = 0;
  /** Ticks that the module saw and that were checked. */
  ticks = 0n;
  /** Board time between checks, added up. */
  boardSeconds = 0;
  #mark = 1n;

  constructor(bench: Bench) {
    this.bench = bench;
  }

  get device(): Device {
    return this.bench.device;
  }

  get link(): VelocityLink {
    return this.bench.link;
  }

  nextVersion(): number {
    this.#version = (this.#version + 1) % 1_000_000;
    return this.#version;
  }

  /** After a start: nothing is on it, and it counts from zero. */
  async begin(): Promise<void> {
    this.books.begin();
    this.#empty = await heldEmpty(this.bench);
    this.books.expect('installed');
    this.books.expect('removed');
    await this.furnish();
  }

  /** Puts the two modules on it that the checks rest on. */
  async furnish(): Promise<void> {
    this.state.clear();
    await this.swap(TICKS);
    await this.link.timer(1000);
    this.#mark += 1n;
    await this.link.mapWrite(TICK_MAP, TICK_KEY, freshTickCount(this.#mark));
    await this.swap(HOLDER);
  }

  /** Installs the next version of one of the two. */
  async swap(name: typeof TICKS | typeof HOLDER): Promise<void> {
    const version = this.nextVersion();
    await this.bench.install(
      name === TICKS ? tickCounter(TICKS, version) : holding(HOLDER, STATE_MAP, version),
    );
    this.books.expect('installed');
  }

  async write(key: number, value: bigint): Promise<void> {
    await this.link.mapWrite(STATE_MAP, keyOf(key), bytesOf(value));
    this.state.set(key, value);
  }

  async remove(name: string): Promise<void> {
    await this.link.remove(name);
    this.books.expect('removed');
  }

  /** Takes everything off: all memory must come back. */
  async clear(): Promise<void> {
    for (const { name } of await this.link.modules()) await this.remove(name);
    await expectNothingLeft(this.link, `${TICKS} and ${HOLDER}`, this.#empty!);
  }

  async #checkState(): Promise<void> {
    for (const [key, value] of this.state) {
      const read = Buffer.from((await this.link.mapRead(STATE_MAP, keyOf(key))).value).readBigUInt64LE();
      if (read === value) continue;
      throw new CauseError(
        'loses_state',
        `entry ${key} of map ${STATE_MAP} is ${read}, ${value} was written`,
      );
    }
    const entries = (await this.link.maps()).find(({ name }) => name === STATE_MAP)?.entries;
    if (entries === this.state.size) return;
    throw new CauseError(
      'loses_state',
      `map ${STATE_MAP} has ${entries} entries, ${this.state.size} were written`,
    );
  }

  async #checkTicks(during: string): Promise<void> {
    const { ticks, missed, period_us } = await this.link.timer();
    this.boardSeconds += (Number(ticks + missed) * period_us) / 1e6;
    const seen = tickCountOf((await this.link.mapRead(TICK_MAP, TICK_KEY)).value);
    checkTicks(seen, missed, during);
    if (seen.mark !== this.#mark)
      throw new CauseError(
        'loses_state',
        `a number in map ${TICK_MAP} changed from ${this.#mark} to ${seen.mark}`,
      );
    this.ticks += seen.count;
    this.#mark += 1n;
    await this.link.timer(1000);
    await this.link.mapWrite(TICK_MAP, TICK_KEY, freshTickCount(this.#mark));
  }

  /** Versions that were swapped out are freed after a grace period; then only those that can be seen are left. */
  async #checkVersions(): Promise<void> {
    for (const deadline = performance.now() + FREE_WAIT_MS; ; await sleep(20)) {
      const { made: all, freed } = await heldNow(this.link);
      const modules = await this.link.modules();
      const resident = modules.length + modules.filter(({ previous }) => previous.length > 0).length;
      const made = all - this.#empty!.made;
      const gone = freed - this.#empty!.freed;
      if (made - gone === resident) return;
      if (performance.now() < deadline) continue;
      throw new CauseError(
        'leaks_reference',
        `${made} versions were made and ${gone} freed, but ${resident} are resident`,
      );
    }
  }

  #checkStarts(): void {
    const unwanted = this.device.unwantedStarts.length;
    if (unwanted > 0)
      throw new CauseError('resets_by_itself', `the board restarted by itself ${unwanted} times`);
  }

  /** Everything that must hold after each step. @throws CauseError */
  async check(during: string): Promise<void> {
    this.#checkStarts();
    await this.books.audit(this.link);
    await this.#checkTicks(during);
    await this.#checkState();
    await this.#checkVersions();
  }
}
