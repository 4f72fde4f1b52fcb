/** What a monitor does with its entries besides showing them: record, log, and serve them. */
import { appendFileSync, closeSync, openSync } from 'node:fs';
import { openStore, recordHistory } from '../../monitor/history/index.ts';
import {
  emptyState,
  type ListenAddress,
  type MonitorState,
  makeHub,
  metricsRoute,
  openRecorder,
  type Sink,
  serve,
  staticPage,
  staticRoute,
  take,
  webRoutes,
} from '../../monitor/index.ts';
import type { Context } from '../context.ts';
import { FileError } from '../failure.ts';
import { addressOption, orDefault } from '../listen.ts';
import { pageScript } from '../web/files.ts';
import { patchRoutes } from '../web/patches.ts';
import { defaultStore } from './history.ts';

const METRICS_PORT = 9477;
const WEB_PORT = 8477;

export const metricsAddress = addressOption(METRICS_PORT);
export const webAddress = addressOption(WEB_PORT);

export type SinkOptions = {
  readonly record?: string;
  readonly log?: string;
  readonly store?: string | true;
  readonly metrics?: ListenAddress | true;
  readonly web?: ListenAddress | true;
  /** Where the loop keeps its steps: the page shows them. */
  readonly ledger: string;
};

const opened = <T>(path: string, open: () => T): T => {
  try {
    return open();
  } catch (cause) {
    throw new FileError(path, (cause as Error).message, 'give a file that can be written', { cause });
  }
};

/** A full disk must not end the watching; it is said once, and writing is tried again with the next entry. */
const careful = (context: Context, path: string, write: Sink): Sink => {
  let told = false;
  return (entry) => {
    try {
      write(entry);
      told = false;
    } catch (cause) {
      if (!told) context.output.note(`velocity: ${path}: not written: ${(cause as Error).message}`);
      told = true;
    }
  };
};

/** Where the entries of each board go. */
export type BoardSink = (port: string) => Sink;

const recordTo = (context: Context, path: string): BoardSink => {
  const recorder = opened(path, () => openRecorder(path));
  context.cleanup.add(() => recorder.close());
  if (recorder.repaired > 0) {
    context.output.note(`${path}: removed a last line that was cut off (${recorder.repaired} bytes)`);
  }
  return (port) => careful(context, path, recorder.board(port));
};

/** Full disks and other writers are the recorder's business: it keeps what it could not store and tries again. */
const storeTo = (context: Context, path: string): BoardSink => {
  const say = (line: string) => context.output.note(`velocity: ${line}`);
  const recorder = recordHistory(openStore(path, { create: true }), { say });
  context.cleanup.add(() => recorder.close());
  return (port) => recorder.board(port).write;
};

/** Console text with the host's time before each line, and the board where there are several. */
const logTo = (context: Context, path: string): BoardSink => {
  const fd = opened(path, () => openSync(path, 'a', 0o600));
  context.cleanup.add(() => closeSync(fd));
  let boards = 0;
  return (port) => {
    boards += 1;
    return careful(context, path, (entry) => {
      if (entry.kind !== 'console') return;
      const board = boards > 1 ? `${port}: ` : '';
      appendFileSync(fd, `${new Date(entry.time_ms).toISOString()} ${board}${entry.line}\n`);
    });
  };
};

const serveMetrics = async (context: Context, address: ListenAddress): Promise<BoardSink> => {
  const boards = new Map<string, MonitorState>();
  const server = await serve(address, { '/metrics': metricsRoute(boards) });
  context.cleanup.add(server.close);
  context.output.fact(
    { event: 'serving', what: 'metrics', url: `${server.url}/metrics` },
    `metrics: ${server.url}/metrics`,
  );
  return (port) => {
    boards.set(port, emptyState);
    return (entry) => void boards.set(port, take(boards.get(port)!, entry));
  };
};

const serveWeb = async (context: Context, address: ListenAddress, ledger: string): Promise<BoardSink> => {
  const hub = makeHub();
  const routes = {
    ...webRoutes(),
    ...patchRoutes(ledger),
    '/serial.html': staticRoute(staticPage(await pageScript('serial'))),
  };
  const server = await serve(address, routes, hub.sockets);
  context.cleanup.add(server.close);
  context.output.fact({ event: 'serving', what: 'web', url: server.url }, `web page: ${server.url}`);
  return hub.board;
};

/** Opens files and ports. @throws FileError, ListenError, StoreError */
export const openSinks = async (context: Context, options: SinkOptions): Promise<BoardSink> => {
  const { record, log, metrics, web, ledger } = options;
  const store = options.store === true ? defaultStore : options.store;
  const all = [
    ...(record ? [recordTo(context, record)] : []),
    ...(log ? [logTo(context, log)] : []),
    ...(metrics ? [await serveMetrics(context, orDefault(metrics, metricsAddress))] : []),
    ...(web ? [await serveWeb(context, orDefault(web, webAddress), ledger)] : []),
    ...(store ? [storeTo(context, store)] : []),
  ];
  return (port) => {
    const sinks = all.map((sinkOf) => sinkOf(port));
    return (entry) => {
      for (const sink of sinks) sink(entry);
    };
  };
};
