/** A board over two minutes, made up for pictures of the page: a slow module is replaced by a faster one, and a worse one is taken back. */
import type { BoardEvent, Telemetry } from '../../link/index.ts';
import type { Entry } from '../../monitor/entry.ts';
import { board, module, readingAt } from '../../monitor/test/samples.ts';

const SECONDS = 120;
const CALLS = 1000;
/** Version and cycles per call from each second on. */
const versions = [
  { from: 0, version: 1, cycles: 239 },
  { from: 45, version: 2, cycles: 104 },
  { from: 90, version: 3, cycles: 131 },
  { from: 96, version: 2, cycles: 104 },
];

const at = (second: number) => versions.findLast(({ from }) => from <= second)!;
/** Repeats, and looks like noise. */
const noise = (second: number) => ((second * 7919) % 13) - 6;

const histogram = (cycles: number, calls: number) => {
  const bin = Math.floor(Math.log2(cycles));
  return Array.from({ length: 32 }, (_, i) =>
    i === bin ? calls - 40 : i === bin + 1 ? 34 : i === bin + 3 ? 6 : 0,
  );
};

const telemetry = (name: string, scale: number) => {
  let [total, calls, version] = [0, 0, 0];
  const bins = new Array<number>(32).fill(0);
  return (second: number): Telemetry => {
    const now = at(second);
    if (now.version !== version) [total, calls, version] = [0, 0, now.version];
    if (calls === 0) bins.fill(0);
    const cycles = (now.cycles + noise(second)) * scale;
    total += cycles * CALLS;
    calls += CALLS;
    for (const [i, n] of histogram(cycles, CALLS).entries()) bins[i]! += n;
    return {
      name,
      version,
      time_ns: BigInt(second + 1) * 1_000_000_000n,
      calls: BigInt(calls),
      cycles: BigInt(Math.round(total)),
      min: BigInt(Math.round((now.cycles - 8) * scale)),
      max: BigInt(Math.round(now.cycles * scale * 9)),
      last_result: 388n,
      histogram: [...bins],
    };
  };
};

const event = (name: string, kind: BoardEvent['kind'], more: Partial<BoardEvent>): BoardEvent => ({
  seq: 1n,
  kind,
  name,
  version: 1,
  reason: 0,
  time_ns: 0n,
  before: 0n,
  after: 0n,
  text: '',
  lost: 0n,
  ...more,
});

/** Entries of the two minutes before `end`. */
export const scene = (name: string, model: string, end: number): Entry[] => {
  const [first, second] = [telemetry(name, 1), telemetry('filter', 1.7)];
  const time = (t: number) => end - (SECONDS - t) * 1000;
  const events: [number, BoardEvent][] = [
    [1, event(name, 'installed', { version: 1 })],
    [45, event(name, 'installed', { version: 2 })],
    [50, event(name, 'promoted', { version: 2, before: 239n, after: 104n })],
    [90, event(name, 'installed', { version: 3 })],
    [96, event(name, 'rolled_back', { version: 3, reason: 277, before: 104n, after: 131n })],
  ];
  const reading = (t: number): Entry => ({
    kind: 'reading',
    time_ms: time(t),
    reading: {
      ...readingAt(1),
      board: { ...board, board: model, cores: 4 },
      modules: [
        { ...module, name, version: at(t).version },
        { ...module, name: 'filter', version: at(t).version, bound: 812n },
      ],
      telemetry: [first(t), second(t)],
      cores: Object.fromEntries(
        [0, 1, 2, 3].map((core) => [
          `core${core}`,
          { tid: core, runtime: core === 0 ? t * 1000 : 0, cswcnt: t * (4 - core), stkuse: 100, stksiz: 400 },
        ]),
      ),
    },
  });
  const console: Entry[] = [
    `velocity 0.1.0 starts at EL2: image at 0x200000, device tree at 0x8000000`,
    `velocity 0.1.0 ${board.build} ready on ${model}`,
  ].map((line) => ({ kind: 'console', time_ms: time(0), line }));
  const timed = Array.from({ length: SECONDS }, (_, t) => [
    ...events.flatMap(([when, what]): Entry[] =>
      when === t ? [{ kind: 'event', time_ms: time(t), event: what }] : [],
    ),
    reading(t),
  ]);
  return [...console, ...timed.flat()];
};
