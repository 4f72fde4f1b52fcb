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

/** Words one after the other, as many on a line as its width has room for; two spaces before each part but the first. */
export const flow = (parts: readonly Span[], width: number): Line[] => {
  const lines: Span[][] = [[]];
  let used = 0;
  for (const [i, part] of parts.entries()) {
    for (const [j, word] of part.text.split(' ').entries()) {
      const gap = used === 0 ? '' : j === 0 && i > 0 ? '  ' : ' ';
      const length = [...word].length;
      const fits = used === 0 || used + gap.length + length <= width;
      if (!fits) lines.push([]);
      lines.at(-1)!.push(span(fits ? gap + word : word, part.style));
      used = (fits ? used + gap.length : 0) + length;
    }
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
