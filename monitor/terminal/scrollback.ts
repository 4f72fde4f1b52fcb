/** Console text that was told so far, and the part of it that a pane shows. */
import { type Line, type Span, span, visible } from './styled.ts';

/** Lines that are kept: what a terminal keeps of its own. */
const KEPT = 1000;
/** Below this width the time of each line is left out. */
const ROOM_FOR_TIME = 60;

type Kept = { readonly time: string; readonly label: string; readonly text: string };

/** Cells of a text; one a character where nothing better is known. */
export type Measure = (text: string) => number;

const plainWidth: Measure = (text) => [...text].length;
const isPlain = (text: string) => /^[\x20-\x7e]*$/.test(text);

/** Pieces that are no wider than `width`. */
const wrapped = (text: string, width: number, measure: Measure): string[] => {
  const pieces: string[] = [];
  if (isPlain(text)) {
    for (let at = 0; at < text.length; at += width) pieces.push(text.slice(at, at + width));
    return pieces.length > 0 ? pieces : [''];
  }
  let used = 0;
  for (const character of text) {
    const cells = measure(character);
    if (pieces.length === 0 || used + cells > width) {
      pieces.push('');
      used = 0;
    }
    pieces[pieces.length - 1] += character;
    used += cells;
  }
  return pieces;
};

const clockOf = (time_ms: number): string => {
  const time = new Date(time_ms);
  return Number.isNaN(time.getTime()) ? '' : time.toTimeString().slice(0, 8);
};

/** Lines have numbers, which stay theirs when older ones are dropped. */
export class Scrollback {
  readonly #measure: Measure;
  #lines: Kept[] = [];
  #dropped = 0;

  constructor(measure: Measure = plainWidth) {
    this.#measure = measure;
  }

  /** Number of the line that comes next. */
  get end(): number {
    return this.#dropped + this.#lines.length;
  }

  get isEmpty(): boolean {
    return this.#lines.length === 0;
  }

  /** `label` says which board it is of. Control characters are made visible. */
  add(text: string, label = '', time_ms = Date.now()): void {
    this.#lines.push({ time: clockOf(time_ms), label: visible(label), text: visible(text) });
    if (this.#lines.length < 2 * KEPT) return;
    this.#dropped += this.#lines.length - KEPT;
    this.#lines = this.#lines.slice(-KEPT);
  }

  /** All that is kept, as text. */
  get texts(): readonly string[] {
    return this.#lines.slice(-KEPT).map(({ time, label, text }) => `${time} ${label}${text}`);
  }

  /** The last `height` rows of the lines before number `end`. */
  rows(end: number, width: number, height: number): Line[] {
    const rows: Line[] = [];
    for (let at = this.#inside(end) - 1; at >= 0 && rows.length < height; at -= 1)
      rows.unshift(...this.#rowsOf(this.#lines[at]!, width));
    return height > 0 ? rows.slice(-height) : [];
  }

  /** `end` of the page before: its last line is the first one that is shown now. */
  pageUp(end: number, width: number, height: number): number {
    let rows = 0;
    let at = this.#inside(end);
    while (at > 0) {
      rows += this.#heightOf(at - 1, width);
      if (rows > height) break;
      at -= 1;
    }
    return this.#dropped + Math.max(Math.min(at + 1, this.#inside(end) - 1), 1);
  }

  /** `end` of the page after; undefined when that is the newest. */
  pageDown(end: number, width: number, height: number): number | undefined {
    let at = this.#inside(end);
    for (let rows = 1; at < this.#lines.length; at += 1) {
      rows += this.#heightOf(at, width);
      if (rows > height) break;
    }
    const next = Math.max(at, this.#inside(end) + 1);
    return next >= this.#lines.length ? undefined : this.#dropped + next;
  }

  #inside(end: number): number {
    return Math.max(0, Math.min(end - this.#dropped, this.#lines.length));
  }

  #heightOf(at: number, width: number): number {
    return this.#rowsOf(this.#lines[at]!, width).length;
  }

  #rowsOf({ time, label, text }: Kept, width: number): Line[] {
    const head: Span[] = [
      ...(width >= ROOM_FOR_TIME && time ? [span(`${time} `, 'faint')] : []),
      ...(label ? [span(label, 'faint')] : []),
    ];
    const used = head.reduce((sum, part) => sum + this.#measure(part.text), 0);
    const beside = Math.max(1, width - (used < width / 2 ? used : 0));
    const pieces = wrapped(text, beside, this.#measure).map((piece) => ({ spans: [span(piece)] }));
    if (used >= width / 2) return [{ spans: head }, ...pieces];
    return pieces.map(({ spans }, i) => ({
      spans: [...(i === 0 ? head : [span(' '.repeat(used))]), ...spans],
    }));
  }
}
