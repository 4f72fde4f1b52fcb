/** The history store: what boards did, kept over the end of a monitor. */
export { StoreError } from './errors.ts';
export { exportTable, type Format, formats } from './export.ts';
export { type LedgerLine, searchLedger, takeLedger } from './ledger.ts';
export {
  entriesOfRun,
  moduleNames,
  type Point as HistoryPoint,
  type Run,
  runNumbered,
  runsOf,
  seriesOf,
} from './read.ts';
export { type HistoryRecorder, type RecorderOptions, type RunRecorder, recordHistory } from './recorder.ts';
export { repairStore } from './repair.ts';
export { prune, type Retention, retentionOf, setRetention, usedBytes } from './retention.ts';
export { openStore, type Store } from './store.ts';
export { type Filter, type TableName, tables } from './tables.ts';
