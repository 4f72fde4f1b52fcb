/** What commands print: lines for people, or one JSON object a line; progress and errors go to stderr. */
import type { Failure } from './failure.ts';

type Stream = {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  /** Of a terminal. */
  readonly columns?: number;
};

/** A line that is drawn anew has to stay one: what a terminal breaks can't be cleared. */
const fitted = (line: string, columns: number | undefined): string =>
  columns ? [...line].slice(0, columns - 1).join('') : line;

/** Names and reasons come from boards, models and files: what would change the terminal, or the order of what is read, is shown as such. */
const shown = (text: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  text.replace(/\r(?=\n|$)|[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, (c) =>
    c === '\r' ? '' : '\ufffd',
  );

/** What people read of a failure. */
export const failureText = ({ message, hint }: Failure): string =>
  `velocity: ${shown(`${message}${hint ? `\n  hint: ${hint}` : ''}`)}\n`;

/** A view that has the whole terminal: what would be written there is given to it instead. */
export type View = {
  line(text: string): void;
  progress(text: string): void;
  /** Gives the terminal back, for good. */
  close(): void;
};

/** JSON has no bytes and no integers beyond 2^53: bytes become hex, large numbers decimal text. */
const plain = (_key: string, value: unknown): unknown => {
  if (typeof value === 'bigint') {
    return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value.toString();
  }
  return value;
};

const hexed = (value: unknown): unknown => {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (Array.isArray(value)) return value.map(hexed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, hexed(inner)]));
};

export const jsonLine = (value: object): string => JSON.stringify(hexed(value), plain);

export class Output {
  readonly json: boolean;
  readonly #out: Stream;
  readonly #err: Stream;
  #progressLines = 0;
  #view: View | undefined;

  constructor(json: boolean, out: Stream = process.stdout, err: Stream = process.stderr) {
    this.json = json;
    this.#out = out;
    this.#err = err;
  }

  /** Whether a person watches a terminal that can be redrawn. */
  get live(): boolean {
    return !this.json && this.#out.isTTY === true && process.env.TERM !== 'dumb';
  }

  /** Until the function returned is called. */
  lendTo(view: View): () => void {
    this.#clearProgress();
    this.#view = view;
    return () => {
      this.#view = undefined;
    };
  }

  /** The same fact for programs (`value`, with --json) or for people (`line`). */
  fact(value: object, line: string): void {
    this.#write(this.#out, this.json ? jsonLine(value) : line);
  }

  /** For people only. */
  print(line: string): void {
    if (!this.json) this.#write(this.#out, line);
  }

  /** Exactly this text. */
  raw(text: string): void {
    this.#clearProgress();
    this.#out.write(text);
  }

  /** What is going on: a line or several that are redrawn on a terminal, nothing elsewhere. */
  progress(text: string): void {
    if (!this.#err.isTTY) return;
    if (this.#view) this.#view.progress(text);
    else {
      const lines = text.split('\n').map((line) => fitted(line, this.#err.columns));
      this.#err.write(`${this.#upwards()}\r\x1b[K${lines.join('\n')}`);
      this.#progressLines = lines.length;
    }
  }

  /** A line that stays, beside the results. */
  note(line: string): void {
    this.#write(this.#err, line);
  }

  fail(failure: Failure): void {
    const { exit, code, message, hint } = failure;
    this.#view?.close();
    this.#clearProgress();
    if (this.json) this.#out.write(`${jsonLine({ event: 'error', code, exit, message, hint })}\n`);
    this.#err.write(failureText(failure));
  }

  #write(stream: Stream, line: string): void {
    this.#clearProgress();
    const text = shown(line);
    if (this.#view && stream.isTTY) for (const each of text.split('\n')) this.#view.line(each);
    else stream.write(`${text}\n`);
  }

  /** To the first of the lines that are shown, clearing the others. */
  #upwards(): string {
    return '\r\x1b[K\x1b[1A'.repeat(Math.max(0, this.#progressLines - 1));
  }

  #clearProgress(): void {
    this.#view?.progress('');
    if (this.#progressLines > 0) this.#err.write(`${this.#upwards()}\r\x1b[K`);
    this.#progressLines = 0;
  }
}
