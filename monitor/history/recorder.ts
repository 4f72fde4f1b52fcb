/** Writes what a monitor is told into the store: once a second at most, each time all or nothing. */
import type { Entry, Sink } from '../entry.ts';
import { prune } from './retention.ts';
import { kinds, telemetryValues, textsOf } from './rows.ts';
import type { Store } from './store.ts';

const FLUSH_MS = 1000;
/** A burst is written before its second is over. */
const FLUSH_ENTRIES = 1000;
/** Kept in memory while the store cannot be written: some minutes of a busy board. */
const WAITING_ENTRIES = 20_000;
const PRUNE_MS = 3_600_000;

export type RecorderOptions = {
  /** Where the board is: the port, or the name of a virtual board. */
  readonly port: string;
  /** Told once when writing fails, and once when it works again. */
  readonly say: (sentence: string) => void;
  readonly now?: () => number;
};

export type HistoryRecorder = {
  /** The run's number in the store; 0 until its first entry is stored. */
  readonly run: number;
  readonly write: Sink;
  /** Writes what waits. @throws StoreError */
  flush(): void;
  close(): void;
};

/** Numbers of shared texts, looked up once. */
class Texts {
  readonly #store: Store;
  #known = new Map<string, number>();
  constructor(store: Store) {
    this.#store = store;
  }

  idOf(body: string): number {
    const known = this.#known.get(body);
    if (known !== undefined) return known;
    this.#store.run('INSERT INTO texts (body) VALUES (?) ON CONFLICT DO NOTHING', body);
    const { id } = this.#store.numbers('SELECT id FROM texts WHERE body = ?', body)!;
    this.#known.set(body, id!);
    return id!;
  }

  /** Numbers that were given out in a transaction that failed do not hold. */
  forget(): void {
    this.#known = new Map();
  }
}

const INSERT_ENTRY = 'INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?)';
const INSERT_TELEMETRY = 'INSERT INTO telemetry VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)';

/** Puts entries into the store; to be called inside of a transaction. */
class Writer {
  readonly #texts: Texts;
  readonly #entry: ReturnType<Store['sql']['prepare']>;
  readonly #telemetry: ReturnType<Store['sql']['prepare']>;
  constructor(store: Store) {
    this.#texts = new Texts(store);
    this.#entry = store.sql.prepare(INSERT_ENTRY);
    this.#telemetry = store.sql.prepare(INSERT_TELEMETRY);
  }

  write(run: number, n: number, entry: Entry): void {
    const { board, modules, body } = textsOf(entry);
    const idOf = (text: string | undefined) => (text === undefined ? null : this.#texts.idOf(text));
    const kind = kinds.indexOf(entry.kind);
    this.#entry.run([run, n, Math.round(entry.time_ms), kind, idOf(board), idOf(modules), body]);
    if (entry.kind !== 'reading') return;
    for (const [place, t] of entry.reading.telemetry.entries()) {
      const module = this.#texts.idOf(t.name);
      this.#telemetry.run([run, module, n, Math.round(entry.time_ms), ...telemetryValues(t, place)]);
    }
  }

  forget(): void {
    this.#texts.forget();
  }
}

const count = (entries: readonly Entry[], kind: Entry['kind']) =>
  entries.filter((entry) => entry.kind === kind).length;

class Recorder implements HistoryRecorder {
  readonly #store: Store;
  readonly #options: RecorderOptions;
  readonly #writer: Writer;
  readonly #timer: NodeJS.Timeout;
  #waiting: Entry[] = [];
  #dropped = 0;
  #failing = false;
  #n = 0;
  #pruned = 0;
  run = 0;

  constructor(store: Store, options: RecorderOptions) {
    this.#store = store;
    this.#options = options;
    this.#writer = store.guard(() => new Writer(store));
    this.#timer = setInterval(() => this.#tryFlush(), FLUSH_MS);
    this.#timer.unref();
  }

  write = (entry: Entry): void => {
    this.#waiting.push(entry);
    if (this.#waiting.length > WAITING_ENTRIES) {
      this.#waiting.shift();
      this.#dropped += 1;
    }
    if (this.#waiting.length >= FLUSH_ENTRIES && !this.#failing) this.#tryFlush();
  };

  flush(): void {
    const entries = this.#waiting;
    if (entries.length === 0) return;
    const before = { run: this.run, n: this.#n };
    try {
      this.#store.atOnce(() => this.#put(entries));
    } catch (error) {
      Object.assign(this, { run: before.run });
      this.#n = before.n;
      this.#writer.forget();
      throw error;
    }
    this.#waiting = [];
    this.#dropped = 0;
  }

  #put(entries: readonly Entry[]): void {
    const [from, to] = [entries[0]!.time_ms, entries.at(-1)!.time_ms].map(Math.round);
    if (this.run === 0) this.run = this.#begin(from!);
    for (const [i, entry] of entries.entries()) this.#writer.write(this.run, this.#n + i + 1, entry);
    this.#n += entries.length;
    const board = entries.findLast((entry) => entry.kind === 'reading')?.reading.board.board ?? null;
    this.#store.run(
      `UPDATE runs SET ended_ms = ?, board = coalesce(?, board), readings = readings + ?, events = events + ?,
       dropped = dropped + ? WHERE id = ?`,
      to,
      board,
      count(entries, 'reading'),
      count(entries, 'event'),
      this.#dropped,
      this.run,
    );
  }

  #begin(time_ms: number): number {
    this.#store.run(
      "INSERT INTO runs VALUES (NULL, ?, ?, ?, '', 0, 0, 0)",
      time_ms,
      time_ms,
      this.#options.port,
    );
    return this.#store.numbers('SELECT max(id) AS id FROM runs')!.id!;
  }

  #tryFlush(): void {
    const { say, now = Date.now } = this.#options;
    const [waiting, dropped] = [this.#waiting.length, this.#dropped];
    try {
      this.flush();
      if (now() - this.#pruned >= PRUNE_MS) {
        this.#pruned = now();
        prune(this.#store, { now: now(), except: this.run });
      }
    } catch (error) {
      if (!this.#failing)
        say(`${(error as Error).message}; keeping up to ${WAITING_ENTRIES} entries in memory`);
      this.#failing = true;
      return;
    }
    if (this.#failing && waiting > 0) {
      this.#failing = false;
      say(
        `${this.#store.path}: stored again; ${dropped === 0 ? 'nothing was lost' : `${dropped} entries were lost`}`,
      );
    }
  }

  close(): void {
    clearInterval(this.#timer);
    try {
      this.flush();
    } catch (error) {
      this.#options.say(
        `${(error as Error).message}; the last ${this.#waiting.length} entries are not stored`,
      );
    }
    this.#store.close();
  }
}

/** Takes the store over: closing the recorder closes it. */
export const recordHistory = (store: Store, options: RecorderOptions): HistoryRecorder =>
  new Recorder(store, options);
