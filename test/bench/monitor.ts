/** What watching costs: the line to one busy board, fast and slow, and the machine that watches many. */
import { EventEmitter } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { boardNamed } from '../../boards/index.ts';
import { makeCleanup } from '../../cli/cleanup.ts';
import { MonitorView } from '../../cli/monitor-view.ts';
import { Output } from '../../cli/output.ts';
import { startBoard } from '../../cli/virtual.ts';
import { requireTool } from '../../firmware/index.ts';
import { openTransport } from '../../link/index.ts';
import { fakeBoard } from '../../link/test/fake-board.ts';
import { watched } from '../../link/test/watched.ts';
import { BoardReader, type Entry } from '../../monitor/index.ts';
import { module, readingAt, telemetryAt } from '../../monitor/test/samples.ts';
import { startVirtualBoard, type VirtualBoard } from '../../rig/index.ts';
import { lineOver } from '../../rig/line.ts';
import { install, timerProgram } from '../board/programs.ts';
import { plantedImage } from '../rig/planted.ts';
import { atMost, type Metric } from './metric.ts';

const BOARD = 'qemu-virt';
const RATE_HZ = 10;
const BUSY_MODULES = 64;
const CORES = 4;
const READINGS = 40;
const BOARDS = 50;
const BOARD_MODULES = 8;
const BOOT_TIMEOUT_MS = 60_000;
/** 8N1: ten bits a byte. */
const BITS_PER_BYTE = 10;

/** What a module of a control loop does: a few sums over its own state, a different result now and then. */
const busyProgram = (i: number) =>
  timerProgram(
    `module_${i}`,
    [
      'r6 = *(u64 *)(r1 + 0)',
      `r6 += ${i}`,
      'r0 = r6',
      'r0 >>= 7',
      'r0 &= 1023',
      'if r6 s> 5 goto +1',
      'r0 += 1',
      'exit',
    ].join('\n'),
  );

type Busy = {
  readonly bytes: number;
  readonly readings: number;
  readonly seconds: number;
  readonly slowed: number;
};

/** Counts what the board sends while readings are taken, in the board's own time. */
const watchBusy = async (address: string): Promise<Busy> => {
  const line = lineOver(await openTransport(address));
  const seen: { readonly bytes: number; readonly ns: bigint; readonly slowed: number }[] = [];
  const sink = (entry: Entry) => {
    if (entry.kind !== 'reading') return;
    const { telemetry, pace } = entry.reading;
    seen.push({ bytes: line.traffic.received, ns: telemetry[0]!.time_ns, slowed: pace?.slowed ?? 0 });
  };
  const reader = new BoardReader(sink, { count: READINGS + 2, intervalMs: 1000 / RATE_HZ });
  const link = await reader.connect(line, BOOT_TIMEOUT_MS);
  for (let i = 0; i < BUSY_MODULES; i += 1) await install(link, busyProgram(i), { cores: 1 << (i % CORES) });
  await reader.follow(link, new AbortController().signal);
  await link.close();
  const [from, to] = [seen[1]!, seen.at(-1)!]; // the first one tells everything, and asks for names
  return {
    bytes: to.bytes - from.bytes,
    readings: seen.length - 2,
    seconds: Number(to.ns - from.ns) / 1e9,
    slowed: to.slowed,
  };
};

/** Virtual boards in wall time, so that ten readings a second are ten in their own time too. */
const CLOCK = { clock: 'wall' } as const;

const fastBoard = () => startBoard(BOARD, () => {}, CLOCK);

/** Its transmitter takes as long as that of a line of 115,200 baud. */
const slowBoard = async (folder: string) => {
  const image = await plantedImage(folder, 'slow-line', 'console_put');
  return startVirtualBoard({ board: boardNamed(BOARD), image, qemu: requireTool('qemu'), ...CLOCK });
};

const busyOn = async (starting: Promise<VirtualBoard>): Promise<Busy> => {
  const running = await starting;
  try {
    return await watchBusy(running.address);
  } finally {
    await running.stop();
  }
};

const shareOf = ({ bytes, seconds }: Busy, baud: number) => ((bytes * BITS_PER_BYTE) / baud / seconds) * 100;

/** Processor time that the readings of one second take here, simulated boards included, as a share of one core. */
const manyBoards = async (): Promise<number> => {
  const rows = (calls: number) =>
    Array.from({ length: BOARD_MODULES }, (_, i) => ({ ...telemetryAt(calls), name: `module_${i}` }));
  const links = await Promise.all(
    Array.from({ length: BOARDS }, async () => {
      let calls = 1000;
      const telemetry = () => {
        calls += 100;
        return rows(calls);
      };
      const board = fakeBoard(watched({ telemetry, module }));
      const reader = new BoardReader(() => {}, { count: READINGS, intervalMs: 1 });
      return { reader, link: await reader.connect(board.transport, 0) };
    }),
  );
  const began = process.cpuUsage();
  await Promise.all(links.map(({ reader, link }) => reader.follow(link, new AbortController().signal)));
  const { user, system } = process.cpuUsage(began);
  for (const { link } of links) await link.close();
  return ((user + system) / 1e6 / READINGS) * RATE_HZ * 100;
};

/** A terminal of this size, which a large window has. */
const WINDOW = { columns: 200, rows: 70 };

/** Processor time of the terminal view, with all modules in sight and all their figures changing, as a share of one core. */
const terminalView = async (): Promise<number> => {
  const display = Object.assign(new EventEmitter(), { isTTY: true, ...WINDOW, write: () => true });
  const keyboard = new PassThrough();
  const output = new Output(false, display, display);
  const view = await MonitorView.open({ output, cleanup: makeCleanup() }, { keyboard, display });
  const tell = view.board(BOARD);
  const entries = Array.from({ length: READINGS }, (_, i) => {
    const telemetry = Array.from({ length: BUSY_MODULES }, (_unused, n) => ({
      ...telemetryAt((i + 1) * (1000 + 37 * n)),
      name: `module_${n}`,
    }));
    return { kind: 'reading', time_ms: i, reading: { ...readingAt(1000 * i), telemetry } } as const;
  });
  const began = process.cpuUsage();
  for (const entry of entries) {
    tell(entry);
    await sleep(1000 / RATE_HZ);
  }
  const { user, system } = process.cpuUsage(began);
  view.close();
  return ((user + system) / 1e6 / READINGS) * RATE_HZ * 100;
};

export const monitorMetrics = async (): Promise<Metric[]> => {
  const folder = mkdtempSync(join(tmpdir(), 'velocity-bench-'));
  try {
    const fast = await busyOn(fastBoard());
    const slow = await busyOn(slowBoard(folder));
    return [
      atMost('line_64_modules_10_hz', shareOf(fast, 921_600), '% of 921,600 baud', 30),
      atMost('reading_64_modules', fast.bytes / fast.readings, 'bytes on the line', 2764),
      atMost('line_64_modules_115200', shareOf(slow, 115_200), '% of 115,200 baud', 35),
      atMost('period_64_modules_115200', (slow.seconds / slow.readings) * 1000, 'ms', 1000),
      atMost('host_50_boards_10_hz', await manyBoards(), '% of a core', 100),
      atMost('terminal_64_modules_10_hz', await terminalView(), '% of a core', 20),
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};
