/** What watching costs: the line to one busy board, and the machine that watches many. Boards are simulated in the same process. */
import { fakeBoard, type Handlers, Refusal } from '../../link/test/fake-board.ts';
import { BoardReader } from '../../monitor/index.ts';
import { module, telemetryAt } from '../../monitor/test/samples.ts';
import { atMost, type Metric } from './metric.ts';

const RATE_HZ = 10;
/** 8N1: ten bits a byte. */
const LINE_BYTES = 921_600 / 10;
const BUSY_MODULES = 64;
const BOARDS = 50;
const BOARD_MODULES = 8;
const READINGS = 40;

const nth = (i: number, most: number) => {
  if (i >= most) throw new Refusal('no_entry');
  return `module-${i}`;
};

const handlersOf = (modules: number): Handlers => {
  let calls = 1000;
  return {
    module: ({ i }) => ({ ...module, name: nth(i, modules) }),
    telemetry: ({ i }) => {
      calls += 3;
      const { histogram, ...rest } = telemetryAt(calls);
      const bytes = new Uint8Array(Uint32Array.from(histogram).buffer);
      return { ...rest, name: nth(i, modules), histogram: bytes };
    },
    event: () => {
      throw new Refusal('no_entry');
    },
  };
};

/** Bytes from the board for one reading, once its list of modules is known. */
const lineBytes = async (): Promise<number> => {
  const sums: number[] = [];
  let sum = 0;
  const board = fakeBoard(handlersOf(BUSY_MODULES), {
    mangle: (frame) => {
      sum += frame.length;
      return frame;
    },
  });
  const reader = new BoardReader(
    (entry) => {
      if (entry.kind !== 'reading') return;
      sums.push(sum);
      sum = 0;
    },
    { count: 3, intervalMs: 1 },
  );
  const link = await reader.connect(board.transport, 0);
  await reader.follow(link, new AbortController().signal);
  await link.close();
  return sums.at(-1)!;
};

/** Processor time that the readings of one second take here, simulated boards included, as a share of one core. */
const manyBoards = async (): Promise<number> => {
  const links = await Promise.all(
    Array.from({ length: BOARDS }, async () => {
      const board = fakeBoard(handlersOf(BOARD_MODULES));
      const reader = new BoardReader(() => {}, { count: READINGS, intervalMs: 1 });
      return { reader, link: await reader.connect(board.transport, 0) };
    }),
  );
  const began = process.cpuUsage();
  const never = new AbortController().signal;
  await Promise.all(links.map(({ reader, link }) => reader.follow(link, never)));
  const { user, system } = process.cpuUsage(began);
  for (const { link } of links) await link.close();
  return ((user + system) / 1e6 / READINGS) * RATE_HZ * 100;
};

export const monitorMetrics = async (): Promise<Metric[]> => {
  const bytes = await lineBytes();
  return [
    atMost('line_64_modules_10_hz', ((bytes * RATE_HZ) / LINE_BYTES) * 100, '% of 921,600 baud', 30),
    atMost('host_50_boards_10_hz', await manyBoards(), '% of a core', 100),
  ];
};
