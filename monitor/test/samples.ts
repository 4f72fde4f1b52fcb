/** Readings for tests of views. */
import type { BoardEvent, BoardInfo, ModuleInfo, Telemetry } from '../../link/index.ts';
import type { Entry, Reading } from '../entry.ts';

export const board: BoardInfo = {
  version: '0.1.0',
  build: 'ab'.repeat(20),
  board: 'QEMU "virt"\\\n',
  board_class: 'aarch64',
  abi: new Uint8Array(8),
  cores: 2,
  counter_hz: 62_500_000n,
  boot_insns: 1000n,
  image_bytes: 4096,
  features: 0,
  key_id: new Uint8Array(8),
  sequence: 2n ** 63n,
  boot: new Uint8Array(16).fill(7),
  entropy: 1,
};

export const module: ModuleInfo = {
  id: 1,
  name: 'fir',
  hook: 'timer',
  version: 2,
  state: 'live',
  insns: 37,
  bound: 273n,
  jit_bytes: 140,
  sha: new Uint8Array(32).fill(0xcd),
  previous: new Uint8Array(0),
  cores: 1,
  proof: 1,
};

export const telemetryAt = (calls: number): Telemetry => ({
  name: 'fir',
  version: 2,
  time_ns: BigInt(calls) * 1_000_000n,
  calls: BigInt(calls),
  cycles: BigInt(calls) * 267n,
  min: 255n,
  max: 900n,
  last_result: 2n ** 64n - 1n,
  histogram: Array.from({ length: 32 }, (_, bin) => (bin === 8 ? calls - 10 : bin === 9 ? 10 : 0)),
});

export const readingAt = (calls: number): Reading => ({
  board,
  modules: [module],
  telemetry: [telemetryAt(calls)],
  health: { sent: 9, resent: 1, received: 8, stray: 0, damaged: 2 },
  cores: {
    core0: { tid: 0, runtime: calls, cswcnt: 2 * calls, stkuse: 100, stksiz: 400 },
    core1: { tid: 1, runtime: 0, cswcnt: 4, stkuse: 50, stksiz: 400 },
  },
  stats: { installs: 2, faults: 1 },
});

export const event: BoardEvent = {
  seq: 3n,
  kind: 'rolled_back',
  name: 'fir',
  version: 3,
  reason: 277,
  time_ns: 5n,
  before: 267n,
  after: 300n,
  text: '',
  lost: 0n,
};

const T0 = 1_700_000_000_000;

export const entries: readonly Entry[] = [
  { kind: 'console', time_ms: T0, line: 'velocity 0.1.0 ready on <b>"\u0001' },
  { kind: 'reading', time_ms: T0 + 10, reading: readingAt(100) },
  { kind: 'event', time_ms: T0 + 20, event },
  { kind: 'reading', time_ms: T0 + 1010, reading: readingAt(1100) },
  { kind: 'down', time_ms: T0 + 2000, why: 'unplugged' },
];
