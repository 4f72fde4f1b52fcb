/** Stacks as a flame graph: an SVG that stands for itself. A frame's width is its time; its title says how much that is. */
import type { Stack } from './stacks.ts';

type Node = { readonly name: string; ns: number; readonly children: Map<string, Node> };

const WIDTH = 1200;
const ROW = 18;
const MARGIN = 10;
const HEAD = 40;
/** Narrower ones are left out: nobody could see them. */
const LEAST = 0.3;
const CHARACTER = 6.6;

const node = (name: string): Node => ({ name, ns: 0, children: new Map() });

const treeOf = (stacks: readonly Stack[]): Node => {
  const root = node('all');
  for (const { frames, ns } of stacks) {
    root.ns += ns;
    let at = root;
    for (const name of frames) {
      const child = at.children.get(name) ?? node(name);
      at.children.set(name, child);
      child.ns += ns;
      at = child;
    }
  }
  return root;
};

const depthOf = ({ children }: Node): number =>
  1 + Math.max(0, ...[...children.values()].map((child) => depthOf(child)));

const escaped = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

/** The same name has the same colour, warm for kernel code and cool for modules. */
const colour = (name: string, cool: boolean) => {
  const hash = [...name].reduce((sum, letter) => (sum * 31 + (letter.codePointAt(0) ?? 0)) >>> 0, 7);
  return `hsl(${(cool ? 170 : 10) + (hash % 50)} 65% ${68 + ((hash >>> 8) % 12)}%)`;
};

const timeText = (ns: number) => (ns < 1e6 ? `${(ns / 1e3).toFixed(1)} µs` : `${(ns / 1e6).toFixed(2)} ms`);

const box = (at: Node, x: number, y: number, width: number, total: number, cool: boolean): string => {
  const letters = Math.floor((width - 6) / CHARACTER);
  const label = at.name.length <= letters ? at.name : letters > 3 ? `${at.name.slice(0, letters - 1)}…` : '';
  const title = `${at.name}: ${timeText(at.ns)}, ${((at.ns / total) * 100).toFixed(2)} %`;
  return `<g><title>${escaped(title)}</title><rect x="${x.toFixed(1)}" y="${y}" width="${width.toFixed(1)}" height="${ROW - 1}" fill="${colour(at.name, cool)}" rx="1"/>${
    label ? `<text x="${(x + 3).toFixed(1)}" y="${y + 13}">${escaped(label)}</text>` : ''
  }</g>`;
};

const draw = (at: Node, x: number, level: number, rows: number, total: number, cool: boolean): string[] => {
  const width = (at.ns / total) * (WIDTH - 2 * MARGIN);
  if (width < LEAST) return [];
  const out = [box(at, x, HEAD + (rows - 1 - level) * ROW, width, total, cool)];
  let left = x;
  const children = [...at.children.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const child of children) {
    out.push(...draw(child, left, level + 1, rows, total, cool || child.name === 'modules'));
    left += (child.ns / total) * (WIDTH - 2 * MARGIN);
  }
  return out;
};

export const flameGraph = (stacks: readonly Stack[], title: string): string => {
  const root = treeOf(stacks);
  const rows = depthOf(root);
  const height = HEAD + rows * ROW + MARGIN;
  const boxes = root.ns > 0 ? draw(root, MARGIN, 0, rows, root.ns, false) : [];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${escaped(title)}">`,
    '<style>text{font:11px ui-monospace,monospace;fill:#111}rect:hover{stroke:#111}</style>',
    `<rect width="${WIDTH}" height="${height}" fill="#fff"/>`,
    `<text x="${MARGIN}" y="24" style="font-size:14px">${escaped(title)}</text>`,
    ...boxes,
    '</svg>\n',
  ].join('\n');
};
