import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { CancelledError, type VelocityLink, withReconnect } from '../../link/index.ts';
import { advance, disconnected, emptyState, type MonitorState } from '../../monitor/index.ts';
import { type BoardOptions, boardOptionsOf, openLink, withBoard } from '../connect.ts';
import { passThrough } from '../console.ts';
import type { Context } from '../context.ts';
import { type MonitorPrinter, printerFor } from '../monitor-printer.ts';
import { wholeNumber } from '../numbers.ts';

type MonitorOptions = { readonly count?: number; readonly interval: number; readonly raw?: boolean };

/** What the kernel says once, when the link is up. */
const READY = /^velocity \S+ \S+ ready on /;

const read = async (link: VelocityLink) => {
  const board = await link.info();
  const modules = await link.modules();
  return { board, modules, telemetry: await link.telemetryAll(), health: link.health };
};

class Watch {
  #state: MonitorState = emptyState;
  #lastEvent = 0n;
  #rounds = 0;
  readonly #printer: MonitorPrinter;
  readonly #options: MonitorOptions;

  constructor(printer: MonitorPrinter, options: MonitorOptions) {
    this.#printer = printer;
    this.#options = options;
  }

  down(cause: Error): void {
    this.#state = disconnected(this.#state, cause.message);
    this.#printer.update(this.#state);
  }

  /** One reading after the other until the count is reached or the signal comes. */
  async follow(link: VelocityLink, signal: AbortSignal): Promise<void> {
    const { count = Number.POSITIVE_INFINITY, interval } = this.#options;
    while (this.#rounds < count && !signal.aborted) {
      await this.#events(link);
      this.#state = advance(this.#state, await read(link));
      this.#printer.update(this.#state);
      this.#rounds += 1;
      if (this.#rounds < count) await sleep(interval, undefined, { signal });
    }
  }

  async #events(link: VelocityLink): Promise<void> {
    for await (const event of link.events(this.#lastEvent)) {
      this.#lastEvent = event.seq;
      this.#printer.event(event);
    }
  }

  /** A board that was reset numbers its events from 1 again. */
  restarted(): void {
    this.#lastEvent = 0n;
  }
}

const watchBoard = (context: Context, board: BoardOptions, options: MonitorOptions) =>
  withBoard(context, board, async (address, virtual) => {
    const { signal } = context.cleanup;
    const printer = printerFor(context.output);
    const watch = new Watch(printer, options);
    const onConsole = (line: string) => {
      if (READY.test(line)) watch.restarted();
      printer.console(line);
    };
    const open = () => openLink(context, address, { ...board, virtual, onConsole });
    const follow = (link: VelocityLink) => watch.follow(link, signal);
    if (virtual) return follow(await open()); // an emulator that ended does not come back
    return withReconnect(open, follow, {
      signal,
      onDown: (cause) => watch.down(cause),
      onUp: () => watch.restarted(),
    });
  });

const ignoreCancel = (error: unknown) => {
  if (error instanceof CancelledError || (error as Error).name === 'AbortError') return;
  throw error;
};

/** `velocity monitor` */
export const registerMonitor = (program: Command, context: Context): void => {
  program
    .command('monitor')
    .description('watch a board: telemetry of its modules, events and console text')
    .option('--count <n>', 'stop after so many readings', wholeNumber(1))
    .option('--interval <ms>', 'time between readings', wholeNumber(10, 3_600_000), 1000)
    .option('--raw', 'only pass the console through, both ways')
    .addHelpText('after', '\nExample:\n  velocity monitor --port /dev/ttyUSB0 --interval 500')
    .action(async (options: MonitorOptions, command: Command) => {
      const board = boardOptionsOf(command);
      const work = options.raw
        ? withBoard(context, board, (address) => passThrough(context, address, board))
        : watchBoard(context, board, options);
      await work.catch(ignoreCancel);
    });
};
