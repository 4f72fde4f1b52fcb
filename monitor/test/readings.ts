/** Readings of one module or several, for tests of what is made of them. */
import type { BoardInfo, ModuleInfo, Telemetry } from '../../link/index.ts';
import type { Reading } from '../entry.ts';

export const board = {
  board: 'QEMU virt',
  version: '0.1.0',
  build: 'ab'.repeat(20),
  cores: 4,
  boot: new Uint8Array(16),
} as BoardInfo;
const health = { sent: 9, resent: 1, received: 8, stray: 0, damaged: 2 };

/** A module as a report says it; `more` says what is different. */
export const telemetry = (more: Partial<Telemetry> = {}): Telemetry => ({
  name: 'fir',
  version: 1,
  time_ns: 1_000_000_000n,
  calls: 100n,
  cycles: 20_000n,
  min: 150n,
  max: 900n,
  last_result: 0n,
  histogram: [0, 0, 0, 0, 0, 0, 0, 90, 0, 10],
  ...more,
});

const module = { name: 'fir', hook: 'timer', state: 'live', bound: 655n } as ModuleInfo;
const cores = { core0: { tid: 0, runtime: 1000, cswcnt: 10, stkuse: 1, stksiz: 4 } };
export const reading = (...rows: Telemetry[]): Reading => ({
  board,
  telemetry: rows,
  modules: [module],
  health,
  cores,
  stats: {},
});
