/** What a monitor does with its entries besides showing them: record, log, and serve them. */
import { appendFileSync, closeSync, openSync } from 'node:fs';
import { openStore, recordHistory } from '../../monitor/history/index.ts';
import {
  CONTENT_TYPE,
  emptyState,
  type Hub,
  type ListenAddress,
  makeHub,
  openMetrics,
  openRecorder,
  type Sink,
  serve,
  staticPage,
  staticRoute,
  take,
  textRoute,
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

const recordTo = (context: Context, path: string): Sink => {
  const recorder = opened(path, () => openRecorder(path));
  context.cleanup.add(() => recorder.close());
  if (recorder.repaired > 0) {
    context.output.note(`${path}: removed a last line that was cut off (${recorder.repaired} bytes)`);
  }
  return careful(context, path, recorder.write);
};

/** Full disks and other writers are the recorder's business: it keeps what it could not store and tries again. */
const storeTo = (context: Context, path: string, port: string): Sink => {
  const say = (line: string) => context.output.note(`velocity: ${line}`);
  const recorder = recordHistory(openStore(path, { create: true }), { port, say });
  context.cleanup.add(() => recorder.close());
  return recorder.write;
};

/** Console text with the host's time before each line. */
const logTo = (context: Context, path: string): Sink => {
  const fd = opened(path, () => openSync(path, 'a', 0o600));
  context.cleanup.add(() => closeSync(fd));
  return careful(context, path, (entry) => {
    if (entry.kind === 'console') {
      appendFileSync(fd, `${new Date(entry.time_ms).toISOString()} ${entry.line}\n`);
    }
  });
};

const serveMetrics = async (context: Context, address: ListenAddress): Promise<Sink> => {
  let state = emptyState;
  const text = textRoute(CONTENT_TYPE, () => openMetrics(state), { 'Cache-Control': 'no-store' });
  const server = await serve(address, { '/metrics': text });
  context.cleanup.add(server.close);
  context.output.fact(
    { event: 'serving', what: 'metrics', url: `${server.url}/metrics` },
    `metrics: ${server.url}/metrics`,
  );
  return (entry) => {
    state = take(state, entry);
  };
};

const serveWeb = async (context: Context, address: ListenAddress, ledger: string): Promise<Hub> => {
  const hub = makeHub();
  const server = await serve(address, {
    ...webRoutes(hub),
    ...patchRoutes(ledger),
    '/serial.html': staticRoute(staticPage(await pageScript('serial'))),
  });
  context.cleanup.add(server.close);
  context.output.fact({ event: 'serving', what: 'web', url: server.url }, `web page: ${server.url}`);
  return hub;
};

export type Sinks = {
  /** Everything of the first board, whose name on the page this is. */
  first(name: string): readonly Sink[];
  /** Boards beside it are on the page and in the history. */
  other(name: string): readonly Sink[];
};

/** Opens files and ports. @throws FileError, ListenError; what it gives: StoreError */
export const openSinks = async (context: Context, options: SinkOptions): Promise<Sinks> => {
  const own = [
    ...(options.record ? [recordTo(context, options.record)] : []),
    ...(options.log ? [logTo(context, options.log)] : []),
    ...(options.metrics ? [await serveMetrics(context, orDefault(options.metrics, metricsAddress))] : []),
  ];
  const hub = options.web && (await serveWeb(context, orDefault(options.web, webAddress), options.ledger));
  const store = options.store === true ? defaultStore : options.store;
  const other = (name: string) => [
    ...(hub ? [hub.board(name)] : []),
    ...(store ? [storeTo(context, store, name)] : []),
  ];
  return { first: (name) => [...own, ...other(name)], other };
};
