/** Lines of the loop's ledger in the store: taken over as they are, each once, found again by what they say. */
import { createHash } from 'node:crypto';
import type { Store } from './store.ts';

export type LedgerLine = {
  readonly hash: string;
  readonly seq: number;
  readonly time_ms: number;
  readonly module: string;
  readonly kind: string;
  /** The line, JSON. */
  readonly body: string;
};

const lineOf = (body: string): LedgerLine | undefined => {
  try {
    const { seq, time, module, kind } = JSON.parse(body) as Record<string, unknown>;
    const time_ms = Date.parse(String(time));
    if (!Number.isInteger(seq) || Number.isNaN(time_ms)) return undefined;
    const hash = createHash('sha256').update(body).digest('hex');
    return { hash, seq: Number(seq), time_ms, module: String(module), kind: String(kind), body };
  } catch {
    return undefined;
  }
};

export type Taken = { readonly taken: number; readonly known: number; readonly unreadable: number };

/** Whether the chain of hashes holds is for whoever reads the ledger itself to say. A last line that was cut off waits. */
export const takeLedger = (store: Store, text: string): Taken => {
  const lines = text
    .split('\n')
    .slice(0, -1)
    .filter((line) => line.trim() !== '');
  const good = lines.map(lineOf).filter((line) => line !== undefined);
  const before = store.numbers('SELECT count(*) AS n FROM ledger')!.n!;
  store.atOnce(() => {
    for (const { hash, seq, time_ms, module, kind, body } of good)
      store.run(
        'INSERT INTO ledger VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING',
        hash,
        seq,
        time_ms,
        module,
        kind,
        body,
      );
  });
  const taken = store.numbers('SELECT count(*) AS n FROM ledger')!.n! - before;
  return { taken, known: good.length - taken, unreadable: lines.length - good.length };
};

/** Oldest first; every word has to be in the line. */
export const searchLedger = (store: Store, words: readonly string[]): LedgerLine[] => {
  const where = ['1', ...words.map(() => 'instr(lower(body), lower(?)) > 0')].join(' AND ');
  return store.all(`SELECT * FROM ledger WHERE ${where} ORDER BY time_ms, seq`, ...words).map((row) => ({
    hash: String(row.hash),
    seq: Number(row.seq),
    time_ms: Number(row.time_ms),
    module: String(row.module),
    kind: String(row.kind),
    body: String(row.body),
  }));
};
