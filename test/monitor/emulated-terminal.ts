/** A terminal in this process: what a program writes becomes what a person would see on it. */
import { EventEmitter } from 'node:events';
import { PassThrough } from 'node:stream';
import headless from '@xterm/headless';

const SCROLLBACK = 5000;

process.setMaxListeners(100); // each view listens to signals and to the end of the process, and a test file has many views

/** As process.stdout and process.stdin are where a person sits. */
export class EmulatedTerminal {
  readonly #terminal: InstanceType<typeof headless.Terminal>;
  readonly #clipboard: string[] = [];
  #look = () => {};
  /** Writes that are not on the screen yet: it takes them a few at a time. */
  #unread = 0;
  /** All that was written so far. */
  written = '';
  /** Whether keys come one by one, without being shown. */
  raw = false;
  readonly display;
  readonly keyboard;

  constructor(columns = 100, rows = 30) {
    const terminal = new headless.Terminal({
      cols: columns,
      rows,
      scrollback: SCROLLBACK,
      allowProposedApi: true,
    });
    this.#terminal = terminal;
    terminal.parser.registerOscHandler(52, (data) => this.#clipboard.push(data) > 0);
    const write = (text: string) => {
      this.written += text;
      this.feed(text.replaceAll(/(?<!\r)\n/g, '\r\n')); // as the line discipline does
      return true;
    };
    this.display = Object.assign(new EventEmitter(), { isTTY: true, columns, rows, write });
    const setRawMode = (raw: boolean) => {
      this.raw = raw;
    };
    this.keyboard = Object.assign(new PassThrough(), { isTTY: true, setRawMode });
  }

  /** Output of a program elsewhere. */
  feed(text: string | Uint8Array): void {
    this.#unread += 1;
    this.#terminal.write(text, () => {
      this.#unread -= 1;
      this.#look();
    });
  }

  type(keys: string | Uint8Array): void {
    this.keyboard.write(keys);
  }

  resize(columns: number, rows: number): void {
    this.#terminal.resize(columns, rows);
    Object.assign(this.display, { columns, rows });
    this.display.emit('resize');
  }

  /** What is in sight, line by line. */
  get screen(): string[] {
    return this.#lines(this.#terminal.buffer.active.viewportY);
  }

  /** What is in sight, and what was scrolled out of it. */
  get everything(): string {
    return this.#lines(0).join('\n');
  }

  get isAlternate(): boolean {
    return this.#terminal.buffer.active.type === 'alternate';
  }

  /** Whether any cell in sight has a colour of its own. */
  get hasColor(): boolean {
    const { active } = this.#terminal.buffer;
    const cells = this.screen.flatMap((_, y) =>
      Array.from({ length: this.#terminal.cols }, (_unused, x) =>
        active.getLine(active.viewportY + y)?.getCell(x),
      ),
    );
    return cells.some((cell) => cell && !(cell.isFgDefault() && cell.isBgDefault()));
  }

  /** The text that was copied last. */
  get copied(): string {
    return Buffer.from(this.#clipboard.at(-1)?.split(';')[1] ?? '', 'base64').toString();
  }

  /** Resolves once this holds with all that was written; a test that waits for ever is ended by its timeout. */
  until(holds: (screen: string) => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#look = () => {
        if (this.#unread > 0 || !holds(this.screen.join('\n'))) return;
        this.#look = () => {};
        resolve();
      };
      this.feed('');
    });
  }

  /** Resolves once the screen matches. */
  shows(pattern: RegExp): Promise<void> {
    return this.until((screen) => pattern.test(screen));
  }

  #lines(from: number): string[] {
    const { active } = this.#terminal.buffer;
    const end = active.baseY + this.#terminal.rows;
    return Array.from(
      { length: end - from },
      (_, i) =>
        active
          .getLine(from + i)
          ?.translateToString(true, 0, this.#terminal.cols)
          .trimEnd() ?? '',
    );
  }
}
