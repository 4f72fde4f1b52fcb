/** Keeps what a page needs that is opened later, and passes news on to those that are open (Server-Sent Events). */
import type { ServerResponse } from 'node:http';
import type { Sink } from '../entry.ts';
import type { Route } from '../http.ts';
import { emptyState, take } from '../state.ts';
import { type Line, type News, newsOf, type PageEvent } from './news.ts';
import type { Point } from './points.ts';

/** Ten minutes of readings at one a second. */
const POINTS = 600;
const EVENTS = 500;
const LINES = 1000;
/** A page that does not read is dropped once so much waits for it; its browser comes back by itself. */
const BACKLOG_BYTES = 4 << 20;

type BoardHistory = {
  /** What the page calls it: the port or the virtual board. */
  readonly key: string;
  readonly points: Point[];
  readonly events: PageEvent[];
  readonly lines: Line[];
  down: string | null;
};

const keep = <T>(list: T[], item: T, most: number) => {
  list.push(item);
  if (list.length > most) list.splice(0, list.length - most);
};

const remember = (board: BoardHistory, { name, item }: News): void => {
  if (name === 'point') {
    keep(board.points, item, POINTS);
    board.down = null;
  } else if (name === 'board') keep(board.events, item, EVENTS);
  else if (name === 'console') keep(board.lines, item, LINES);
  else board.down = item;
};

export type Hub = {
  /** A board with this name, and where its entries go. */
  board(key: string): Sink;
  readonly route: Route;
  /** How many pages are open. */
  readonly pages: number;
};

export const makeHub = (): Hub => {
  const boards: BoardHistory[] = [];
  const pages = new Set<ServerResponse>();

  const send = (page: ServerResponse, name: string, data: unknown) => {
    if (page.writableLength > BACKLOG_BYTES) page.destroy();
    else page.write(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
  };
  return {
    board: (key) => {
      const board = { key, points: [], events: [], lines: [], down: 'waiting for the board' };
      boards.push(board);
      let state = emptyState;
      return (entry) => {
        state = take(state, entry);
        const news = newsOf(entry, state);
        remember(board, news);
        for (const page of pages) send(page, news.name, { key, item: news.item });
      };
    },
    get pages() {
      return pages.size;
    },
    route: (request, response) => {
      response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
      if (request.method === 'HEAD') return void response.end();
      pages.add(response);
      response.on('close', () => pages.delete(response));
      send(response, 'all', boards);
    },
  };
};
