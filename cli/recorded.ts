/** What was recorded: a file, or a run of the history. */
import { entriesOfRun, openStore, runNumbered } from '../monitor/history/index.ts';
import { type Entry, entriesOf } from '../monitor/index.ts';
import { readRecording } from './commands/monitor-feed.ts';
import type { Context } from './context.ts';

/** Entries of a file, or of a run when only a number is given. @throws FileError, RecordingError, StoreError */
export const recorded = (context: Context, what: string, storePath: string): Iterable<Entry> => {
  if (!/^\d+$/.test(what)) return entriesOf(readRecording(what), what);
  const store = openStore(storePath);
  context.cleanup.add(() => store.close());
  return entriesOfRun(store, runNumbered(store, Number(what)).id);
};
