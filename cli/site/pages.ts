/** Which documents the site has, where each stands in it, and where links between them lead. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { root } from '../../firmware/index.ts';

/** In the order of Diátaxis (diataxis.fr): learning, doing, looking up, understanding. The first pattern that fits counts. */
const sections: readonly { readonly title: string; readonly holds: readonly RegExp[] }[] = [
  { title: 'Start', holds: [/^README\.md$/, /^docs\/tutorial/] },
  { title: 'How to', holds: [/^docs\/how-to\.md$/, /^docs\/monitoring\/README\.md$/, /^docs\/how-to/] },
  {
    title: 'Reference',
    holds: [/^docs\/reference\/commands/, /^docs\/reference\/contract/, /^docs\/reference\//, /^models\//],
  },
  { title: 'Boards', holds: [/^docs\/boards\//] },
  { title: 'Explanation', holds: [/^docs\/explanation\.md$/, /^docs\/explanation/] },
];

/** A document that no section holds would be on no page's list. */
export class UnplacedError extends Error {
  readonly code = 'build_failed';
  constructor(path: string) {
    super(
      `${path} belongs to no section of the site; name it as its like are named, or add a section in cli/site/pages.ts`,
    );
    this.name = 'UnplacedError';
  }
}

/** Paths below the root, with `/`. */
const documents = (): string[] => {
  const inDocs = (readdirSync(join(root, 'docs'), { recursive: true }) as string[])
    .filter((path) => path.endsWith('.md'))
    .map((path) => `docs/${path.replaceAll('\\', '/')}`);
  return ['README.md', 'models/velocity-window.md', 'models/velocity-loop.md', ...inDocs].sort();
};

export type Section = { readonly title: string; readonly documents: readonly string[] };

/** @throws UnplacedError */
export const contents = (): Section[] => {
  const all = documents();
  const placeOf = (path: string) => {
    for (const [i, { holds }] of sections.entries()) {
      const rank = holds.findIndex((pattern) => pattern.test(path));
      if (rank >= 0) return { section: i, rank };
    }
    throw new UnplacedError(path);
  };
  const placed = all.map((path) => ({ path, ...placeOf(path) }));
  return sections.map(({ title }, i) => ({
    title,
    documents: placed
      .filter(({ section }) => section === i)
      .sort((a, b) => a.rank - b.rank)
      .map(({ path }) => path),
  }));
};

const isDocument = (path: string) => path.endsWith('.md');

/** Where a file of the repository stands in the site: a document as a page, a picture as it is, source text as a page of text. */
export const placeInSite = (path: string): string => {
  const below = path.replace(/^docs\//, '');
  if (isDocument(path)) return below.replace(/(^|\/)README\.md$/, '$1index.md').replace(/\.md$/, '.html');
  return path.startsWith('docs/') ? below : `source/${path.replace(/\/$/, '')}.html`;
};

export type Place =
  | { readonly kind: 'page' | 'asset' | 'source'; readonly path: string; readonly hash: string }
  | { readonly kind: 'elsewhere' };

/** What a link in a document leads to. @throws Error where there is nothing */
export const resolveLink = (from: string, href: string): Place => {
  if (/^[a-z]+:/i.test(href)) return { kind: 'elsewhere' };
  const [target = '', hash = ''] = href.split('#');
  const path = target === '' ? from : posix.join(dirname(from), decodeURI(target));
  if (!existsSync(join(root, path))) throw new Error(`${from}: the link to ${href} leads nowhere`);
  if (isDocument(path)) return { kind: 'page', path, hash };
  const isAsset = path.startsWith('docs/') && statSync(join(root, path)).isFile();
  return { kind: isAsset ? 'asset' : 'source', path, hash };
};

/** From one page of the site to another file of it. */
export const hrefBetween = (from: string, to: string, hash = ''): string => {
  const relative = posix.relative(posix.dirname(from), to) || posix.basename(to);
  return `${relative}${hash ? `#${hash}` : ''}`;
};
