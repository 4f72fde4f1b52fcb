/** SMP client: one request in flight, matched by sequence number, sent a second time when no answer comes. */

import { randomInt } from 'node:crypto';
import { decode } from 'cborg';
import { READY } from '../abi/index.ts';
import { BadReplyError, CancelledError, LinkTimeoutError, RefusedError, RestartedError } from './errors.ts';
import { encodeFrame, FrameDecoder, frameBytes } from './frame.ts';
import { decodeMessage, encodeMessage, type SmpMessage, smpOps } from './smp.ts';
import type { Transport } from './transport.ts';

export const DEFAULT_TIMEOUT_MS = 2000;

export type SmpRequest = {
  readonly op: keyof typeof smpOps;
  readonly group: number;
  readonly id: number;
  readonly payload: Uint8Array;
  /** What a person would call it; used in errors. */
  readonly what: string;
  /** How long to wait for the answer to each of the sendings. */
  readonly timeoutMs?: number;
  /** How often to send it again, with the same sequence number; default: what the client was made with, else 1. */
  readonly retries?: number;
  /** What it works on is gone when the board restarts: it is not waited for then, nor sent again. */
  readonly endsAtRestart?: boolean;
};

/** What the line went through so far. */
export type LinkHealth = { sent: number; resent: number; received: number; stray: number; damaged: number };

type Waiting = { request: SmpMessage; resolve(payload: Uint8Array): void; reject(cause: Error): void };

const answers = (request: SmpMessage, reply: SmpMessage) =>
  reply.op === request.op + 1 &&
  reply.group === request.group &&
  reply.id === request.id &&
  reply.seq === request.seq &&
  reply.flags === request.flags;

type Refusal = { rc?: unknown; err?: { rc?: unknown }; insn?: unknown; msg?: unknown };

/** v2 errors are `{err: {group, rc}}`, errors of SMP itself `{rc}`; `rc` 0 is success. */
const refusalIn = (payload: Uint8Array): { rc: number; insn?: number; detail?: string } | undefined => {
  const map = decode(payload, { allowBigInt: true }) as Refusal;
  const rc = Number(map.err?.rc ?? map.rc ?? 0);
  if (rc === 0) return undefined;
  return {
    rc,
    ...(map.insn === undefined ? {} : { insn: Number(map.insn) }),
    ...(typeof map.msg === 'string' ? { detail: map.msg } : {}),
  };
};

export class SmpClient {
  readonly #transport: Transport;
  readonly #retries: number;
  /** Bytes of the line that whole messages from the board took so far. */
  bytes = 0;
  readonly health: LinkHealth = { sent: 0, resent: 0, received: 0, stray: 0, damaged: 0 };
  #consoleListeners = new Set<(line: string) => void>();
  #closeListeners = new Set<(cause?: Error) => void>();
  #seq = randomInt(256); // a new host must not look like the repetition of an earlier one
  readonly #flags = randomInt(256); // nor take the answers to another one on the same line for its own
  #waiting: Waiting | undefined;
  #tail: Promise<unknown> = Promise.resolve();
  #closed: Error | undefined;

  constructor(transport: Transport, { retries = 1 }: { readonly retries?: number } = {}) {
    this.#transport = transport;
    this.#retries = retries;
    const decoder = new FrameDecoder({
      message: (body) => this.#receive(body),
      text: (line) => {
        for (const listener of this.#consoleListeners) listener(line);
      },
      damaged: () => {
        this.health.damaged += 1;
      },
    });
    transport.onData((data) => decoder.push(data));
    transport.onClose((cause) => {
      decoder.flush();
      this.#end(cause);
    });
  }

  /** Calls back with each line of console text; returns a function that stops it. */
  onConsole(listener: (line: string) => void): () => void {
    this.#consoleListeners.add(listener);
    return () => this.#consoleListeners.delete(listener);
  }

  /** Calls back once when the connection ends; `cause` is absent after close(). */
  onClose(listener: (cause?: Error) => void): void {
    this.#closeListeners.add(listener);
  }

  describe(): string {
    return this.#transport.describe();
  }

  /** Payload of the answer. @throws RefusedError, LinkTimeoutError, UnpluggedError, BadReplyError, CancelledError */
  request(request: SmpRequest): Promise<Uint8Array> {
    const result = this.#tail.then(() => this.#exchange(request));
    this.#tail = result.catch(() => {});
    return result;
  }

  /** Types a line on the console, after what was asked before. */
  type(line: string): Promise<void> {
    const typed = this.#tail.then(() => this.#transport.write(Buffer.from(`${line}\n`, 'latin1')));
    this.#tail = typed.catch(() => {});
    return typed;
  }

  async close(): Promise<void> {
    this.#end();
    await this.#transport.close();
  }

  async #exchange(request: SmpRequest): Promise<Uint8Array> {
    if (this.#closed) throw this.#closed;
    this.#seq = (this.#seq + 1) & 0xff;
    const message = { ...request, op: smpOps[request.op], seq: this.#seq, flags: this.#flags };
    const payload = await this.#send(message, request);
    let refusal: ReturnType<typeof refusalIn>;
    try {
      refusal = refusalIn(payload);
    } catch (cause) {
      throw new BadReplyError(this.describe(), request.what, { cause });
    }
    if (refusal) throw new RefusedError(request.what, refusal);
    return payload;
  }

  #send(message: SmpMessage, request: SmpRequest): Promise<Uint8Array> {
    const { timeoutMs = DEFAULT_TIMEOUT_MS, retries = this.#retries, what } = request;
    const frame = encodeFrame(encodeMessage(message));
    let left = retries;
    let timer: NodeJS.Timeout | undefined;
    let forget = () => {};
    return new Promise<Uint8Array>((resolve, reject) => {
      const transmit = () => {
        this.health.sent += 1;
        this.#transport.write(frame).catch(reject);
      };
      timer = setInterval(() => {
        if (left-- === 0)
          return reject(new LinkTimeoutError(this.describe(), what, timeoutMs * (retries + 1)));
        this.health.resent += 1;
        transmit();
      }, timeoutMs);
      if (request.endsAtRestart)
        forget = this.onConsole((line) => {
          if (READY.test(line)) reject(new RestartedError(this.describe(), what));
        });
      this.#waiting = { request: message, resolve, reject };
      transmit();
    }).finally(() => {
      clearInterval(timer);
      forget();
      this.#waiting = undefined;
    });
  }

  #receive(body: Uint8Array): void {
    this.bytes += frameBytes(body.length);
    const reply = decodeMessage(body);
    if (!reply || !this.#waiting || !answers(this.#waiting.request, reply)) {
      this.health.stray += 1;
      return;
    }
    this.health.received += 1;
    this.#waiting.resolve(reply.payload);
  }

  #end(cause?: Error): void {
    if (this.#closed) return;
    this.#closed = cause ?? new CancelledError();
    this.#waiting?.reject(this.#closed);
    for (const listener of this.#closeListeners) listener(cause);
  }
}
