/** Fastboot over TCP: `FB01` both ways, then each packet behind its length as a big-endian u64 (AOSP README.md). */
import { connect, type Socket } from 'node:net';
import { BadDeviceError, TimeoutError, UnpluggedError } from '../errors.ts';
import { FASTBOOT_PORT, type FastbootTransport, networkCauses, REPLY_BYTES } from './transport.ts';

const HELLO = 'FB01';
const LENGTH_BYTES = 8;
const CONNECT_MS = 5000;
const CHUNK_BYTES = 1024 * 1024;

/** What may have brought more, or the end. */
const CHANGES = ['readable', 'end', 'close'] as const;

/** The stream's bytes, asked for by count. What nobody asked for waits at the sender. */
class Reader {
  readonly #socket: Socket;
  readonly #name: string;
  #cause: Error | undefined;

  constructor(socket: Socket, name: string) {
    this.#socket = socket;
    this.#name = name;
    socket.on('error', (cause) => {
      this.#cause = cause;
    });
  }

  take(bytes: number, late: Error, timeoutMs: number): Promise<Buffer> {
    const socket = this.#socket;
    return new Promise<Buffer>((resolve, reject) => {
      const settle = (answer: () => void) => {
        clearTimeout(timer);
        for (const event of CHANGES) socket.off(event, look);
        answer();
      };
      const look = () => {
        const data = socket.read(bytes) as Buffer | null;
        if (data?.length === bytes) settle(() => resolve(data));
        else if (data !== null || socket.readableEnded || socket.destroyed)
          settle(() => reject(this.#ended()));
      };
      const timer = setTimeout(() => settle(() => reject(late)), timeoutMs);
      for (const event of CHANGES) socket.on(event, look);
      look();
    });
  }

  #ended(): UnpluggedError {
    return new UnpluggedError(this.#name, 'it was connected', this.#cause ? { cause: this.#cause } : {});
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
