/** Writes what a monitor is told into the store: once a second at most, each time all or nothing. */
import type { Entry, Sink } from '../entry.ts';
import { prune } from './retention.ts';
import { kinds, storedText, telemetryValues, textsOf } from './rows.ts';
import type { Store } from './store.ts';

const FLUSH_MS = 1000;
/** A burst is written before its second is over. */
const FLUSH_ENTRIES = 1000;
/** Rows kept in memory while the store cannot be written, some 120 MB: five minutes of 64 modules ten times a second. */
const WAITING_ROWS = 200_000;
const PRUNE_MS = 3_600_000;

export type RecorderOptions = {
  /** Told once when writing fails, and once when it works again. */
  readonly say: (sentence: string) => void;
  readonly now?: () => number;
};

/** One watching of one board. */
export type RunRecorder = {
  /** The run's number in the store; 0 until its first entry is stored. */
  readonly run: number;
  readonly write: Sink;
};

export type HistoryRecorder = {
  /** A run of the board at this port, or of this virtual board. */
  board(port: string): RunRecorder;
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
/** A board may name two modules alike, while they come and go or because it is broken: that spoils nobody else's rows. */
const INSERT_TELEMETRY = 'INSERT OR REPLACE INTO telemetry VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)';

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
    this.#entry.run([run, n, Math.round(entry.time_ms), kind, idOf(board), idOf(modules), storedText(body)]);
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

/** One watching of one board: where it stands in the store, and what became of it since the last flush. */
class Run implements RunRecorder {
  readonly port: string;
  readonly write: Sink;
  run = 0;
  /** Entries that are stored. */
  n = 0;
  dropped = 0;

  constructor(port: string, write: (run: Run, entry: Entry) => void) {
    this.port = port;
    this.write = (entry) => write(this, entry);
  }
}

type Waiting = { readonly run: Run; readonly entry: Entry };

const rowsOf = (entry: Entry) => 1 + (entry.kind === 'reading' ? entry.reading.telemetry.length : 0);

const count = (entries: readonly Entry[], kind: Entry['kind']) =>
  entries.filter((entry) => entry.kind === kind).length;

class Recorder implements HistoryRecorder {
  readonly #store: Store;
  readonly #options: RecorderOptions;
  readonly #writer: Writer;
  readonly #timer: NodeJS.Timeout;
  readonly #runs: Run[] = [];
  #waiting: Waiting[] = [];
  #waitingRows = 0;
  #failing = false;
  #pruned = 0;

  constructor(store: Store, options: RecorderOptions) {
    this.#store = store;
    this.#options = options;
    this.#writer = store.guard(() => new Writer(store));
    this.#timer = setInterval(() => this.#tryFlush(), FLUSH_MS);
    this.#timer.unref();
  }

  board(port: string): RunRecorder {
    const made = new Run(port, (run, entry) => this.#take(run, entry));
    this.#runs.push(made);
    return made;
  }

  #take(run: Run, entry: Entry): void {
    this.#waiting.push({ run, entry });
    this.#waitingRows += rowsOf(entry);
    while (this.#waitingRows > WAITING_ROWS && this.#waiting.length > 1) {
      const lost = this.#waiting.shift()!;
      this.#waitingRows -= rowsOf(lost.entry);
      lost.run.dropped += 1;
    }
    if (this.#waiting.length >= FLUSH_ENTRIES && !this.#failing) this.#tryFlush();
  }

  /** Everything of all boards in one transaction: the disk is waited for once. */
  flush(): void {
    if (this.#waiting.length === 0) return;
    const before = this.#runs.map(({ run, n }) => ({ run, n }));
    try {
      this.#store.atOnce(() => {
        for (const run of this.#runs) this.#put(run);
      });
    } catch (error) {
      for (const [i, run] of this.#runs.entries()) Object.assign(run, before[i]);
      this.#writer.forget();
      throw error;
    }
    this.#waiting = [];
    this.#waitingRows = 0;
    for (const run of this.#runs) run.dropped = 0;
  }

  #put(run: Run): void {
    const entries = this.#waiting.flatMap((each) => (each.run === run ? [each.entry] : []));
    if (entries.length === 0) return;
    const [from, to] = [entries[0]!.time_ms, entries.at(-1)!.time_ms].map(Math.round);
    if (run.run === 0) run.run = this.#begin(from!, run.port);
    for (const [i, entry] of entries.entries()) this.#writer.write(run.run, run.n + i + 1, entry);
    run.n += entries.length;
    const board = entries.findLast((entry) => entry.kind === 'reading')?.reading.board.board ?? null;
    this.#store.run(
      `UPDATE runs SET ended_ms = ?, board = coalesce(?, board), readings = readings + ?, events = events + ?,
       dropped = dropped + ? WHERE id = ?`,
      to,
      board,
      count(entries, 'reading'),
      count(entries, 'event'),
      run.dropped,
      run.run,
    );
  }

  #begin(time_ms: number, port: string): number {
    this.#store.run("INSERT INTO runs VALUES (NULL, ?, ?, ?, '', 0, 0, 0)", time_ms, time_ms, port);
    return this.#store.numbers('SELECT max(id) AS id FROM runs')!.id!;
  }

  #tryFlush(): void {
    const { say, now = Date.now } = this.#options;
    const waiting = this.#waiting.length;
    const dropped = this.#runs.reduce((sum, run) => sum + run.dropped, 0);
    try {
      this.flush();
      if (now() - this.#pruned >= PRUNE_MS) {
        this.#pruned = now();
        prune(this.#store, { now: now(), going: this.#runs.map(({ run }) => run) });
      }
    } catch (error) {
      if (!this.#failing)
        say(
          `${(error as Error).message}; keeping up to ${WAITING_ROWS} rows in memory until it can be written`,
        );
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
