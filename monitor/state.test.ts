import test from 'ava';
import type { BoardEvent, Telemetry } from '../link/index.ts';
import { openMetrics } from './openmetrics.ts';
import { occupied, percentile, sparkline } from './sparkline.ts';
import { advance, callsPerSecond, cyclesPerCall, emptyState, take } from './state.ts';
import { board, reading, telemetry } from './test/readings.ts';

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

test('a module that was removed and installed again starts its rates anew', (t) => {
  const readingOf = (id: number, row: Telemetry) => {
    const made = reading(row);
    return { ...made, modules: made.modules.map((module) => ({ ...module, id })) };
  };
  const first = advance(emptyState, readingOf(1, telemetry()));
  const row = advance(first, readingOf(2, telemetry({ calls: 400n, cycles: 4000n }))).rows[0]!;
  t.deepEqual([row.calls, cyclesPerCall(row), callsPerSecond(row)], [400, 10, 0]);
});

test('a module that was not called in an interval shows no mean', (t) => {
  const state = advance(advance(emptyState, reading(telemetry())), reading(telemetry()));
  t.is(cyclesPerCall(state.rows[0]!), 0);
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

test('rates of cores are known where no module is installed, too', (t) => {
  const at = (time_ns: bigint, runtime: number) => ({
    ...reading(),
    time_ns,
    cores: { core0: { tid: 0, runtime } },
  });
  const state = advance(advance(emptyState, at(1_000_000_000n, 1000)), at(3_000_000_000n, 3000));
  t.is(state.cores[0]!.ticksPerSecond, 1000);
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

test('a module may be called as what every object has', (t) => {
  const name = 'constructor';
  const fault = { kind: 'fault', name } as BoardEvent;
  const before = advance(emptyState, reading(telemetry({ name })));
  const faults = (state: typeof before) =>
    /velocity_module_faults_total\{[^}]*\} (.*)/.exec(openMetrics(new Map([['p', state]])))?.[1];
  t.is(faults(before), '0');
  t.is(faults(take(before, { kind: 'event', time_ms: 0, event: fault })), '1');
});
