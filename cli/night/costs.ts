/** What modules cost between two readings of their telemetry. */
import type { Telemetry } from '../../link/index.ts';
import type { Point } from './recorded.ts';

export type Reading = { readonly timeNs: bigint } & Pick<
  Telemetry,
  'name' | 'version' | 'calls' | 'cycles' | 'max'
>;

/** Calls between two readings that count. */
const CALLS = 64n;
/** Readings of a module before its work changes, and after that, without which nothing could be seen of it. */
const READINGS = 2;

export class Costs {
  readonly points: ReadonlyMap<string, Point[]>;
  readonly #last = new Map<string, Reading>();
  /** Modules whose work changed, and how many readings of them are still wanted. */
  readonly #unread = new Map<string, number>();

  constructor(modules: readonly string[]) {
    this.points = new Map(modules.map((module) => [module, []]));
  }

  /** Notes what a module cost since its last reading; whether that was long enough to count. */
  take(reading: Reading, minute: number): boolean {
    const { name, version, calls, cycles } = reading;
    const before = this.#last.get(name);
    const isSame = before?.version === version;
    if (isSame && calls < before.calls + CALLS) return false;
    this.#last.set(name, reading);
    if (!isSame) return true;
    const mean = Number(cycles - before.cycles) / Number(calls - before.calls);
    this.points.get(name)!.push({ minute, cycles: mean });
    this.#unread.set(name, Math.max(0, (this.#unread.get(name) ?? 0) - 1));
    return true;
  }

  /** Whether enough is known of a module to see its work change. */
  isKnown(module: string): boolean {
    return this.points.get(module)!.length >= READINGS;
  }

  noteChange(module: string): void {
    this.#unread.set(module, READINGS);
  }

  /** Whether every module was read since its work changed. */
  get isRead(): boolean {
    return [...this.#unread.values()].every((wanted) => wanted === 0);
  }
}
