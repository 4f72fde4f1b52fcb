/**
 * Fastboot over UDP (AOSP fastboot/README.md, U-Boot net/fastboot_udp.c). Header: id u8, flags u8, sequence u16 big
 * endian. The device only ever answers; each of our packets is repeated until it is answered.
 */
import { createSocket, type Socket } from 'node:dgram';
import { setTimeout as sleep } from 'node:timers/promises';
import { BadDeviceError, RefusedError, TimeoutError, UnpluggedError } from '../errors.ts';
import { FASTBOOT_PORT, type FastbootTransport, networkCauses } from './transport.ts';

export const udpId = { error: 0, query: 1, init: 2, fastboot: 3 } as const;
export const UDP_HEADER_BYTES = 4;
export const UDP_CONTINUES = 1;
export const UDP_VERSION = 1;
/** Each side offers its limit and takes the smaller; a device offers at least 512. */
const OFFERED_BYTES = 8192;
const MINIMUM_BYTES = 512;
const RESEND_MS = 500;
/** A device that is still at work answers with nothing. */
const ASK_AGAIN_MS = 10;
const CONNECT_MS = 10_000;
/** Of one answer, the shortest of which fits into one. */
const MOST_PIECES = 64;

export const udpPacket = (id: number, flags: number, sequence: number, data: Uint8Array): Buffer =>
  Buffer.concat([Buffer.from([id, flags, sequence >> 8, sequence & 0xff]), data]);

export const u16s = (...values: number[]): Buffer =>
  Buffer.from(values.flatMap((value) => [(value >> 8) & 0xff, value & 0xff]));

type Answer = { readonly flags: number; readonly data: Buffer };

/** One packet out, its answer back; what does not fit is dropped as the network's repetition. */
class Exchange {
  readonly #socket: Socket;
  readonly #name: string;
  readonly #resendMs: number;
  #sequence = 0;
  #onMessage: (message: Buffer) => void = () => {};
  #onError: (cause: Error) => void = () => {};

  constructor(socket: Socket, name: string, resendMs: number) {
    this.#socket = socket;
    this.#name = name;
    this.#resendMs = resendMs;
    socket.on('message', (message) => this.#onMessage(message));
    socket.on('error', (cause) => this.#onError(cause));
  }

  async query(timeoutMs: number): Promise<void> {
    const { data } = await this.#ask(udpId.query, 0, 0, new Uint8Array(), timeoutMs);
    if (data.length < 2) throw new BadDeviceError(this.#name, `answers a query with ${data.length} bytes`);
    this.#sequence = data.readUInt16BE();
  }

  async ask(id: number, flags: number, data: Uint8Array, timeoutMs: number): Promise<Buffer> {
    const whole: Buffer[] = [];
    for (let next = data, mark = flags; whole.length < MOST_PIECES; next = new Uint8Array(), mark = 0) {
      const sequence = this.#sequence;
      this.#sequence = (sequence + 1) & 0xffff;
      const answer = await this.#ask(id, mark, sequence, next, timeoutMs);
      whole.push(answer.data);
      if ((answer.flags & UDP_CONTINUES) === 0) return Buffer.concat(whole);
    }
    throw new BadDeviceError(this.#name, `answers in more than ${MOST_PIECES} pieces`);
  }

  #ask(id: number, flags: number, sequence: number, data: Uint8Array, timeoutMs: number): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const send = () => this.#socket.send(udpPacket(id, flags, sequence, data));
      const again = setInterval(send, this.#resendMs);
      const end = (finish: () => void) => {
        clearInterval(again);
        clearTimeout(limit);
        this.#onMessage = () => {};
        finish();
      };
      const late = () => reject(new TimeoutError(this.#name, 'an answer', timeoutMs, networkCauses));
      const limit = setTimeout(() => end(late), timeoutMs);
      this.#onError = (cause) =>
        end(() => reject(new UnpluggedError(this.#name, 'waiting for an answer', { cause })));
      this.#onMessage = (message) => {
        if (message.length < UDP_HEADER_BYTES || message.readUInt16BE(2) !== sequence) return;
        const answer = { flags: message[1]!, data: message.subarray(UDP_HEADER_BYTES) };
        if (message[0] === udpId.error)
          return end(() => reject(new RefusedError(this.#name, answer.data.toString())));
        if (message[0] === id) end(() => resolve(answer));
      };
      send();
    });
  }
}

const connected = (host: string, port: number, name: string) =>
  new Promise<Socket>((resolve, reject) => {
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
    socket.once('error', (cause) => {
      socket.close();
      reject(new UnpluggedError(name, 'looking it up', { cause }));
    });
    socket.connect(port, host, () => {
      socket.removeAllListeners('error');
      resolve(socket);
    });
  });

const agree = async (exchange: Exchange, name: string, timeoutMs: number) => {
  await exchange.query(timeoutMs);
  const answer = await exchange.ask(udpId.init, 0, u16s(UDP_VERSION, OFFERED_BYTES), timeoutMs);
  const size = answer.length >= 4 ? answer.readUInt16BE(2) : 0;
  if (size >= MINIMUM_BYTES) return Math.min(size, OFFERED_BYTES) - UDP_HEADER_BYTES;
  throw new BadDeviceError(name, `offers packets of ${size} bytes; the least allowed is ${MINIMUM_BYTES}`);
};

/** @throws TimeoutError, UnpluggedError, BadDeviceError */
export const openFastbootUdp = async (
  host: string,
  port = FASTBOOT_PORT,
  { connectMs = CONNECT_MS, resendMs = RESEND_MS } = {},
): Promise<FastbootTransport> => {
  const name = `udp:${host}:${port}`;
  const socket = await connected(host, port, name);
  const exchange = new Exchange(socket, name, resendMs);
  let open = true;
  const close = async () => {
    if (open) socket.close();
    open = false;
  };
  const room = await agree(exchange, name, connectMs).catch(async (error) => {
    await close();
    throw error;
  });
  const send = async (packet: Uint8Array, timeoutMs: number) => {
    for (let at = 0; at < packet.length; at += room) {
      const flags = at + room < packet.length ? UDP_CONTINUES : 0;
      const early = await exchange.ask(udpId.fastboot, flags, packet.subarray(at, at + room), timeoutMs);
      if (early.length > 0) throw new BadDeviceError(name, 'answered before it was asked');
    }
  };
  return {
    name,
    chunkBytes: 64 * room,
    send,
    receive: async (timeoutMs) => {
      const late = new TimeoutError(name, 'a reply', timeoutMs, networkCauses);
      const deadline = performance.now() + timeoutMs;
      for (let left = timeoutMs; left > 0; left = deadline - performance.now()) {
        const answer = await exchange.ask(udpId.fastboot, 0, new Uint8Array(), left).catch((error) => {
          throw error instanceof TimeoutError ? late : error;
        });
        if (answer.length > 0) return answer;
        await sleep(ASK_AGAIN_MS);
      }
      throw late;
    },
    close,
  };
};
