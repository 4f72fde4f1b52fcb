/** A small HTTP server for views: fixed paths, reading only; and WebSockets (RFC 6455) over which it tells news. */
import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
  STATUS_CODES,
} from 'node:http';
import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';

export type ListenAddress = { readonly host: string; readonly port: number };
export type Route = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;
export type Routes = Readonly<Record<string, Route>>;
/** Who takes a WebSocket that was opened at a path. */
export type Sockets = Readonly<Record<string, (socket: WebSocket) => void>>;

const DEFAULT_HOST = '127.0.0.1';
const PORTS = /^\d{1,5}$/;

/** `HOST:PORT`, `HOST`, `PORT`, `:PORT` or `[IPV6]:PORT`; port 0 is any free one. Undefined when it is none of them. */
export const listenAddress = (text: string, defaultPort: number): ListenAddress | undefined => {
  if (text === '') return { host: DEFAULT_HOST, port: defaultPort };
  if (PORTS.test(text)) return listenAddress(`:${text}`, defaultPort);
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]*))(?::(\d{1,5}))?$/.exec(text);
  const port = Number(match?.[3] ?? defaultPort);
  if (!match || port > 65535) return undefined;
  return { host: match[1] ?? (match[2] || DEFAULT_HOST), port };
};

/** Nobody there, or nobody may: says which address, why, and what to do. */
export class ListenError extends Error {
  readonly code = 'bad_address';
  readonly hint = 'give another address, for example 127.0.0.1:0 for any free port';
  constructor(address: ListenAddress, cause: NodeJS.ErrnoException) {
    const why = cause.code === 'EADDRINUSE' ? 'another program listens there' : cause.message;
    super(`cannot listen on ${address.host}:${address.port}: ${why}`, { cause });
    this.name = 'ListenError';
  }
}

/** A page of another site whose name was made to lead here must not read a board (DNS rebinding). */
const isOwnName = (header: string | undefined, { host }: ListenAddress): boolean => {
  const name = (header ?? '').replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
  return isIP(name) > 0 || name === 'localhost' || name === host;
};

const refuse = (response: ServerResponse, status: number, text: string, headers = {}) => {
  response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8', ...headers });
  response.end(`${text}\n`);
};

const isRebound = (request: IncomingMessage, address: ListenAddress) =>
  /^(127\.|::1$|localhost$)/.test(address.host) && !isOwnName(request.headers.host, address);

/** Pages of other sites may lead here; what else they ask for they could not read, yet it is done: an image is signed anew. */
const isForeignUse = ({ headers }: IncomingMessage): boolean => {
  const site = headers['sec-fetch-site'] ?? 'none';
  return site !== 'none' && site !== 'same-origin' && headers['sec-fetch-dest'] !== 'document';
};

/** What cannot be answered, as when a file is gone by now, is that one request's matter. */
const carefully = async (route: Route, request: IncomingMessage, response: ServerResponse) => {
  try {
    await route(request, response);
  } catch (error) {
    if (response.headersSent) response.destroy();
    else refuse(response, 500, (error as Error).message);
  }
};

const answer =
  (routes: Routes, address: ListenAddress) => (request: IncomingMessage, response: ServerResponse) => {
    if (isRebound(request, address)) return refuse(response, 403, 'this server is only for this machine');
    if (isForeignUse(request)) return refuse(response, 403, 'this server is not for pages of other sites');
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      return refuse(response, 405, 'only reading is possible here', { Allow: 'GET, HEAD' });
    }
    const path = (request.url ?? '/').split('?')[0]!;
    const route = Object.hasOwn(routes, path) ? routes[path] : undefined;
    if (!route) return refuse(response, 404, `there is: ${Object.keys(routes).join(' ')}`);
    return void carefully(route, request, response);
  };

/**
 * A browser opens WebSockets for pages of any site, and says whose page it was; other programs say nothing
 * (RFC 6455, section 10.2).
 */
const isForeignPage = ({ headers: { origin, host } }: IncomingMessage): boolean =>
  origin !== undefined && (!URL.canParse(origin) || new URL(origin).host !== host);

/** Nobody has anything to say to us. */
const LONGEST_MESSAGE = 1024;

const upgrade = (address: ListenAddress, sockets: Sockets, server: WebSocketServer) => {
  const refusal = (request: IncomingMessage, path: string): number | undefined => {
    if (isRebound(request, address) || isForeignPage(request)) return 403;
    return Object.hasOwn(sockets, path) ? undefined : 404;
  };
  return (request: IncomingMessage, stream: Duplex, head: Buffer): void => {
    const path = (request.url ?? '/').split('?')[0]!;
    const status = refusal(request, path);
    stream.on('error', () => {}); // it is gone; the WebSocket tells whoever has it
    if (status !== undefined) {
      stream.end(
        `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`,
      );
      return;
    }
    server.handleUpgrade(request, stream, head, (socket) => {
      socket.on('error', () => {}); // it closes then
      sockets[path]!(socket);
    });
  };
};

const listen = (server: Server, address: ListenAddress) =>
  new Promise<number>((resolve, reject) => {
    // Later ones, as when the files that a process may have open run out, are of one connection.
    server.on('error', (cause) => reject(new ListenError(address, cause)));
    server.listen(address.port, address.host, () => {
      const bound = server.address();
      resolve(typeof bound === 'object' && bound ? bound.port : address.port);
    });
  });

export type Served = { readonly url: string; close(): Promise<void> };

/** @throws ListenError */
export const serve = async (
  address: ListenAddress,
  routes: Routes,
  sockets: Sockets = {},
): Promise<Served> => {
  const server = createServer(answer(routes, address));
  const web = new WebSocketServer({ noServer: true, maxPayload: LONGEST_MESSAGE });
  server.on('upgrade', upgrade(address, sockets, web));
  const port = await listen(server, address);
  const host = isIP(address.host) === 6 ? `[${address.host}]` : address.host;
  return {
    url: `http://${host}:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
        for (const socket of web.clients) socket.terminate();
      }),
  };
};

/** A route that answers with what `content` gives at that time. */
export const textRoute =
  (type: string, content: () => string | Buffer, headers: Readonly<Record<string, string>> = {}): Route =>
  (request, response) => {
    const body = content();
    response.writeHead(200, { 'Content-Type': type, 'Content-Length': Buffer.byteLength(body), ...headers });
    response.end(request.method === 'HEAD' ? undefined : body);
  };
