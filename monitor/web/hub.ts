/** Keeps what a page needs that is opened later, and passes news on to those that are open (Server-Sent Events). */
import type { ServerResponse } from 'node:http';
import { statusOf } from '../../abi/index.ts';
import type { BoardEvent } from '../../link/index.ts';
import type { Entry } from '../entry.ts';
import type { Route } from '../http.ts';
import type { MonitorState } from '../state.ts';
import { type Point, pointOf } from './points.ts';

/** Ten minutes of readings at one a second. */
const POINTS = 600;
const EVENTS = 500;
const LINES = 1000;
/** A page that does not read is dropped once so much waits for it; its browser comes back by itself. */
const BACKLOG_BYTES = 4 << 20;

const eventOf = (t: number, { kind, name, version, reason, before, after, text }: BoardEvent) => ({
  t,
  kind,
  name,
  version,
  reason: reason === 0 ? '' : statusOf(reason).name,
  before: Number(before),
  after: Number(after),
  text,
});

type Line = { readonly t: number; readonly line: string };
type PageEvent = ReturnType<typeof eventOf>;

const keep = <T>(list: T[], item: T, most: number) => {
  list.push(item);
  if (list.length > most) list.splice(0, list.length - most);
};

export type Hub = {
  /** Takes an entry and the state after it. */
  take(entry: Entry, state: MonitorState): void;
  readonly route: Route;
  /** How many pages are open. */
  readonly pages: number;
};

export const makeHub = (): Hub => {
  const points: Point[] = [];
  const events: PageEvent[] = [];
  const lines: Line[] = [];
  let down: string | null = 'waiting for the board';
  const pages = new Set<ServerResponse>();

  const send = (page: ServerResponse, name: string, data: unknown) => {
    if (page.writableLength > BACKLOG_BYTES) page.destroy();
    else page.write(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
  };
  const tell = (name: string, data: unknown) => {
    for (const page of pages) send(page, name, data);
  };
  const news: { [K in Entry['kind']]: (entry: Entry & { kind: K }, state: MonitorState) => void } = {
    reading: (_, state) => {
      const point = pointOf(state);
      keep(points, point, POINTS);
      down = null;
      tell('point', point);
    },
    event: ({ time_ms, event }) => {
      const item = eventOf(time_ms, event);
      keep(events, item, EVENTS);
      tell('board', item);
    },
    console: ({ time_ms, line }) => {
      const item = { t: time_ms, line };
      keep(lines, item, LINES);
      tell('console', item);
    },
    down: ({ why }) => {
      down = why;
      tell('down', why);
    },
  };
  return {
    take: (entry, state) => news[entry.kind](entry as never, state),
    get pages() {
      return pages.size;
    },
    route: (request, response) => {
      response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
      if (request.method === 'HEAD') return void response.end();
      pages.add(response);
      response.on('close', () => pages.delete(response));
      send(response, 'all', { points, events, lines, down });
    },
  };
};
