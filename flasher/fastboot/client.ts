/** The host's side of fastboot: commands and replies (AOSP fastboot/README.md), the same over every transport. */
import type { BlockSource } from '../blocks.ts';
import { BadDeviceError, CancelledError, RefusedError, TimeoutError } from '../errors.ts';
import { SPARSE_MINIMUM_BYTES, sparsePieces } from './sparse.ts';
import { COMMAND_BYTES, type FastbootTransport } from './transport.ts';

export type FastbootLimits = {
  /** Reply to a command that does no work. */
  readonly replyMs: number;
  /** One piece of a download. */
  readonly dataMs: number;
  /** Writing or erasing: counted anew after each INFO line. */
  readonly workMs: number;
};

export const fastbootLimits: FastbootLimits = { replyMs: 5000, dataMs: 30_000, workMs: 60_000 };

export type FastbootEvent =
  | { event: 'info'; text: string }
  | { event: 'send'; stage: 'fastboot'; file: string; done: number; total: number };

type Options = {
  readonly limits?: FastbootLimits;
  readonly onEvent?: (event: FastbootEvent) => void;
  readonly signal?: AbortSignal;
};

type Reply = { readonly kind: string; readonly text: string };

/** A device that names no limit is sent no more than U-Boot's default buffer holds. */
const DEFAULT_DOWNLOAD = 0x0100_0000;
/** More than this is not kept in memory at once, whatever the device says. */
const MOST_DOWNLOAD = 0x0800_0000;

/** On the way to one reply: a board that works for an hour says some hundred. */
const MOST_LINES = 10_000;

const ASCII = /^[\x20-\x7e]*$/;

export class FastbootClient {
  readonly #transport: FastbootTransport;
  readonly #limits: FastbootLimits;
  readonly #options: Options;
  #hasAnswered = false;

  constructor(transport: FastbootTransport, options: Options = {}) {
    this.#transport = transport;
    this.#limits = options.limits ?? fastbootLimits;
    this.#options = options;
  }

  get name(): string {
    return this.#transport.name;
  }

  close(): Promise<void> {
    return this.#transport.close();
  }

  /** @returns what the device adds to its OKAY. @throws RefusedError with the device's own reason */
  async command(text: string, timeoutMs = this.#limits.replyMs): Promise<string> {
    const reply = await this.#exchange(text, timeoutMs);
    if (reply.kind === 'OKAY') return reply.text;
    throw this.#unexpected(text, reply);
  }

  /** Value of a variable; undefined when the device does not know it: FAIL in newer ones, nothing in older. */
  async variable(name: string): Promise<string | undefined> {
    const reply = await this.#exchange(`getvar:${name}`, this.#limits.replyMs);
    if (reply.kind === 'DATA') throw this.#unexpected(`getvar:${name}`, reply);
    return reply.kind === 'OKAY' && reply.text !== '' ? reply.text : undefined;
  }

  async downloadLimit(): Promise<number> {
    const said = await this.variable('max-download-size');
    if (said === undefined) return DEFAULT_DOWNLOAD;
    const limit = Number(said);
    if (!Number.isSafeInteger(limit) || limit < SPARSE_MINIMUM_BYTES) {
      throw new BadDeviceError(this.name, `says that its largest download is ${JSON.stringify(said)} bytes`);
    }
    return Math.min(limit, MOST_DOWNLOAD);
  }

  /** Puts bytes into the device's memory. `progress` places them in the whole. */
  async download(bytes: Uint8Array, onSent: (sent: number) => void = () => {}): Promise<void> {
    const text = `download:${bytes.length.toString(16).padStart(8, '0')}`;
    const reply = await this.#exchange(text, this.#limits.replyMs);
    if (reply.kind !== 'DATA') throw this.#unexpected(text, reply);
    const agreed = /^[0-9a-f]{8}$/i.test(reply.text) ? Number.parseInt(reply.text, 16) : -1;
    if (agreed !== bytes.length) {
      throw new BadDeviceError(this.name, `expects ${reply.text} bytes where ${bytes.length} were announced`);
    }
    for (let at = 0; at < bytes.length; ) {
      if (this.#options.signal?.aborted) return this.#leaveOff(bytes.length - at);
      at += await this.#sendPart(bytes, at);
      onSent(at);
    }
    await this.#downloadEnds();
  }

  /** A board takes as many bytes as were announced for data, whoever sends them, and no command before: it gets them, and none to use them. */
  async #leaveOff(missing: number): Promise<never> {
    const nothing = new Uint8Array(missing);
    for (let at = 0; at < missing; ) at += await this.#sendPart(nothing, at);
    await this.#downloadEnds();
    throw this.#cancelled();
  }

  async #sendPart(bytes: Uint8Array, at: number): Promise<number> {
    const part = bytes.subarray(at, at + this.#transport.chunkBytes);
    await this.#transport.send(part, this.#limits.dataMs);
    return part.length;
  }

  async #downloadEnds(): Promise<void> {
    const end = await this.#reply(this.#limits.dataMs);
    if (end.kind !== 'OKAY') throw this.#unexpected('the download', end);
  }

  /** Writes an image to a partition, in sparse pieces of the size that the device takes. */
  async flash(partition: string, image: BlockSource): Promise<void> {
    const limit = await this.downloadLimit();
    let sent = 0;
    const pieces = [...sizes(image, limit)];
    const total = pieces.reduce((sum, bytes) => sum + bytes, 0);
    for (const piece of sparsePieces(image, limit)) {
      const before = sent;
      await this.download(piece, (done) => this.#progress(image.name, before + done, total));
      sent += piece.length;
      await this.command(`flash:${partition}`, this.#limits.workMs);
    }
  }

  /** Starts an image from memory; nothing is written. */
  async boot(image: BlockSource): Promise<void> {
    const limit = await this.downloadLimit();
    if (image.bytes > limit) {
      throw new RefusedError(
        this.name,
        `takes ${limit} bytes at once, and ${image.name} has ${image.bytes}`,
        {
          hint: 'write it to a partition instead: --partition NAME',
        },
      );
    }
    await this.download(image.read(0, image.bytes), (done) => this.#progress(image.name, done, image.bytes));
    await this.command('boot', this.#limits.workMs);
  }

  #progress(file: string, done: number, total: number): void {
    this.#options.onEvent?.({ event: 'send', stage: 'fastboot', file, done, total });
  }

  async #exchange(text: string, timeoutMs: number): Promise<Reply> {
    this.#checkSignal();
    if (text.length > COMMAND_BYTES || !ASCII.test(text)) {
      throw new RefusedError(this.name, `a command has at most ${COMMAND_BYTES} plain characters: ${text}`);
    }
    await this.#transport.send(Buffer.from(text, 'latin1'), this.#limits.replyMs);
    const reply = await this.#reply(timeoutMs).catch((error: unknown) => {
      throw error instanceof TimeoutError && !this.#hasAnswered ? this.#mute(timeoutMs, error) : error;
    });
    this.#hasAnswered = true;
    return reply;
  }

  #mute(timeoutMs: number, cause: TimeoutError) {
    const causes = [
      'an earlier try was ended in the middle, and the board waits for the rest: restart it',
      ...cause.causes,
    ];
    return new TimeoutError(this.name, 'an answer to the first command', timeoutMs, causes, { cause });
  }

  /** The reply that ends a command; lines on the way are handed on. */
  async #reply(timeoutMs: number): Promise<Reply> {
    for (let lines = 0; lines < MOST_LINES; lines++) {
      const packet = Buffer.from(await this.#transport.receive(timeoutMs)).toString('latin1');
      const reply = { kind: packet.slice(0, 4), text: packet.slice(4) };
      if (['OKAY', 'FAIL', 'DATA'].includes(reply.kind)) return reply;
      if (reply.kind !== 'INFO' && reply.kind !== 'TEXT') {
        throw new BadDeviceError(
          this.name,
          `replied ${JSON.stringify(packet.slice(0, 32))}, which is no fastboot reply`,
        );
      }
      this.#options.onEvent?.({ event: 'info', text: reply.text });
    }
    throw new BadDeviceError(this.name, `said ${MOST_LINES} lines, and did not come to an end`);
  }

  #unexpected(asked: string, { kind, text }: Reply) {
    if (kind === 'FAIL') return new RefusedError(this.name, `refused ${asked}: ${text || 'no reason given'}`);
    return new BadDeviceError(this.name, `replied ${kind}${text} to ${asked}`);
  }

  #cancelled() {
    return new CancelledError(this.name, 'flashing');
  }

  #checkSignal(): void {
    if (this.#options.signal?.aborted) throw this.#cancelled();
  }
}

/** Sizes of the pieces, so that progress can be shown against the whole; reading twice is cheaper than keeping. */
function* sizes(image: BlockSource, limit: number): Generator<number> {
  for (const piece of sparsePieces(image, limit)) yield piece.length;
}
