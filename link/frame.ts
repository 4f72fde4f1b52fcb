/**
 * SMP console framing (Zephyr smp_transport.rst, serial_util.c): messages share a UART with text lines.
 * A message is `length u16be (body + 2) | body | crc16 u16be`, cut into lines of a marker, base64 and `\n`.
 */
import { SMP_BUFFER_BYTES } from '../abi/index.ts';
import { crc16 } from './crc16.ts';

const FIRST = [0x06, 0x09] as const;
const NEXT = [0x04, 0x14] as const;
const NEWLINE = 0x0a;
/** Bytes per line: 124 base64 characters, so that marker, characters and newline fit 127. */
const LINE_BYTES = 93;
/** A line longer than this is not waited for: text is passed on in pieces, a frame is damaged. */
const MAX_LINE = 1024;
const LENGTH_BYTES = 2;
const CRC_BYTES = 2;

/** The bytes to write for one message. */
export const encodeFrame = (body: Uint8Array): Uint8Array => {
  const packet = Buffer.alloc(LENGTH_BYTES + body.length + CRC_BYTES);
  packet.writeUInt16BE(body.length + CRC_BYTES, 0);
  packet.set(body, LENGTH_BYTES);
  packet.writeUInt16BE(crc16(body), LENGTH_BYTES + body.length);
  const lines: string[] = [];
  for (let at = 0; at < packet.length; at += LINE_BYTES) {
    const marker = String.fromCharCode(...(at === 0 ? FIRST : NEXT));
    lines.push(`${marker}${packet.subarray(at, at + LINE_BYTES).toString('base64')}\n`);
  }
  return Buffer.from(lines.join(''), 'latin1');
};

/** How many bytes that is. */
export const frameBytes = (bodyBytes: number): number => {
  const packet = LENGTH_BYTES + bodyBytes + CRC_BYTES;
  const whole = Math.floor(packet / LINE_BYTES);
  const lineOf = (bytes: number) => 3 + 4 * Math.ceil(bytes / 3);
  return whole * lineOf(LINE_BYTES) + (packet % LINE_BYTES > 0 ? lineOf(packet % LINE_BYTES) : 0);
};

export type FrameListener = {
  /** A whole message whose CRC is right. */
  message(body: Uint8Array): void;
  /** A line of console text, without its line end. */
  text(line: string): void;
  /** A frame that was cut or garbled; the sender will be asked again. */
  damaged(reason: string): void;
};

const isMarker = (line: Buffer, at: number) =>
  (line[at] === FIRST[0] && line[at + 1] === FIRST[1]) || (line[at] === NEXT[0] && line[at + 1] === NEXT[1]);

const markersIn = (line: Buffer): number[] => {
  const found: number[] = [];
  for (let at = 0; at + 1 < line.length; at++) if (isMarker(line, at)) found.push(at);
  return found;
};

const decodeBase64 = (text: string): Buffer | undefined =>
  text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text) ? Buffer.from(text, 'base64') : undefined;

/** Takes bytes as they come and finds messages and text in them. Recovers at the next line after any damage. */
export class FrameDecoder {
  readonly #listener: FrameListener;
  #line: Buffer = Buffer.alloc(0);
  #packet: Buffer | undefined;

  constructor(listener: FrameListener) {
    this.#listener = listener;
  }

  push(data: Uint8Array): void {
    let rest = this.#line.length > 0 ? Buffer.concat([this.#line, data]) : Buffer.from(data);
    for (let end = rest.indexOf(NEWLINE); end >= 0; end = rest.indexOf(NEWLINE)) {
      this.#takeLine(rest.subarray(0, end));
      rest = rest.subarray(end + 1);
    }
    while (rest.length > MAX_LINE) {
      this.#takeLine(rest.subarray(0, MAX_LINE));
      rest = rest.subarray(MAX_LINE);
    }
    this.#line = rest;
  }

  /** Passes on text that has no line end yet, such as a prompt. A frame that is not complete stays. */
  flush(): void {
    if (this.#line.length === 0 || markersIn(this.#line).length > 0) return;
    this.#text(this.#line);
    this.#line = Buffer.alloc(0);
  }

  /** A marker may follow text or a frame that lost its end: the last one in the line counts. */
  #takeLine(line: Buffer): void {
    const markers = markersIn(line);
    const first = markers[0] ?? line.length;
    if (markers.length === 0 || first > 0) this.#text(line.subarray(0, first));
    if (markers.length === 0) return;
    if (markers.length > 1) this.#damage('a frame lost its end');
    const problem = this.#takeFrame(line.subarray(markers.at(-1)));
    if (problem) this.#damage(problem);
  }

  /** Returns what is wrong with the frame, if anything. */
  #takeFrame(line: Buffer): string | undefined {
    const bytes = decodeBase64(line.subarray(2).toString('latin1').replace(/\r$/, ''));
    if (!bytes) return 'a frame is not base64';
    if (line[0] === FIRST[0]) {
      if (this.#packet) this.#damage('a message was cut short');
      this.#packet = bytes;
    } else {
      if (!this.#packet) return 'a message lost its beginning';
      this.#packet = Buffer.concat([this.#packet, bytes]);
    }
    return this.#takePacket(this.#packet);
  }

  #takePacket(packet: Buffer): string | undefined {
    if (packet.length < LENGTH_BYTES) return 'a frame is too short';
    const size = packet.readUInt16BE(0);
    if (size > SMP_BUFFER_BYTES + CRC_BYTES) return 'a message claims to be too long';
    if (packet.length < LENGTH_BYTES + size) return undefined;
    if (packet.length > LENGTH_BYTES + size) return 'a message is longer than it says';
    if (crc16(packet.subarray(LENGTH_BYTES)) !== 0) return 'the CRC of a message is wrong';
    this.#packet = undefined;
    this.#listener.message(packet.subarray(LENGTH_BYTES, packet.length - CRC_BYTES));
    return undefined;
  }

  #damage(reason: string): void {
    this.#packet = undefined;
    this.#listener.damaged(reason);
  }

  #text(line: Buffer): void {
    this.#listener.text(line.toString('utf8').replace(/\r$/, ''));
  }
}
