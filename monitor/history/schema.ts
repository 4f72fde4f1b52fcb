/**
 * The tables of the history store, an SQLite database. `PRAGMA user_version` numbers the schema, `application_id` says
 * whose it is. Numbers of 64 bits without sign are kept as SQLite's signed ones with the same bits.
 *
 * Rows of `telemetry` lie sorted by run, module and reading, so that one module's whole life is one range of pages.
 */

/** "VLCY" */
export const APPLICATION_ID = 0x564c4359;

const first = `
CREATE TABLE settings (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
-- One watching of one board, from the start of a monitor to its end.
CREATE TABLE runs (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  started_ms INTEGER NOT NULL, ended_ms INTEGER NOT NULL,
  port TEXT NOT NULL, board TEXT NOT NULL,
  readings INTEGER NOT NULL, events INTEGER NOT NULL, dropped INTEGER NOT NULL
);
-- Texts that many rows share: names of modules, facts of boards, lists of modules.
CREATE TABLE texts (id INTEGER PRIMARY KEY, body TEXT NOT NULL UNIQUE);
-- Everything that a monitor was told, in its order; n counts from 1. kind: see rows.ts.
CREATE TABLE entries (
  run INTEGER NOT NULL, n INTEGER NOT NULL, time_ms INTEGER NOT NULL, kind INTEGER NOT NULL,
  board INTEGER, modules INTEGER, body TEXT NOT NULL,
  PRIMARY KEY (run, n)
) WITHOUT ROWID;
CREATE INDEX happenings ON entries (kind, time_ms) WHERE kind > 0;
CREATE TABLE telemetry (
  run INTEGER NOT NULL, module INTEGER NOT NULL, n INTEGER NOT NULL, time_ms INTEGER NOT NULL,
  place INTEGER NOT NULL, version INTEGER NOT NULL, board_ns INTEGER NOT NULL,
  calls INTEGER NOT NULL, cycles INTEGER NOT NULL, min INTEGER NOT NULL, max INTEGER NOT NULL,
  result INTEGER NOT NULL, histogram BLOB NOT NULL,
  PRIMARY KEY (run, module, n)
) WITHOUT ROWID;
-- Lines of ledgers, each once; hash is that of the line.
CREATE TABLE ledger (
  hash TEXT PRIMARY KEY, seq INTEGER NOT NULL, time_ms INTEGER NOT NULL,
  module TEXT NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX ledger_time ON ledger (time_ms, seq);
`;

/** Step i brings a store of version i to i + 1. */
export const steps: readonly string[] = [first];

export const VERSION = steps.length;
