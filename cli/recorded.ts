/** What was recorded: a file, or a run of the history. */
import { entriesOfRun, openStore, runNumbered, type Store } from '../monitor/history/index.ts';
import { entriesOf, type Told } from '../monitor/index.ts';
import { readRecording } from './commands/monitor-feed.ts';
import type { Context } from './context.ts';

function* toldOfRun(store: Store, number: number): Generator<Told> {
  const { id, port } = runNumbered(store, number);
  for (const entry of entriesOfRun(store, id)) yield { port, entry };
}

/** Entries of a file, or of a run when only a number is given. @throws FileError, RecordingError, StoreError */
export const recorded = (context: Context, what: string, storePath: string): Iterable<Told> => {
  if (!/^\d+$/.test(what)) return entriesOf(readRecording(what), what);
  const store = openStore(storePath);
  context.cleanup.add(() => store.close());
  return toldOfRun(store, Number(what));
};
