/**
 * The ledger: one JSON object a line, append-only, each line holding the SHA-256 of the line before it, and that of the newest one
 * noted beside them, so that a change anywhere shows. Every step of every attempt is in it, with the code, so that any patch can be explained and replayed.
 */
import { createHash } from 'node:crypto';
import { bytesFrom, headOf, LedgerError, type LedgerStore, memoryStore } from './ledger-store.ts';

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

const GENESIS = '0'.repeat(64);
const hashOf = (line: string) => createHash('sha256').update(line).digest('hex');

/** Why a line can not be the one with this number; undefined when it can. @param last hash of the line before it */
const wrongWith = (entry: unknown, last: string, number: number): string | undefined => {
  const { seq, time, prev, kind, module } = (entry ?? {}) as Record<string, unknown>;
  if (![time, prev, kind, module].every((field) => typeof field === 'string'))
    return 'is no entry of a ledger';
  if (prev !== last) return 'does not follow from the line before it';
  return seq === number ? undefined : `has sequence number ${seq}`;
};

/** Whether it is what a write that did not end leaves: the beginning of this entry, or bytes that never came to the disk. */
const isTorn = (rest: string, seq: number): boolean => {
  const start = `{"seq":${seq},"time":"`;
  return rest.startsWith(start.slice(0, rest.length)) || /^\0+$/.test(rest);
};

const parse = (line: string): unknown => {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
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
  /** Hashes of all lines. */
  readonly #hashes = new Set<string>();
  #bytes = 0;

  /**
   * A last line that was cut short is removed and noted; any other rest that is no line is left, as it may be no ledger.
   * @throws LedgerError when a line was changed, removed or inserted
   */
  constructor(store: LedgerStore, now: () => Date = () => new Date()) {
    this.#store = store;
    this.#now = now;
    store.alone(() => this.#catchUp());
  }

  /** Takes in what is new in the store: another loop may write to the same one. */
  #catchUp(): void {
    // Read before the lines: another loop may be writing, and only who is alone sees both at one moment.
    const head = this.#store.head();
    const text = this.#store.read(this.#bytes);
    const whole = text.slice(0, text.lastIndexOf('\n') + 1);
    for (const line of whole.split('\n').slice(0, -1)) this.#accept(line);
    if (head !== undefined && !this.#hashes.has(head))
      throw new LedgerError(`${this.#store.name}: its newest lines were changed or removed`);
    if (whole.length === text.length) return;
    const rest = text.slice(whole.length);
    if (!isTorn(rest, this.#entries.length + 1))
      throw new LedgerError(`${this.#store.name}, line ${this.#entries.length + 1}: is no entry of a ledger`);
    this.#store.cut(this.#bytes);
    this.#add('repaired', '', { removed: rest });
  }

  #accept(line: string): void {
    const number = this.#entries.length + 1;
    const entry = parse(line);
    const wrong = wrongWith(entry, this.#last, number);
    if (wrong) throw new LedgerError(`${this.#store.name}, line ${number}: ${wrong}`);
    this.#entries.push(entry as Entry);
    this.#last = hashOf(line);
    this.#hashes.add(this.#last);
    this.#bytes += Buffer.byteLength(line) + 1;
  }

  append(kind: EntryKind, module: string, fields: Readonly<Record<string, unknown>>): Entry {
    return this.#store.alone(() => {
      this.#catchUp();
      return this.#add(kind, module, fields);
    });
  }

  #add(kind: EntryKind, module: string, fields: Readonly<Record<string, unknown>>): Entry {
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
    this.#store.note(this.#last);
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

/** A ledger to look at. A loop may be writing its next line: only whole ones are read, and nothing is repaired. @throws LedgerError */
export const readLedger = (path: string): Ledger => {
  const head = headOf(path);
  const text = bytesFrom(path, 0).toString();
  const lines = memoryStore(text.slice(0, text.lastIndexOf('\n') + 1));
  return new Ledger({ ...lines, name: path, head: () => head });
};
