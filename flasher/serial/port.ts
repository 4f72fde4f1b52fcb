/** Reads a serial line by bytes and by patterns, each with a limit. */
import { TimeoutError, UnpluggedError } from '../errors.ts';

/** What is needed of a serial line; the link's transports have this shape. */
export interface SerialLine {
  write(data: Uint8Array): Promise<void>;
  onData(listener: (data: Uint8Array) => void): void;
  onClose(listener: (cause?: Error) => void): void;
  describe(): string;
}

type Pending<T> = { readonly find: () => T | undefined; resolve(found: T): void; reject(error: Error): void };

/** Text kept for patterns; a board that talks without end does not fill the memory. */
const KEPT_BYTES = 64 * 1024;

export class SerialReader {
  readonly #line: SerialLine;
  #held = Buffer.alloc(0);
  #pending: Pending<unknown> | undefined;
  #closed: Error | undefined;

  constructor(line: SerialLine) {
    this.#line = line;
    line.onData((data) => {
      this.#held = Buffer.concat([this.#held, data]).subarray(-KEPT_BYTES);
      this.#look();
    });
    line.onClose((cause) => {
      this.#closed = new UnpluggedError(line.describe(), 'it was listened to', cause ? { cause } : {});
      this.#pending?.reject(this.#closed);
    });
  }

  get name(): string {
    return this.#line.describe();
  }

  write(data: Uint8Array | string): Promise<void> {
    return this.#line.write(typeof data === 'string' ? Buffer.from(data, 'latin1') : data);
  }

  /** The next byte; undefined when none came in time. */
  async byte(timeoutMs: number): Promise<number | undefined> {
    const take = () => {
      const byte = this.#held[0];
      this.#held = this.#held.subarray(1);
      return byte;
    };
    return this.#wait(() => (this.#held.length > 0 ? take() : undefined), timeoutMs);
  }

  /** Skips to the end of what matches. @throws TimeoutError with the last line that came instead */
  async until(
    pattern: RegExp,
    what: string,
    timeoutMs: number,
    causes: readonly string[],
  ): Promise<RegExpExecArray> {
    const found = await this.#wait(() => this.#match(pattern), timeoutMs);
    if (found) return found;
    const last = this.#held.toString('latin1').trim().split('\n').at(-1);
    const seen = last
      ? [...causes, `the last line was ${JSON.stringify(last.trim().slice(0, 100))}`]
      : causes;
    throw new TimeoutError(this.name, what, timeoutMs, seen);
  }

  /** Forgets what came so far. */
  drop(): void {
    this.#held = Buffer.alloc(0);
  }

  #match(pattern: RegExp): RegExpExecArray | undefined {
    const found = pattern.exec(this.#held.toString('latin1'));
    if (found) this.#held = this.#held.subarray(found.index + found[0].length);
    return found ?? undefined;
  }

  #wait<T>(find: () => T | undefined, timeoutMs: number): Promise<T | undefined> {
    const at = find();
    if (at !== undefined) return Promise.resolve(at);
    if (this.#closed) return Promise.reject(this.#closed);
    return new Promise<T | undefined>((resolve, reject) => {
      const end = (finish: () => void) => {
        clearTimeout(timer);
        this.#pending = undefined;
        finish();
      };
      const timer = setTimeout(() => end(() => resolve(undefined)), timeoutMs);
      this.#pending = {
        find,
        resolve: (found) => end(() => resolve(found as T)),
        reject: (error) => end(() => reject(error)),
      };
    });
  }

  #look(): void {
    const pending = this.#pending;
    const found = pending?.find();
    if (found !== undefined) pending?.resolve(found);
  }
}
