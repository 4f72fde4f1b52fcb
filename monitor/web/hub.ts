/**
 * Keeps what a page needs that is opened later, and passes news on to those that are open, over a WebSocket each: messages
 * are JSON, `["all", boards]` at first and `[name of the news, {key, item}]` from then on.
 */
import type { WebSocket } from 'ws';
import type { Sink } from '../entry.ts';
import type { Sockets } from '../http.ts';
import { emptyState, take } from '../state.ts';
import { type Line, type News, newsOf, type PageEvent } from './news.ts';
import type { Point } from './points.ts';

/** Ten minutes of readings at one a second. */
const POINTS = 600;
const EVENTS = 500;
const LINES = 1000;
/** A page that reads too slowly is told no more once so much waits for it, and everything anew when it has read that. */
const BACKLOG_BYTES = 4 << 20;
/** A page whose machine went away without a word is forgotten after two of these. */
const HEARTBEAT_MS = 30_000;

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
  readonly sockets: Sockets;
  /** How many pages are open. */
  readonly pages: number;
};

/** The page at the other end of a WebSocket. */
class OpenPage {
  readonly #socket: WebSocket;
  readonly #everything: () => string;
  #behind = false;
  #answered = true;

  constructor(socket: WebSocket, everything: () => string) {
    this.#socket = socket;
    this.#everything = everything;
    socket.on('pong', () => {
      this.#answered = true;
    });
    this.tell(everything());
  }

  tell(message: string): void {
    if (this.#socket.bufferedAmount > BACKLOG_BYTES) this.#behind = true;
    if (!this.#behind) this.#socket.send(message, () => this.#catchUp());
  }

  /** Asks whether it is still there; drops it where it did not answer the last time. */
  ask(): void {
    if (this.#answered) this.#socket.ping();
    else this.#socket.terminate();
    this.#answered = false;
  }

  #catchUp(): void {
    const { bufferedAmount, readyState, OPEN } = this.#socket;
    if (!this.#behind || bufferedAmount > 0 || readyState !== OPEN) return;
    this.#behind = false;
    this.tell(this.#everything());
  }
}

export const makeHub = ({ heartbeatMs = HEARTBEAT_MS } = {}): Hub => {
  const boards: BoardHistory[] = [];
  const pages = new Set<OpenPage>();
  const everything = () => JSON.stringify(['all', boards]);
  const heart = setInterval(() => {
    for (const page of pages) page.ask();
  }, heartbeatMs);
  heart.unref();
  return {
    board: (key) => {
      const board = { key, points: [], events: [], lines: [], down: 'waiting for the board' };
      boards.push(board);
      let state = emptyState;
      return (entry) => {
        state = take(state, entry);
        const { name, item } = newsOf(entry, state);
        remember(board, { name, item } as News);
        if (pages.size === 0) return;
        const message = JSON.stringify([name, { key, item }]);
        for (const page of pages) page.tell(message);
      };
    },
    get pages() {
      return pages.size;
    },
    sockets: {
      '/feed': (socket) => {
        const page = new OpenPage(socket, everything);
        pages.add(page);
        socket.on('close', () => pages.delete(page));
      },
    },
  };
};
