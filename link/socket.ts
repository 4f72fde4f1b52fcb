/** Ports behind a socket: TCP (ser2net, QEMU `-serial tcp:`) and Unix (QEMU `-serial unix:`). */
import { connect, type NetConnectOpts, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type LinkError,
  LinkTimeoutError,
  PermissionError,
  PortBusyError,
  UnpluggedError,
} from './errors.ts';
import { StreamTransport } from './stream.ts';
import type { Transport } from './transport.ts';

const CONNECT_TIMEOUT_MS = 5000;

const problems: Record<string, string> = {
  ECONNREFUSED: 'nobody listens there',
  ENOENT: 'there is no such socket',
  ENOTFOUND: 'the host name is unknown',
  EHOSTUNREACH: 'the host cannot be reached',
};

/** EAGAIN: whoever waits there for its turn at a Unix socket, as QEMU's, fills the queue. */
const busy = new Set(['EAGAIN', 'EADDRINUSE', 'EBUSY']);

const connectError = (name: string, cause: NodeJS.ErrnoException): LinkError => {
  const code = cause.code ?? '';
  if (code === 'EACCES' || code === 'EPERM') return new PermissionError(name, { cause });
  if (busy.has(code)) return new PortBusyError(name, { cause });
  return new UnpluggedError(name, problems[code] ?? cause.message, { cause });
};

const destroy = (socket: Socket) =>
  new Promise<void>((resolve) => {
    if (socket.closed) return resolve();
    socket.once('close', () => resolve());
    socket.destroy();
  });

const open = (where: NetConnectOpts, name: string): Promise<Transport> =>
  new Promise((resolve, reject) => {
    const socket = connect(where);
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new LinkTimeoutError(name, 'the connection', CONNECT_TIMEOUT_MS));
    }, CONNECT_TIMEOUT_MS);
    socket.once('error', (cause) => {
      clearTimeout(timer);
      reject(connectError(name, cause));
    });
    socket.once('connect', () => {
      clearTimeout(timer);
      socket.removeAllListeners('error');
      socket.setNoDelay(true);
      resolve(new StreamTransport(socket, name, () => destroy(socket)));
    });
  });

/** @throws UnpluggedError, PermissionError, LinkTimeoutError */
export const openTcp = (host: string, port: number): Promise<Transport> =>
  open({ host, port }, `tcp:${host}:${port}`);

/** A server that has just bound its socket does not listen yet: the path is there, and connecting is refused. */
const BOUND_ATTEMPTS = 30;
const BOUND_PAUSE_MS = 30;

const isRefused = (error: unknown) =>
  ((error as Error).cause as NodeJS.ErrnoException | undefined)?.code === 'ECONNREFUSED';

/** @throws UnpluggedError, PermissionError, PortBusyError, LinkTimeoutError */
export const openUnix = async (path: string): Promise<Transport> => {
  for (let attempt = 1; ; attempt++) {
    try {
      return await open({ path }, `unix:${path}`);
    } catch (error) {
      if (!isRefused(error) || attempt === BOUND_ATTEMPTS) throw error;
      await sleep(BOUND_PAUSE_MS);
    }
  }
};
