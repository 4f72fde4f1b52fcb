/** The monitor's terminal view: keeps what boards tell, lets keys change what is shown of it, and draws it a few times a second. */
import { basename } from 'node:path';
import {
  type Action,
  type Boards,
  boardText,
  chosen,
  compose,
  consoleEnd,
  type Display,
  emptyScreen,
  emptyState,
  type Key,
  type Keyboard,
  layout,
  type MonitorState,
  press,
  Scrollback,
  type Shown,
  type Sink,
  shownRows,
  Terminal,
  take,
} from '../monitor/index.ts';
import type { Context } from './context.ts';
import { describeEvent, type MonitorPrinter } from './monitor-printer.ts';
import type { View } from './output.ts';

/** However many boards tell something: faster than this nobody reads. */
const FRAME_MS = 100;

/** What keys ask of a board. */
export type BoardAction = Extract<Action, { kind: 'rollback' | 'command' }>;
/** Does it on the board behind this port; the sentence says how it went. */
export type Perform = (action: BoardAction, port: string) => Promise<string>;

export type Streams = { readonly keyboard: Keyboard; readonly display: Display };

/** Nothing is written to the terminal but through it, until it is closed. */
export class MonitorView implements MonitorPrinter, View {
  readonly #context: Context;
  readonly #boards = new Map<string, MonitorState>();
  /** What is shown: a copy of the boards, that stays while paused. */
  #frozen: Boards = new Map();
  readonly #console: Scrollback;
  #screen = emptyScreen;
  #progress = '';
  readonly #terminal: Terminal;
  #timer: NodeJS.Timeout | undefined;
  #drawn_ms = 0;
  #giveBack: (() => void) | undefined;
  perform: Perform = async () => 'this is a recording';

  private constructor(context: Context, open: (view: MonitorView) => Terminal) {
    this.#context = context;
    this.#terminal = open(this);
    this.#console = new Scrollback(this.#terminal.measure);
  }

  static async open(context: Context, streams: Streams): Promise<MonitorView> {
    const prepare = await Terminal.prepare();
    const color = !process.env.NO_COLOR;
    const type = basename(process.env.TERM ?? 'xterm'); // terminal-kit loads code of this name
    const view = new MonitorView(context, (self) =>
      prepare({ ...streams, type, color, onKey: (key) => self.#onKey(key), onLost: () => self.#draw() }),
    );
    const { output, cleanup } = context;
    view.#giveBack = output.lendTo(view);
    cleanup.add(() => view.close());
    cleanup.signal.addEventListener('abort', () => view.close(), { once: true });
    view.#terminal.take();
    view.#draw();
    return view;
  }

  board(port: string): Sink {
    this.#boards.set(port, emptyState);
    return (entry) => {
      this.#progress = ''; // of what led here
      this.#boards.set(port, take(this.#boards.get(port)!, entry));
      if (entry.kind === 'event') this.#say(describeEvent(entry.event), port, entry.time_ms);
      else if (entry.kind === 'console') this.#say(entry.line, port, entry.time_ms);
      else this.#soon();
    };
  }

  line(text: string): void {
    this.#console.add(text);
    this.#soon();
  }

  progress(text: string): void {
    const last = text.split('\n').at(-1)!;
    if (last === this.#progress) return;
    this.#progress = last;
    this.#soon();
  }

  /** What was seen last stays readable where the view was. */
  close(): void {
    if (!this.#giveBack) return;
    clearTimeout(this.#timer);
    this.#terminal.close();
    this.#giveBack();
    this.#giveBack = undefined;
    const { output } = this.#context;
    for (const text of this.#console.texts) output.print(text);
    for (const [port, state] of this.#boards) {
      if (!state.board) continue;
      if (this.#boards.size > 1) output.print(`${port}:`);
      output.print(boardText(state, this.#terminal.size.columns));
    }
  }

  get #ports(): readonly string[] {
    return [...this.#boards.keys()];
  }

  get #port(): string {
    return chosen(this.#screen, this.#ports) ?? '';
  }

  get #state(): MonitorState {
    return this.#frozen.get(this.#port) ?? emptyState;
  }

  get #shown(): Shown {
    return {
      boards: this.#frozen,
      screen: this.#screen,
      console: this.#console,
      size: this.#terminal.size,
      progress: this.#progress,
      keyboard: this.#terminal.hasKeyboard,
    };
  }

  #say(text: string, port: string, time_ms: number): void {
    this.#console.add(text, this.#boards.size > 1 ? `${port}: ` : '', time_ms);
    this.#soon();
  }

  #soon(): void {
    if (this.#timer || !this.#giveBack) return;
    const rest = Math.max(0, this.#drawn_ms + FRAME_MS - performance.now());
    this.#timer = setTimeout(() => this.#draw(), rest);
  }

  #draw(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#drawn_ms = performance.now();
    if (!this.#screen.paused) this.#frozen = new Map(this.#boards);
    this.#terminal.draw(compose(this.#shown));
  }

  #onKey(key: Key): void {
    const names = shownRows(this.#state, this.#screen.filter).map((row) => row.telemetry.name);
    const { screen, action } = press(this.#screen, key, names, this.#ports);
    const pauses = screen.paused && !this.#screen.paused;
    this.#screen = pauses ? { ...screen, heldAt: this.#console.end } : screen;
    if (action) this.#act(action);
    this.#draw();
  }

  #act(action: Action): void {
    if (action.kind === 'quit') this.#context.cleanup.abort();
    else if (action.kind === 'suspend') this.#terminal.suspend();
    else if (action.kind === 'redraw') this.#terminal.forget();
    else if (action.kind === 'scroll') this.#scroll(action.to);
    else if (action.kind === 'copy') this.#copy();
    else void this.#ask(action);
  }

  async #ask(action: BoardAction): Promise<void> {
    const note = await this.perform(action, this.#port);
    this.#screen = { ...this.#screen, note };
    this.#soon();
  }

  #copy(): void {
    this.#terminal.copy(`${boardText(this.#state, this.#terminal.size.columns)}\n`);
    this.#screen = { ...this.#screen, note: 'copied, where the terminal allows it' };
  }

  #scroll(to: 'page before' | 'page after'): void {
    const { columns } = this.#terminal.size;
    const height = layout(this.#shown).console - 1;
    if (height < 1 || this.#console.isEmpty) return;
    const end = consoleEnd(this.#screen, this.#console);
    const page = to === 'page before' ? this.#console.pageUp : this.#console.pageDown;
    this.#screen = { ...this.#screen, heldAt: page.call(this.#console, end, columns, height) };
  }
}
