/**
 * Y-modem sender. Source: Chuck Forsberg, "XMODEM/YMODEM Protocol Reference" (1988), §4 and §5; U-Boot's receiver takes
 * blocks of 128 and 1024 bytes with CRC-16 and cancels on three CAN.
 */
import { BadDeviceError, CancelledError, RefusedError, TimeoutError } from '../errors.ts';
import type { SerialReader } from './port.ts';

export const ymodem = {
  soh: 0x01,
  stx: 0x02,
  eot: 0x04,
  ack: 0x06,
  nak: 0x15,
  can: 0x18,
  crc: 0x43,
} as const;

const SMALL_BYTES = 128;
const LARGE_BYTES = 1024;
/** Fills the last block (CP/M's end of file). */
const PADDING = 0x1a;
const ATTEMPTS = 10;
/** For the `C` after the name. U-Boot says it only when nothing came for 4 s, though it listens at once. */
const BEGIN_MS = 500;

export type YmodemLimits = {
  /** The receiver's first `C`. */
  readonly startMs: number;
  /** The answer to a block, before it is sent again. */
  readonly answerMs: number;
};

export const ymodemLimits: YmodemLimits = { startMs: 10_000, answerMs: 5000 };

export type YmodemOptions = {
  readonly limits?: YmodemLimits;
  readonly onSent?: (done: number) => void;
  readonly signal?: AbortSignal;
};

/** CRC-16/XMODEM: polynomial 1021, initially 0; 31c3 over "123456789". */
export const crc16 = (bytes: Uint8Array): number => {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1) & 0xffff;
  }
  return crc;
};

export const ymodemBlock = (number: number, data: Uint8Array): Buffer => {
  const start = data.length === LARGE_BYTES ? ymodem.stx : ymodem.soh;
  const crc = crc16(data);
  return Buffer.concat([
    Buffer.from([start, number & 0xff, ~number & 0xff]),
    data,
    Buffer.from([crc >> 8, crc & 0xff]),
  ]);
};

/** Name and size; an empty one ends the batch. */
const headerBlock = (name: string, size: number) => {
  const data = Buffer.alloc(SMALL_BYTES);
  if (name) data.write(`${name}\0${size} `, 'latin1');
  return ymodemBlock(0, data);
};

const dataBlock = (number: number, bytes: Uint8Array) => {
  const data = Buffer.alloc(bytes.length <= SMALL_BYTES ? SMALL_BYTES : LARGE_BYTES, PADDING);
  data.set(bytes);
  return ymodemBlock(number, data);
};

const lineCauses = [
  'TX and RX are swapped, or ground is missing',
  'another program reads the port',
  'the speed differs',
];

class Sender {
  readonly #reader: SerialReader;
  readonly #limits: YmodemLimits;
  readonly #signal: AbortSignal | undefined;

  constructor(reader: SerialReader, { limits = ymodemLimits, signal }: YmodemOptions) {
    this.#reader = reader;
    this.#limits = limits;
    this.#signal = signal;
  }

  /** The receiver asks for CRC blocks by `C`; text before it is the boot loader's. */
  async start(): Promise<void> {
    const deadline = performance.now() + this.#limits.startMs;
    for (let left = this.#limits.startMs; left > 0; left = deadline - performance.now()) {
      const byte = await this.#reader.byte(left);
      if (byte === ymodem.crc) return;
    }
    throw new TimeoutError(this.#reader.name, 'a receiver', this.#limits.startMs, lineCauses);
  }

  /** The receiver asks for the first block; one that says nothing is taken to listen. */
  async begin(): Promise<void> {
    await this.#reader.byte(BEGIN_MS);
  }

  /** Sends until it is acknowledged. `what` is for the error: `byte 4096`. */
  async block(block: Uint8Array, what: string): Promise<void> {
    let reason = 'no answer';
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      if (this.#signal?.aborted) throw await this.#cancelled(what);
      await this.#reader.write(block);
      const answer = await this.#answer();
      if (answer === ymodem.ack) return;
      if (answer !== undefined) reason = 'every copy arrived damaged';
    }
    await this.cancel();
    if (reason === 'no answer') {
      throw new TimeoutError(
        this.#reader.name,
        `an answer at ${what}`,
        ATTEMPTS * this.#limits.answerMs,
        lineCauses,
      );
    }
    throw new BadDeviceError(this.#reader.name, `${what}: ${reason}, ${ATTEMPTS} times`, {
      hint: 'check ground and cable length, or use a lower speed on both sides',
    });
  }

  /** ACK, NAK, or undefined when neither came in time; a `C` is a late request and means nothing here. */
  async #answer(): Promise<number | undefined> {
    let cans = 0;
    const deadline = performance.now() + this.#limits.answerMs;
    for (let left = this.#limits.answerMs; left > 0; left = deadline - performance.now()) {
      const byte = await this.#reader.byte(left);
      if (byte === undefined || byte === ymodem.ack || byte === ymodem.nak) return byte;
      cans = byte === ymodem.can ? cans + 1 : 0;
      if (cans >= 2) throw new RefusedError(this.#reader.name, 'the receiver cancelled the transfer');
    }
    return undefined;
  }

  async end(): Promise<void> {
    await this.block(Uint8Array.of(ymodem.eot), 'the end');
    let next = await this.#reader.byte(this.#limits.answerMs);
    for (let again = 0; next === ymodem.ack && again < ATTEMPTS; again++)
      next = await this.#reader.byte(this.#limits.answerMs); // U-Boot says it twice, and for each repetition
    if (next === ymodem.crc) await this.block(headerBlock('', 0), 'the end of the batch');
  }

  async cancel(): Promise<void> {
    await this.#reader.write(new Uint8Array(8).fill(ymodem.can)).catch(() => {});
  }

  async #cancelled(what: string) {
    await this.cancel();
    return new CancelledError(this.#reader.name, `sending ${what}`);
  }
}

/** @throws TimeoutError, RefusedError when the receiver cancels, BadDeviceError on a line that garbles, UnpluggedError */
export const sendYmodem = async (
  reader: SerialReader,
  name: string,
  bytes: Uint8Array,
  options: YmodemOptions = {},
): Promise<void> => {
  const sender = new Sender(reader, options);
  await sender.start();
  await sender.block(headerBlock(name, bytes.length), 'the name');
  await sender.begin();
  for (let at = 0, number = 1; at < bytes.length; at += LARGE_BYTES, number++) {
    const data = bytes.subarray(at, at + LARGE_BYTES);
    await sender.block(dataBlock(number, data), `byte ${at}`);
    options.onSent?.(at + data.length);
  }
  await sender.end();
};
