/** Builds the documents as a site of plain files: it needs no server and no network. */
import { copyFileSync, existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { makeFolder } from '../../firmware/folder.ts';
import { root } from '../../firmware/index.ts';
import { writeChanged } from '../../firmware/write.ts';
import { version } from '../version.ts';
import { escapeHtml, type Rendered, renderDocument } from './markdown.ts';
import { contents, placeInSite } from './pages.ts';
import { pageHtml, type Surroundings } from './template.ts';

export type Site = { readonly pages: number; readonly files: number };

const own = (name: string) => new URL(name, import.meta.url);

/** What a link to the sources shows: the text of a file, or what is in a folder. */
const sourceBody = (path: string): string => {
  const full = join(root, path);
  const text = statSync(full).isDirectory()
    ? readdirSync(full).sort().join('\n')
    : readFileSync(full, 'utf8');
  return `<h1>${escapeHtml(path)}</h1>\n<pre><code>${escapeHtml(text)}</code></pre>\n`;
};

/** For the search: a passage a line, `[page, heading, anchor, text]`. */
const searchIndex = (rendered: ReadonlyMap<string, Rendered>): string => {
  const lines = [...rendered].flatMap(([path, { title, passages }]) =>
    passages.map(({ heading, text }) => {
      const name = heading.text === title ? title : `${title}: ${heading.text}`;
      return JSON.stringify([placeInSite(path), name, heading.id, text]);
    }),
  );
  return `${INDEX_HEAD}${lines.join(',\n')}\n];\n`;
};

/** Something of somebody's lies in the folder. */
export class NoSiteError extends Error {
  readonly code = 'usage';
  readonly hint = 'give a folder that is empty, that is not there yet, or that this command made';
  constructor(folder: string) {
    super(`${folder} holds something else than these documents, and is left as it is`);
    this.name = 'NoSiteError';
  }
}

const INDEX = 'search-index.js';
const INDEX_HEAD = 'const velocitySearch = [\n';

/** Other tools' sites have a file of that name, too. */
const isOurs = (folder: string): boolean => {
  const index = join(folder, INDEX);
  return existsSync(index) && readFileSync(index, 'utf8').startsWith(INDEX_HEAD);
};

const empty = (folder: string) => {
  const isFree = !existsSync(folder) || readdirSync(folder).length === 0 || isOurs(folder);
  if (!isFree) throw new NoSiteError(folder);
  rmSync(folder, { recursive: true, force: true });
};

const fill = (folder: string, surroundings: Surroundings, rendered: ReadonlyMap<string, Rendered>): Site => {
  let files = 0;
  const put = (place: string, write: (to: string) => void) => {
    const to = join(folder, place);
    makeFolder(dirname(to));
    write(to);
    files += 1;
  };
  const putText = (place: string, text: string) => put(place, (to) => writeChanged(to, Buffer.from(text)));
  putText(INDEX, searchIndex(rendered)); // by which a site is known as one, also when it was cut short
  for (const [path, { title, html, headings }] of rendered) {
    const place = placeInSite(path);
    putText(place, pageHtml(surroundings, { place, title, body: html, headings }));
  }
  const used = new Map(
    [...rendered.values()]
      .flatMap(({ uses }) => uses)
      .flatMap((use) =>
        use.kind === 'asset' || use.kind === 'source' ? [[use.path, use.kind] as const] : [],
      ),
  );
  for (const [path, kind] of used) {
    const place = placeInSite(path);
    if (kind === 'asset') put(place, (to) => copyFileSync(join(root, path), to));
    else putText(place, pageHtml(surroundings, { place, title: path, body: sourceBody(path), headings: [] }));
  }
  for (const name of ['search.js', 'site.css']) put(name, (to) => copyFileSync(own(name), to));
  return { pages: rendered.size, files };
};

/** Writes the site into a folder, in place of an older one; what fails on the way leaves none. @throws NoSiteError, UnplacedError, Error for a link that leads nowhere */
export const buildSite = (folder: string): Site => {
  const sections = contents();
  const rendered = new Map(
    sections
      .flatMap(({ documents }) => documents)
      .map((path) => [path, renderDocument(path, readFileSync(join(root, path), 'utf8'))]),
  );
  const titles = new Map([...rendered].map(([path, { title }]) => [path, title]));
  const surroundings: Surroundings = { contents: sections, titles, version: version() };
  empty(folder);
  try {
    return fill(folder, surroundings, rendered);
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
};
