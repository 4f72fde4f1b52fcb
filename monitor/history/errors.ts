/** What can be wrong with a store, each with what to do. */

export type StoreProblem =
  | 'store_missing'
  | 'store_foreign'
  | 'store_damaged'
  | 'store_newer'
  | 'store_busy'
  | 'store_full'
  | 'store_unreadable'
  | 'store_unsupported';

const hints: Readonly<Record<StoreProblem, string>> = {
  store_missing: 'record one with `velocity monitor --store`, or name another with --store FILE',
  store_foreign: 'name another file with --store FILE; this one was left as it is',
  store_damaged: '`velocity history repair` saves what can be read and keeps the damaged file beside it',
  store_newer: 'update velocity, or name another file with --store FILE; this one was left as it is',
  store_busy: 'try again when the other program is done, or record to another file with --store FILE',
  store_full: 'make room, or keep less with `velocity history keep`; what was stored before is still there',
  store_unreadable: 'check the path and its permissions, or name another file with --store FILE',
  store_unsupported:
    'npm has builds for Linux, macOS and x64 Windows, which `npm install --omit=optional` leaves out; keep a file by `velocity monitor --record FILE` instead',
};

export class StoreError extends Error {
  readonly code: StoreProblem;
  readonly hint: string;
  constructor(path: string, code: StoreProblem, problem: string, options?: ErrorOptions) {
    super(`${path}: ${problem}`, options);
    this.name = 'StoreError';
    this.code = code;
    this.hint = hints[code];
  }
}

const sentences: readonly (readonly [RegExp, StoreProblem, string])[] = [
  [/^SQLITE_(CORRUPT|NOTADB)/, 'store_damaged', 'the store is damaged'],
  [/^SQLITE_(BUSY|LOCKED)/, 'store_busy', 'another program has been writing to the store for too long'],
  [/^SQLITE_FULL/, 'store_full', 'the disk is full'],
];

/** SQLite's own errors in our words; others as they are. */
export const storeErrorOf = (path: string, cause: unknown): Error => {
  if (cause instanceof StoreError) return cause;
  const { code = '', message } = cause as Error & { code?: string };
  const found = sentences.find(([pattern]) => pattern.test(code));
  if (found) return new StoreError(path, found[1], `${found[2]} (${message})`, { cause });
  if (code.startsWith('SQLITE_') || /ConnectionFailed/.test(message))
    return new StoreError(path, 'store_unreadable', `the store cannot be used (${message})`, { cause });
  return cause as Error;
};
