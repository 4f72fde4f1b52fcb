/** The page and what it is made of. It asks nobody else for anything, and the headers see to that. */
import { readFileSync } from 'node:fs';
import { type Route, type Routes, textRoute } from '../http.ts';

/** Headers of everything that pages are made of. */
export const SAFETY = {
  'Content-Security-Policy': "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'",
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cache-Control': 'no-cache',
};

const file = (name: string, type: string) => {
  const content = readFileSync(new URL(`page/${name}`, import.meta.url));
  return textRoute(`${type}; charset=utf-8`, () => content, SAFETY);
};

/** Colours and base of every page. */
export const styleRoute = (): Route => file('page.css', 'text/css');

const scripts = [
  'main',
  'feed',
  'page',
  'store',
  'boards',
  'chart',
  'heatmap',
  'timeline',
  'patches',
  'modules',
  'text',
];

/** The page that needs no server, for those who have one: it reads this machine's ports, not the server's boards. */
export const staticRoute = (html: string): Route =>
  textRoute('text/html; charset=utf-8', () => html, {
    ...SAFETY,
    'Content-Security-Policy': "frame-ancestors 'none'", // the page has the rest in itself
  });

export const webRoutes = (): Routes => ({
  '/': file('page.html', 'text/html'),
  '/page.css': styleRoute(),
  ...Object.fromEntries(scripts.map((name) => [`/${name}.mjs`, file(`${name}.mjs`, 'text/javascript')])),
});
