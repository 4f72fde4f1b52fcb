/**
 * The ledger: one JSON object a line, append-only, each line holding the SHA-256 of the line before it, so that a change
 * anywhere shows. Every step of every attempt is in it, with the code, so that any patch can be explained and replayed.
 */
import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, readFileSync, truncateSync } from 'node:fs';
import { dirname } from 'node:path';
import { makeFolder } from '../firmware/folder.ts';

export type EntryKind = 'detect' | 'proposal' | 'push' | 'outcome' | 'rest' | 'repaired';

export type Entry = {
  readonly seq: number;
  /** ISO 8601. */
  readonly time: string;
  /** SHA-256 of the line before, in hex; zeros for the first. */
  readonly prev: string;
  readonly kind: EntryKind;
  /** Name of the module; empty for entries about the ledger itself. */
  readonly module: string;
  readonly [field: string]: unknown;
};

/** Where lines are kept; a file, or memory in tests. */
export type LedgerStore = {
  read(): string;
  append(line: string): void;
  /** Cuts off everything behind this many bytes. */
  cut(bytes: number): void;
};

export class LedgerError extends Error {
  override name = 'LedgerError';
  readonly line: number;
  constructor(line: number, what: string) {
    super(`ledger line ${line}: ${what}; keep the file as evidence and start a new one`);
    this.line = line;
  }
}

export const fileStore = (path: string): LedgerStore => ({
  read: () => (existsSync(path) ? readFileSync(path, 'utf8') : ''),
  append: (line) => {
    makeFolder(dirname(path));
    appendFileSync(path, line, { flush: true });
  },
  cut: (bytes) => truncateSync(path, bytes),
});

export const memoryStore = (text = ''): LedgerStore & { text: string } => ({
  text,
  read() {
    return this.text;
  },
  append(line) {
    this.text += line;
  },
  cut(bytes) {
    this.text = Buffer.from(this.text).subarray(0, bytes).toString();
  },
});

const GENESIS = '0'.repeat(64);
const hashOf = (line: string) => createHash('sha256').update(line).digest('hex');

const parse = (line: string, number: number): Entry => {
  try {
    return JSON.parse(line) as Entry;
  } catch {
    throw new LedgerError(number, 'is not JSON');
  }
};

const plain = (_: string, value: unknown): unknown => {
  if (typeof value === 'bigint') return value.toString();
  return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value;
};

export class Ledger {
  readonly #store: LedgerStore;
  readonly #now: () => Date;
  readonly #entries: Entry[] = [];
  #last = GENESIS;

  /** @throws LedgerError when a line was changed, removed or inserted. A last line that was cut short is removed and noted. */
  constructor(store: LedgerStore, now: () => Date = () => new Date()) {
    this.#store = store;
    this.#now = now;
    const text = store.read();
    const whole = text.slice(0, text.lastIndexOf('\n') + 1);
    for (const line of whole.split('\n').slice(0, -1)) this.#accept(line);
    if (whole.length < text.length) {
      store.cut(Buffer.byteLength(whole));
      this.append('repaired', '', { removed: text.slice(whole.length) });
    }
  }

  #accept(line: string): void {
    const number = this.#entries.length + 1;
    const entry = parse(line, number);
    if (entry.prev !== this.#last) throw new LedgerError(number, 'does not follow from the line before it');
    if (entry.seq !== number) throw new LedgerError(number, `has sequence number ${entry.seq}`);
    this.#entries.push(entry);
    this.#last = hashOf(line);
  }

  append(kind: EntryKind, module: string, fields: Readonly<Record<string, unknown>>): Entry {
    const head = {
      seq: this.#entries.length + 1,
      time: this.#now().toISOString(),
      prev: this.#last,
      kind,
      module,
    };
    const line = JSON.stringify({ ...head, ...fields }, plain);
    this.#store.append(`${line}\n`);
    this.#accept(line);
    return this.#entries.at(-1)!;
  }

  entries(module?: string): readonly Entry[] {
    return module === undefined ? this.#entries : this.#entries.filter((e) => e.module === module);
  }

  /** Hash of the newest line: whoever keeps it can tell later whether the ledger was changed. */
  get head(): string {
    return this.#last;
  }

  /** Why this replacement of this parent was refused or taken back before; undefined when it was not. */
  refusal(parent: string, candidate: string): string | undefined {
    const found = this.#entries.findLast(
      (e) =>
        e.parent === parent &&
        e.candidate === candidate &&
        (e.verdict === 'refused' || e.verdict === 'rolled_back'),
    );
    return found && String(found.reason);
  }
}
