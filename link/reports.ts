/** Follows the counters of a board's modules: asks for what changed since the last report, and keeps the sum of it. */
import { applyReport, CodecError, REPORT_BINS, type ReportPlaces, reportIndex } from '../abi/index.ts';
import type { ModuleInfo, Request, Response, Telemetry } from './velocity.ts';

export type ReportSource = {
  readonly ask: (request: Request<'report'>) => Promise<Response<'report'>>;
  /** The i-th installed module; undefined when there is none. */
  readonly module: (i: number) => Promise<ModuleInfo | undefined>;
};

/** All modules at one time. */
export type Report = {
  readonly telemetry: readonly Telemetry[];
  /** In the same order. */
  readonly modules: readonly ModuleInfo[];
  /** Board time, in ns. */
  readonly time_ns: bigint;
  /** Number of the board's newest event. */
  readonly event: bigint;
  /** Time that the board's transmitter takes for a byte; 0 while that is not known. */
  readonly byte_ns: number;
  /** Told from nothing: the first one, one of many to be sure, or one of a board that lost what we have. */
  readonly whole: boolean;
};

/** Everything anew once in so many: should host and board ever disagree, they do not for long. */
const WHOLE_EVERY = 100;
/** Modules that come and go while we read are asked for again. */
const TRIES = 5;

const revisionOf = ({ version, state }: ModuleInfo) => BigInt(2 * version + (state === 'canary' ? 1 : 0));

const telemetryOf = (name: string, values: readonly bigint[], time_ns: bigint): Telemetry => {
  const bins = values.slice(REPORT_BINS);
  return {
    name,
    version: Number(values[reportIndex.revision]! >> 1n),
    time_ns,
    calls: bins.reduce((a, b) => a + b, 0n),
    cycles: values[reportIndex.cycles]!,
    min: values[reportIndex.min]!,
    max: values[reportIndex.max]!,
    last_result: values[reportIndex.last_result]!,
    histogram: bins.map(Number),
  };
};

export class Reports {
  readonly #source: ReportSource;
  #number = 0;
  #left = 0;
  readonly #places: ReportPlaces = new Map();
  readonly #times = new Map<number, bigint>();
  /** By module number. */
  readonly #infos = new Map<bigint, ModuleInfo>();
  #tail: Promise<unknown> = Promise.resolve();

  constructor(source: ReportSource) {
    this.#source = source;
  }

  /** One at a time: a report differs from the one before. @throws as SmpClient.request, CodecError */
  next(): Promise<Report> {
    const result = this.#tail.then(() => this.#read());
    this.#tail = result.catch(() => {});
    return result;
  }

  async #read(): Promise<Report> {
    for (let left = TRIES; ; left -= 1) {
      const { time_ns: now, event, byte_ns, whole } = await this.#update();
      const modules = await this.#modules();
      const rows = [...this.#places].sort(([a], [b]) => a - b);
      if (!modules && left > 1) continue;
      const named = rows.flatMap(([place, values]) => {
        const info = this.#infos.get(values[reportIndex.id]!);
        return info ? [{ info, values, time_ns: this.#times.get(place) ?? 0n }] : [];
      });
      return {
        telemetry: named.map(({ info, values, time_ns }) => telemetryOf(info.name, values, time_ns)),
        modules: named.map(({ info }) => info),
        time_ns: now,
        event,
        byte_ns,
        whole,
      };
    }
  }

  /** Brings the places up to date, with as many messages as that takes. */
  async #update() {
    if (this.#left === 0) this.#number = 0;
    let from = 0;
    let whole = false;
    let left = TRIES;
    for (;;) {
      const reply = await this.#source.ask({ since: this.#number, ...(from > 0 ? { from } : {}) });
      const lost = reply.base === 0 && from > 0; // with what came before: somebody else asked in between
      if (lost && --left === 0) throw new CodecError('base', 'is lost again and again');
      if (reply.base === 0) {
        this.#places.clear();
        this.#left = WHOLE_EVERY;
        whole = true;
      }
      this.#number = 0; // until all of it is taken
      applyReport(reply.data, this.#places);
      this.#number = reply.number;
      for (const place of this.#places.keys())
        if (place >= from && (reply.next === 0 || place < reply.next)) this.#times.set(place, reply.time_ns);
      if (reply.next !== 0 && reply.next <= from) throw new CodecError('next', 'does not lead on');
      from = lost ? 0 : reply.next;
      if (from === 0 && !lost) {
        this.#left -= 1;
        return { time_ns: reply.time_ns, event: reply.event, byte_ns: reply.byte_ns, whole };
      }
    }
  }

  /** Asks for the facts of what is new; false when they do not belong to what the report says. */
  async #modules(): Promise<boolean> {
    const rows = [...this.#places].sort(([a], [b]) => a - b).map(([, values]) => values);
    const present = new Set(rows.map((values) => values[reportIndex.id]!));
    for (const id of this.#infos.keys()) if (!present.has(id)) this.#infos.delete(id);
    for (const [i, values] of rows.entries()) {
      const [id, revision] = [values[reportIndex.id]!, values[reportIndex.revision]!];
      const known = this.#infos.get(id);
      if (known && revisionOf(known) === revision) continue;
      const info = await this.#source.module(i);
      if (!info || BigInt(info.id) !== id) return false;
      this.#infos.set(id, info);
      if (revisionOf(info) !== revision) return false;
    }
    return true;
  }
}
