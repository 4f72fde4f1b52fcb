/** Fastboot over TCP: `FB01` both ways, then each packet behind its length as a big-endian u64 (AOSP README.md). */
import { connect, type Socket } from 'node:net';
import { BadDeviceError, TimeoutError, UnpluggedError } from '../errors.ts';
import { FASTBOOT_PORT, type FastbootTransport, networkCauses, REPLY_BYTES } from './transport.ts';

const HELLO = 'FB01';
const LENGTH_BYTES = 8;
const CONNECT_MS = 5000;
const CHUNK_BYTES = 1024 * 1024;

type Waiter = { readonly bytes: number; resolve(data: Buffer): void; reject(error: Error): void };

/** The stream's bytes, asked for by count. */
class Reader {
  #held = Buffer.alloc(0);
  #waiter: Waiter | undefined;
  #ended: Error | undefined;

  constructor(socket: Socket, name: string) {
    socket.on('data', (data) => {
      this.#held = Buffer.concat([this.#held, data]);
      this.#serve();
    });
    const end = (cause?: Error) => {
      this.#ended ??= new UnpluggedError(name, 'it was connected', cause ? { cause } : {});
      this.#waiter?.reject(this.#ended);
    };
    socket.on('error', end);
    socket.on('close', () => end());
  }

  take(bytes: number, late: Error, timeoutMs: number): Promise<Buffer> {
    if (this.#ended && this.#held.length < bytes) return Promise.reject(this.#ended);
    return new Promise<Buffer>((resolve, reject) => {
      const timer = setTimeout(() => this.#waiter?.reject(late), timeoutMs);
      const settle = () => {
        clearTimeout(timer);
        this.#waiter = undefined;
      };
      this.#waiter = {
        bytes,
        resolve: (data) => {
          settle();
          resolve(data);
        },
        reject: (error) => {
          settle();
          reject(error);
        },
      };
      this.#serve();
    });
  }

  #serve(): void {
    const waiter = this.#waiter;
    if (!waiter || this.#held.length < waiter.bytes) return;
    const data = this.#held.subarray(0, waiter.bytes);
    this.#held = this.#held.subarray(waiter.bytes);
    waiter.resolve(data);
  }
}

const opened = (host: string, port: number, name: string, timeoutMs: number) =>
  new Promise<Socket>((resolve, reject) => {
    const socket = connect({ host, port });
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new TimeoutError(name, 'a connection', timeoutMs, networkCauses));
    }, timeoutMs);
    socket.once('connect', () => {
      clearTimeout(timer);
      resolve(socket);
    });
    socket.once('error', (cause) => {
      clearTimeout(timer);
      const hint = `likely causes: ${networkCauses.join('; ')}`;
      reject(new UnpluggedError(name, 'connecting', { cause, hint }));
    });
  });

/** Writes, and waits until the other side made room. */
const write = (socket: Socket, data: Uint8Array, name: string, timeoutMs: number) =>
  new Promise<void>((resolve, reject) => {
    const late = () => reject(new TimeoutError(name, 'room for more data', timeoutMs, []));
    const timer = setTimeout(late, timeoutMs);
    socket.write(data, (cause) => {
      clearTimeout(timer);
      if (cause) reject(new UnpluggedError(name, 'sending data', { cause }));
      else resolve();
    });
  });

const framed = (packet: Uint8Array) => {
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeBigUInt64BE(BigInt(packet.length));
  return Buffer.concat([length, packet]);
};

const replyLength = (header: Buffer, name: string) => {
  const length = header.readBigUInt64BE();
  if (length <= BigInt(REPLY_BYTES)) return Number(length);
  throw new BadDeviceError(
    name,
    `announced a reply of ${length} bytes; the longest allowed is ${REPLY_BYTES}`,
  );
};

/** @throws UnpluggedError, TimeoutError, BadDeviceError when something else listens there */
export const openFastbootTcp = async (
  host: string,
  port = FASTBOOT_PORT,
  connectMs = CONNECT_MS,
): Promise<FastbootTransport> => {
  const name = `tcp:${host}:${port}`;
  const socket = await opened(host, port, name, connectMs);
  socket.setNoDelay(true);
  const reader = new Reader(socket, name);
  const late = (what: string, ms: number) => new TimeoutError(name, what, ms, networkCauses);
  const close = async () => void socket.destroy();
  try {
    await write(socket, Buffer.from(HELLO), name, connectMs);
    const hello = (await reader.take(HELLO.length, late('a greeting', connectMs), connectMs)).toString(
      'latin1',
    );
    if (!/^FB\d\d$/.test(hello))
      throw new BadDeviceError(name, `greets with ${JSON.stringify(hello)}, not fastboot`);
  } catch (error) {
    await close();
    throw error;
  }
  return {
    name,
    chunkBytes: CHUNK_BYTES,
    send: (packet, timeoutMs) => write(socket, framed(packet), name, timeoutMs),
    receive: async (timeoutMs) => {
      const header = await reader.take(LENGTH_BYTES, late('a reply', timeoutMs), timeoutMs);
      return reader.take(replyLength(header, name), late('a whole reply', timeoutMs), timeoutMs);
    },
    close,
  };
};
