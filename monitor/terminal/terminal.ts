/**
 * A terminal that is all ours for a while: its alternate screen, drawn by terminal-kit (only cells that changed), and its
 * keyboard, read by Node.js itself: terminal-kit's reader does not return from bytes that are no UTF-8. However the process
 * ends or is stopped, the terminal is first given back as it was.
 */
import type { EventEmitter } from 'node:events';
import { emitKeypressEvents } from 'node:readline';
import type kit from 'terminal-kit';
import type { Key } from './keys.ts';
import type { Measure } from './scrollback.ts';
import { type Line, type Style, visible } from './styled.ts';
import type { Size } from './view.ts';

/** As process.stdin and process.stdout are. */
export type Keyboard = NodeJS.ReadableStream & {
  readonly isTTY?: boolean;
  setRawMode?(raw: boolean): unknown;
};
export type Display = EventEmitter & {
  write(text: string): unknown;
  readonly columns?: number;
  readonly rows?: number;
};

export type TerminalOptions = {
  readonly keyboard: Keyboard;
  readonly display: Display;
  /** What TERM says. */
  readonly type: string;
  readonly color: boolean;
  readonly onKey: (key: Key) => void;
  /** What was drawn is gone: the size changed, or somebody else had the terminal. */
  readonly onLost: () => void;
};

type Attribute = ReturnType<(typeof kit)['ScreenBuffer']['object2attr']>;

const NO_SIZE: Size = { columns: 80, rows: 24 };
/** By then a process that was told to stop has stopped, or nobody can stop it. */
const STOPPING_MS = 100;

/** Numbers of the sixteen colours that every terminal has. */
const colors: Readonly<Partial<Record<Style, number>>> = { bad: 1, good: 2, warning: 3 };

const attributesOf = (style: Style, inverse: boolean, color: boolean) => {
  const number = colors[style];
  const colored = color && number !== undefined;
  return {
    ...(colored ? { color: number } : { defaultColor: true }),
    bgDefaultColor: true,
    bold: style === 'strong' || style === 'bad' || (number !== undefined && !color),
    dim: style === 'faint',
    inverse,
  };
};

export class Terminal {
  readonly #options: TerminalOptions;
  readonly #kit: typeof kit;
  readonly #terminal: ReturnType<(typeof kit)['createTerminal']>;
  readonly #attributes = new Map<string, Attribute>();
  #buffer: InstanceType<(typeof kit)['ScreenBuffer']> | undefined;
  #ours = false;
  #isClosed = false;

  private constructor(library: typeof kit, options: TerminalOptions) {
    const { keyboard, display, type, onLost } = options;
    this.#kit = library;
    this.#options = options;
    this.#terminal = library.createTerminal({
      stdin: keyboard,
      stdout: display,
      stderr: display,
      generic: type,
      isTTY: true,
    });
    this.#terminal.shutdown = true; // we give it back ourselves, and read the keyboard ourselves
    this.#terminal.on('resize', () => {
      this.#buffer = undefined;
      if (this.#ours) onLost();
    });
  }

  /** Loads what draws; nobody else waits for that. */
  static async prepare(): Promise<(options: TerminalOptions) => Terminal> {
    const { default: library } = await import('terminal-kit');
    return (options) => new Terminal(library, options);
  }

  take(): void {
    this.#hold();
    this.#take();
  }

  get size(): Size {
    const { columns, rows } = this.#options.display;
    return { columns: columns || NO_SIZE.columns, rows: rows || NO_SIZE.rows };
  }

  get hasKeyboard(): boolean {
    return this.#options.keyboard.isTTY === true;
  }

  readonly measure: Measure = (text) => this.#kit.stringWidth(text);

  draw(lines: readonly Line[]): void {
    if (!this.#ours) return;
    const { columns: width, rows: height } = this.size;
    this.#buffer ??= this.#newBuffer(width, height);
    const plain = this.#attribute('plain', false);
    this.#buffer.fill({ attr: plain, char: ' ' });
    for (const [y, line] of lines.slice(0, height).entries()) this.#put(this.#buffer, y, line);
    this.#buffer.draw({ delta: true });
  }

  /** By the terminal itself, so that it works from afar too: "Manipulate Selection Data" of xterm's control sequences (OSC 52). */
  copy(text: string): void {
    this.#options.display.write(`\x1b]52;c;${Buffer.from(text).toString('base64')}\x07`);
  }

  /** Everything is drawn anew with the next `draw`. */
  forget(): void {
    this.#buffer = undefined;
  }

  /** To the shell, as Ctrl-Z does where no program takes keys: with everybody that the shell started with us. */
  suspend(): void {
    this.#stop(0);
  }

  /** Gives the terminal back. */
  close(): void {
    this.#give();
    this.#letGo();
  }

  #newBuffer(width: number, height: number) {
    return new this.#kit.ScreenBuffer({ dst: this.#terminal, width, height });
  }

  #attribute(style: Style, inverse: boolean): Attribute {
    const key = `${style} ${inverse}`;
    const known = this.#attributes.get(key);
    if (known !== undefined) return known;
    const made = this.#kit.ScreenBuffer.object2attr(attributesOf(style, inverse, this.#options.color));
    this.#attributes.set(key, made);
    return made;
  }

  #put(buffer: InstanceType<(typeof kit)['ScreenBuffer']>, y: number, { spans, chosen = false }: Line): void {
    let x = 0;
    for (const { text, style } of spans) {
      if (x >= buffer.width) return;
      buffer.put({ x, y, attr: this.#attribute(style, chosen), clipChar: '…' }, visible(text));
      x = buffer.cx;
    }
    if (chosen && x < buffer.width)
      buffer.put({ x, y, attr: this.#attribute('plain', true) }, ' '.repeat(buffer.width - x));
  }

  readonly #onKey = (typed: string | undefined, key: { name?: string; ctrl?: boolean; sequence?: string }) =>
    this.#options.onKey({ name: key.name, ctrl: key.ctrl ?? false, text: typed ?? key.sequence ?? '' });

  #take(): void {
    this.#ours = true;
    this.#buffer = undefined;
    this.#takeKeyboard(); // in the background this stops the process, before it writes over somebody else's lines
    this.#terminal.fullscreen(true);
    this.#terminal.hideCursor();
  }

  #takeKeyboard(): void {
    if (!this.hasKeyboard) return;
    const { keyboard } = this.#options;
    emitKeypressEvents(keyboard);
    keyboard.setRawMode?.(true);
    keyboard.on('keypress', this.#onKey);
    keyboard.resume();
  }

  readonly #give = (): void => {
    if (!this.#ours) return;
    this.#ours = false;
    this.#terminal.styleReset();
    this.#terminal.hideCursor(false);
    this.#terminal.fullscreen(false);
    if (!this.hasKeyboard) return;
    const { keyboard } = this.#options;
    keyboard.off('keypress', this.#onKey);
    keyboard.setRawMode?.(false);
    keyboard.pause();
  };

  /** After a stop, whoever had the terminal meanwhile may have left it as he likes. */
  readonly #goOn = (): void => {
    process.off('SIGTSTP', this.#onStop);
    process.on('SIGTSTP', this.#onStop);
    this.#give();
    this.#take();
    this.#options.onLost();
  };

  readonly #onStop = (): void => this.#stop(process.pid);

  /** The signal does what it does by default while nobody listens to it. A group without a shell cannot be stopped: it goes on. */
  #stop(whom: number): void {
    if (process.platform === 'win32') return;
    this.#give();
    process.off('SIGTSTP', this.#onStop);
    process.kill(whom, 'SIGTSTP');
    setTimeout(() => {
      if (!this.#ours && !this.#isClosed) this.#goOn();
    }, STOPPING_MS);
  }

  #hold(): void {
    process.on('exit', this.#give);
    if (process.platform === 'win32') return;
    process.on('SIGTSTP', this.#onStop);
    process.on('SIGCONT', this.#goOn);
  }

  #letGo(): void {
    this.#isClosed = true;
    process.off('exit', this.#give);
    process.off('SIGTSTP', this.#onStop);
    process.off('SIGCONT', this.#goOn);
  }
}
