/** The page as one file that needs no server: it can be kept, copied and opened from a disk. */
import { readFileSync } from 'node:fs';

const read = (name: string) => readFileSync(new URL(`page/${name}`, import.meta.url), 'utf8');

/** Nothing but what stands in the file itself; there is nobody to ask. */
const POLICY =
  "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:\">";

/** `script` is serial.mjs with all that it imports. */
export const staticPage = (script: string): string => {
  const inline = script.replaceAll('</script', '<\\/script');
  const replacements: [string, string][] = [
    ['<meta charset="utf-8">', `<meta charset="utf-8">\n${POLICY}`],
    ['<link rel="stylesheet" href="page.css">', `<style>\n${read('page.css')}</style>`],
    ['<script type="module" src="main.mjs"></script>', ''],
    ['</body>', `<script type="module">${inline}</script>\n</body>`],
  ];
  return replacements.reduce((html, [from, to]) => html.replace(from, () => to), read('page.html'));
};
