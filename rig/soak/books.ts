/** Keeps books on a board: what it tells in events must be what it counts, and what was asked of it. */
import type { VelocityLink } from '../../link/index.ts';
import { CauseError } from '../cause.ts';

/** Kinds of events and the counters that count the same on their own. */
const accounts = {
  installed: 'installs',
  promoted: 'promotions',
  rolled_back: 'rollbacks',
  removed: 'removals',
  refused: 'refusals',
  fault: 'faults',
} as const;

export type Kind = keyof typeof accounts;
const kinds = Object.keys(accounts) as Kind[];

export class Books {
  #last = 0n;
  #told = new Map<string, bigint>();
  #asked = new Map<Kind, bigint>();
  /** Events that were read and checked, over all starts of the board. */
  events = 0;

  /** The board started anew: it counts from zero. */
  begin(): void {
    this.#last = 0n;
    this.#told = new Map();
    this.#asked = new Map();
  }

  /** So many of these must have happened. */
  expect(kind: Kind, times = 1): void {
    this.#asked.set(kind, (this.#asked.get(kind) ?? 0n) + BigInt(times));
  }

  /** How many of these the board told of since it started. */
  told(kind: Kind): bigint {
    return this.#told.get(kind) ?? 0n;
  }

  async read(link: VelocityLink): Promise<void> {
    for await (const { seq, kind, lost } of link.events(this.#last)) {
      if (seq !== this.#last + 1n) {
        throw new CauseError(
          'loses_events',
          `event ${seq} came after event ${this.#last}; the board says it lost ${lost}`,
        );
      }
      this.#last = seq;
      this.#told.set(kind, (this.#told.get(kind) ?? 0n) + 1n);
      this.events += 1;
    }
  }

  /** @throws CauseError `loses_events` when events, counters and what was asked do not agree */
  async audit(link: VelocityLink): Promise<void> {
    await this.read(link);
    const counters = await link.stats('velocity');
    const counted = (name: string) => BigInt(counters[name] ?? 0);
    const differences = kinds.flatMap((kind) => {
      const [told, count, asked] = [this.told(kind), counted(accounts[kind]), this.#asked.get(kind) ?? 0n];
      if (told === count && told === asked) return [];
      return [`${kind}: ${asked} were due, ${told} events tell of it, the counter says ${count}`];
    });
    if (counted('events_lost') !== 0n) differences.push(`${counted('events_lost')} events were lost`);
    if (counted('evidence_dropped') !== 0n)
      differences.push(`${counted('evidence_dropped')} records of evidence were dropped`);
    if (counted('events') !== this.#last)
      differences.push(`${this.#last} events were read, the counter says ${counted('events')}`);
    if (differences.length > 0) throw new CauseError('loses_events', differences.join('; '));
  }
}
