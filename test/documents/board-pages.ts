/** A page for each board, docs/boards/NAME.md, made of its facts. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Board, boardGuide, boards } from '../../boards/index.ts';
import { root } from '../../firmware/index.ts';

const folder = 'docs/boards';

/** A command stands first in its line and is explained behind it, or stands last. */
const marked = (line: string) =>
  line.replace(/^(velocity .*?) {2,}/, '`$1`: ').replace(/(^|: )(velocity [^:`]*)$/, '$1`$2`');

const list = (lines: readonly string[]) => lines.map((line) => `- ${marked(line)}`).join('\n');

const cell = (text: string) => text.replaceAll('|', '\\|');

const page = (board: Board): string => {
  const guide = boardGuide(board);
  return [
    '<!-- Made by `npm run generate` from boards/; do not edit. -->',
    `# ${guide.title}`,
    guide.tried,
    `\`velocity doctor --board ${board.name}\` prints the same.`,
    ...guide.sections.map(({ title, lines }) => `## ${title}\n\n${list(lines)}`),
    '## What is seen, from power-on',
    [
      '| seen | means | when it ends here |',
      '|---|---|---|',
      ...guide.stages.map((s) => `| ${cell(s.seen)} | ${cell(s.means)} | ${cell(s.ifItEndsHere)} |`),
    ].join('\n'),
    `## What to report when it stops\n\n${list(guide.report)}\n`,
  ].join('\n\n');
};

/** Path and text of each page. */
export const boardPages = (): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.values(boards).map((board) => [`${folder}/${board.name}.md`, page(board)]));

/** Pages that are missing, differ from the facts, or belong to no board. */
export const staleBoardPages = (): string[] => {
  const pages = boardPages();
  const there = existsSync(join(root, folder)) ? readdirSync(join(root, folder)) : [];
  const stale = Object.entries(pages)
    .filter(
      ([path, text]) => !existsSync(join(root, path)) || readFileSync(join(root, path), 'utf8') !== text,
    )
    .map(([path]) => path);
  return [...stale, ...there.map((name) => `${folder}/${name}`).filter((path) => !(path in pages))];
};
