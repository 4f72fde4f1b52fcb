/** Lines of text in a few styles: what the view is made of before it is drawn. */

export type Style = 'plain' | 'strong' | 'faint' | 'good' | 'warning' | 'bad';

export type Span = { readonly text: string; readonly style: Style };

/** `chosen` is the line that the cursor is on. */
export type Line = { readonly spans: readonly Span[]; readonly chosen?: boolean };

export const span = (text: string, style: Style = 'plain'): Span => ({ text, style });

export const line = (text: string, style: Style = 'plain'): Line => ({ spans: [span(text, style)] });

export const textOf = ({ spans }: Line): string => spans.map(({ text }) => text).join('');

const TAB = '    ';

/** Control characters would change the terminal, and those of direction the order of what is read: all of them are shown as such. */
export const visible = (text: string): string =>
  text
    .replaceAll('\t', TAB)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
    .replace(/[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, '�');

const length = (text: string) => [...text].length;

/** Pieces of a part that are no wider than `width`, but for words that are. */
const broken = (text: string, width: number): string[] => {
  if (length(text) <= width) return [text];
  const pieces: string[] = [];
  for (const word of text.split(' ')) {
    const last = pieces.at(-1);
    if (last === undefined || length(last) + 1 + length(word) > width) pieces.push(word);
    else pieces[pieces.length - 1] = `${last} ${word}`;
  }
  return pieces;
};

const GAP = '  ';

/** Parts one after the other, as many on a line as its width has room for; one that is wider than a line takes several. */
export const flow = (parts: readonly Span[], width: number): Line[] => {
  const lines: Span[][] = [[]];
  let used = 0;
  for (const { text, style } of parts)
    for (const [i, piece] of broken(text, width).entries()) {
      const isFirst = used === 0;
      const fits = isFirst || (i === 0 && used + GAP.length + length(piece) <= width);
      if (!fits) lines.push([]);
      lines.at(-1)!.push(span(fits && !isFirst ? GAP + piece : piece, style));
      used = length(piece) + (fits ? used + (isFirst ? 0 : GAP.length) : 0);
    }
  return lines.map((spans) => ({ spans }));
};

/** As many of the lines as there is room for, the one at `at` among them, and how many are left out. */
export const around = (lines: readonly Line[], at: number, room: number): readonly Line[] => {
  const most = Math.max(1, room - 1);
  if (lines.length <= room) return lines;
  const from = Math.max(0, Math.min(at - Math.floor(most / 2), lines.length - most));
  return [...lines.slice(from, from + most), line(`  … and ${lines.length - most} more`, 'faint')].slice(
    0,
    Math.max(1, room),
  );
};
