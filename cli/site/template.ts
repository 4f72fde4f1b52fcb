/** What stands around each page: the list of all pages, the search, and what is on this one. */
import { escapeHtml, type Heading } from './markdown.ts';
import { hrefBetween, placeInSite, type Section } from './pages.ts';

export type Surroundings = {
  readonly contents: readonly Section[];
  /** Titles of documents. */
  readonly titles: ReadonlyMap<string, string>;
  readonly version: string;
};

type Page = {
  readonly place: string;
  readonly title: string;
  readonly body: string;
  readonly headings: readonly Heading[];
};

const navigation = ({ contents, titles }: Surroundings, place: string): string =>
  contents
    .map(({ title, documents }) => {
      const items = documents.map((path) => {
        const target = placeInSite(path);
        const current = target === place ? ' aria-current="page"' : '';
        return `<li><a href="${hrefBetween(place, target)}"${current}>${escapeHtml(titles.get(path) ?? path)}</a></li>`;
      });
      return `<h2>${title}</h2>\n<ul>${items.join('')}</ul>`;
    })
    .join('\n');

const onThisPage = (headings: readonly Heading[]): string => {
  const parts = headings.filter(({ level }) => level === 2);
  if (parts.length < 3) return '';
  const items = parts.map(({ id, text }) => `<li><a href="#${id}">${escapeHtml(text)}</a></li>`);
  return `<nav class="parts" aria-label="On this page"><ul>${items.join('')}</ul></nav>\n`;
};

/** A whole page of the site. */
export const pageHtml = (surroundings: Surroundings, { place, title, body, headings }: Page): string => {
  const to = (path: string) => hrefBetween(place, path);
  const name = title === 'Velocity' ? title : `${escapeHtml(title)} – Velocity`;
  return `<!doctype html>
<html lang="en" data-root="${to('index.html').replace(/index\.html$/, '')}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${name}</title>
<link rel="icon" href="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Cpath d='M1 3l7 11 7-11' fill='none' stroke='%232a78d6' stroke-width='3'/%3E%3C/svg%3E">
<link rel="stylesheet" href="${to('site.css')}">
<script defer src="${to('search-index.js')}"></script>
<script defer src="${to('search.js')}"></script>
</head>
<body>
<a class="skip" href="#content">To the text</a>
<header><a class="name" href="${to('index.html')}">Velocity</a> <span class="muted">${escapeHtml(surroundings.version)}</span>
<label>Search <input id="search" type="search" autocomplete="off" aria-controls="found" placeholder="/"></label></header>
<ol id="found" aria-label="What was found" hidden></ol>
<div class="columns">
<nav class="pages" aria-label="All pages">
${navigation(surroundings, place)}
</nav>
<main id="content" tabindex="-1">
${onThisPage(headings)}${body}</main>
</div>
</body>
</html>
`;
};
