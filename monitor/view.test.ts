import test from 'ava';
import type { BoardEvent, BoardInfo, ModuleInfo, Telemetry } from '../link/index.ts';
import type { Reading } from './entry.ts';
import { emptyScreen } from './keys.ts';
import { occupied, percentile, sparkline } from './sparkline.ts';
import {
  advance,
  callsPerSecond,
  cyclesPerCall,
  disconnected,
  emptyState,
  type MonitorState,
  take,
} from './state.ts';
import { render as renderBoards, renderPlain } from './view.ts';

const board = {
  board: 'QEMU virt',
  version: '0.1.0',
  build: 'ab'.repeat(20),
  cores: 4,
  boot: new Uint8Array(16),
} as BoardInfo;
const health = { sent: 9, resent: 1, received: 8, stray: 0, damaged: 2 };

const telemetry = (more: Partial<Telemetry> = {}): Telemetry => ({
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

const render = (state: MonitorState, columns: number) =>
  renderBoards(new Map([['/dev/ttyUSB0', state]]), { columns, rows: 40 });

const module = { name: 'fir', hook: 'timer', state: 'live', bound: 655n } as ModuleInfo;
const cores = { core0: { tid: 0, runtime: 1000, cswcnt: 10, stkuse: 1, stksiz: 4 } };
const reading = (...rows: Telemetry[]): Reading => ({
  board,
  telemetry: rows,
  modules: [module],
  health,
  cores,
  stats: {},
});

test('a sparkline scales to its largest value and leaves gaps at zero', (t) => {
  t.is(sparkline([0, 1, 4, 8]), ' ▁▄█');
  t.is(sparkline([]), '');
});

test('the occupied part of a histogram keeps its inner gaps', (t) => {
  t.deepEqual(occupied([0, 0, 5, 0, 1, 0]), { first: 2, bins: [5, 0, 1] });
  t.deepEqual(occupied([0, 0]), { first: 0, bins: [] });
});

test('a percentile is the upper edge of the bin that holds it', (t) => {
  const histogram = [0, 0, 90, 0, 10];
  t.deepEqual(
    [0.5, 0.9, 0.91, 1].map((share) => percentile(histogram, share)),
    [7, 7, 31, 31],
  );
  t.is(percentile([0, 0], 0.99), 0);
});

test('rates come from the difference of two readings, in board time', (t) => {
  const first = advance(emptyState, reading(telemetry()));
  const later = telemetry({ time_ns: 1_500_000_000n, calls: 150n, cycles: 35_000n });
  const row = advance(first, reading(later)).rows[0]!;
  t.deepEqual([row.calls, row.cycles, callsPerSecond(row), cyclesPerCall(row)], [50, 15_000, 100, 300]);
  t.deepEqual(row.history, [200, 300]);
});

test('a new version or a reset board starts its rates anew', (t) => {
  const first = advance(emptyState, reading(telemetry()));
  const swapped = advance(first, reading(telemetry({ version: 2, calls: 400n, cycles: 4000n }))).rows[0]!;
  t.deepEqual([swapped.calls, cyclesPerCall(swapped), callsPerSecond(swapped)], [400, 10, 0]);
  const reset = advance(first, reading(telemetry({ calls: 3n, cycles: 30n }))).rows[0]!;
  t.deepEqual([reset.calls, cyclesPerCall(reset)], [3, 10]);
});

test('a module that was not called in an interval shows no mean', (t) => {
  const state = advance(advance(emptyState, reading(telemetry())), reading(telemetry()));
  t.is(cyclesPerCall(state.rows[0]!), 0);
});

test('the view shows board, link and modules, and no line is wider than the terminal', (t) => {
  const state = advance(emptyState, reading(telemetry()));
  const lines = render(state, 200);
  t.regex(
    lines[0]!,
    /QEMU virt {2}velocity 0\.1\.0 abababababab {2}4 cores {2}link 8 ok, 1 resent, 2 damaged/,
  );
  t.is(lines[1], 'core0 ? ticks/s ? wake-ups/s stack 25.0%');
  t.regex(lines[3]!, /^fir +timer +1 +live +100 +0 +200 +150 +255 +900 +900 +1\.0% +0 +2\^7 █ ▁ +█$/);
  t.true(render(state, 40).every((line) => [...line].length <= 40));
});

test('a board that went away is said to be so, and its last figures stay', (t) => {
  const lines = render(disconnected(advance(emptyState, reading(telemetry())), 'unplugged'), 200);
  t.regex(lines[0]!, /DISCONNECTED: unplugged/);
  t.is(lines.length, 4);
  t.deepEqual(render(disconnected(emptyState, 'no such port'), 80), ['waiting for the board: no such port']);
});

test('plain lines name what a log reader needs', (t) => {
  const row = advance(emptyState, reading(telemetry())).rows[0]!;
  t.is(renderPlain(row), 'fir v1  calls 100 (0/s)  cycles/call 200.0 (150..900, p99 ≤ 900)  2^7 █ ▁');
});

test('cores show their rates in board time', (t) => {
  const first = advance(emptyState, reading(telemetry()));
  const later = {
    ...reading(telemetry({ time_ns: 3_000_000_000n })),
    cores: { core0: { tid: 0, runtime: 3000 } },
  };
  const core = advance(first, later).cores[0]!;
  t.deepEqual([core.ticksPerSecond, core.wakeupsPerSecond], [1000, undefined]);
});

test('what is needed least is left out where the terminal is narrow', (t) => {
  const state = advance(emptyState, reading(telemetry()));
  const title = render(state, 60).find((line) => line.startsWith('MODULE'))!;
  t.regex(title, /^MODULE +VER .*CALLS\/S +MEAN .*P99/);
  t.notRegex(title, /HISTOGRAM|MIN|…/);
});

test('faults and rollbacks are counted per module, and anew when the board starts anew', (t) => {
  const event = (kind: string) =>
    ({ kind: 'event', time_ms: 1, event: { kind, name: 'fir' } as BoardEvent }) as const;
  const state = [event('fault'), event('rolled_back'), event('installed')].reduce(
    take,
    advance(emptyState, reading(telemetry())),
  );
  t.deepEqual(state.mishaps, { fir: { faults: 1, rollbacks: 1 } });
  t.deepEqual(state.events, { fault: 1, rolled_back: 1, installed: 1 });
  const rebooted = { ...reading(telemetry()), board: { ...board, boot: new Uint8Array(16).fill(1) } };
  t.deepEqual(advance(state, rebooted).mishaps, {});
});

const three = () => {
  const boards = new Map<string, MonitorState>();
  boards.set('/dev/ttyUSB0', advance(emptyState, reading(telemetry())));
  boards.set('rpi3b', disconnected(advance(emptyState, reading()), 'unplugged'));
  boards.set('tcp:lab:4000', emptyState);
  return boards;
};

test('several boards have a line each, and the chosen one the rest', (t) => {
  const lines = renderBoards(three(), { columns: 200, rows: 40 }, { ...emptyScreen, board: 'rpi3b' });
  t.deepEqual(lines.slice(0, 3), [
    '  1 /dev/ttyUSB0  QEMU virt  1 module, 0 calls/s, at most 1.0% of a budget, 2 messages damaged',
    '▸ 2 rpi3b         QEMU virt  AWAY: unplugged',
    '  3 tcp:lab:4000  waiting for the board',
  ]);
  t.regex(lines[4]!, /DISCONNECTED: unplugged/);
  t.regex(lines.at(-1)!, /←→ board/);
  const first = renderBoards(three(), { columns: 200, rows: 40 }, emptyScreen);
  t.true(first.some((line) => /^▸ fir +timer/.test(line)));
});

test('what does not fit a small terminal is left out around the cursor, and counted', (t) => {
  const names = Array.from({ length: 64 }, (_, i) => `module-${i}`);
  const state = advance(emptyState, reading(...names.map((name) => telemetry({ name }))));
  const screen = { ...emptyScreen, selected: 'module-40' };
  const lines = renderBoards(new Map([['p', state]]), { columns: 80, rows: 20 }, screen);
  t.is(lines.length, 20);
  t.true(lines.some((line) => line.startsWith('▸ module-40 ')));
  t.regex(lines.at(-2)!, /… and \d+ more$/);
});
