/** The documents as a site: every link leads somewhere, nothing comes from elsewhere, and a browser shows and searches it. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import test from 'ava';
import { buildSite, NoSiteError } from '../../cli/site/build.ts';
import { renderDocument } from '../../cli/site/markdown.ts';
import { temporaryFolder, velocity } from '../../cli/test/command-line.ts';
import { Browser, chromium } from '../web/chromium.ts';

const site = join(temporaryFolder(), 'site');
const built = buildSite(site);

const files = (readdirSync(site, { recursive: true }) as string[]).filter((path) => path.endsWith('.html'));
const htmlOf = (path: string) => readFileSync(join(site, path), 'utf8');

/** Values of these attributes on a page, as they stand there. */
const attributes = (html: string, names: string) =>
  [...html.matchAll(new RegExp(`<[a-z][^>]*? (?:${names})="([^"]*)"`, 'g'))].map(([, value]) => value!);

test('every_document_is_a_page', (t) => {
  const documents = (readdirSync('docs', { recursive: true }) as string[]).filter((path) =>
    path.endsWith('.md'),
  );
  t.is(built.pages, documents.length + 3);
  for (const section of ['Start', 'How to', 'Reference', 'Boards', 'Explanation'])
    t.true(htmlOf('index.html').includes(`<h2>${section}</h2>`), section);
});

test('every_link_leads_to_a_page_and_a_heading_that_are_there', (t) => {
  let checked = 0;
  for (const path of files)
    for (const href of attributes(htmlOf(path), 'href|src|srcset')) {
      if (/^(https?:|data:)/.test(href)) continue;
      const [target = '', hash = ''] = href.split('#');
      const to = target === '' ? path : join(dirname(path), target);
      checked += 1;
      if (!existsSync(join(site, to))) t.fail(`${path}: ${href}`);
      else if (hash && !htmlOf(to).includes(`id="${hash}"`)) t.fail(`${path}: ${href} has no such heading`);
    }
  t.true(checked > 1000);
});

test('nothing_on_a_page_is_fetched_from_elsewhere', (t) => {
  for (const path of files) {
    const html = htmlOf(path);
    const loaded = [
      ...attributes(html, 'src|srcset'),
      ...[...html.matchAll(/<link [^>]*href="([^"]+)"/g)].map(([, href]) => href!),
    ];
    t.deepEqual(
      loaded.filter((url) => /^(https?:)?\/\//.test(url)),
      [],
      path,
    );
  }
});

test('a_link_that_leads_nowhere_is_found_when_the_site_is_built', (t) => {
  t.throws(() => renderDocument('docs/how-to.md', '[x](nowhere.md)'), {
    message: /how-to\.md: .*nowhere\.md/,
  });
});

test('a_disk_without_room_leaves_no_half_of_a_site', (t) => {
  const folder = join(temporaryFolder(), 'site');
  const program = `import { buildSite } from './cli/site/build.ts'; buildSite('${folder}');`;
  const limited = `trap '' XFSZ; ulimit -f 100; exec "$0" --import tsx --input-type=module -e "$1"`;
  const { stderr } = spawnSync('bash', ['-c', limited, process.execPath, program], { encoding: 'utf8' });
  t.regex(stderr, new RegExp(`${folder}/\\S+: EFBIG: file too large, write`));
  t.false(existsSync(folder));
});

test('a_folder_with_something_else_in_it_is_left_as_it_is', async (t) => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'thesis'));
  writeFileSync(join(folder, 'thesis/last.txt'), 'all of it');
  writeFileSync(join(folder, 'search-index.js'), 'var searchIndex = new Map();'); // rustdoc's has this name
  t.throws(() => buildSite(folder), { instanceOf: NoSiteError });
  const { exit, stderr } = await velocity('docs', '--out', folder);
  t.is(exit, 2);
  t.regex(stderr, /holds something else[\s\S]*hint: give a folder/);
  t.is(readFileSync(join(folder, 'thesis/last.txt'), 'utf8'), 'all of it');
  t.deepEqual(buildSite(site), built, 'its own is replaced');
});

(chromium ? test : test.skip)('a_browser_shows_it_from_the_disk_and_searches_it', async (t) => {
  t.timeout(300_000);
  const browser = new Browser(chromium!);
  t.teardown(() => browser.close());
  const page = await browser.page();
  await page.open(pathToFileURL(join(site, 'reference/contract.html')).href);
  await page.key('/');
  await page.until(`document.activeElement.id === 'search'`);
  for (const letter of 'canary') await page.key(letter);
  await page.until(`document.querySelectorAll('#found li').length > 3`);
  await page.press('#found li a');
  await page.until(`!location.href.includes('contract.html') || location.hash`);
  await page.until(`document.querySelector('main h1')?.textContent.length > 3`);
  t.deepEqual(page.problems, []);
  t.deepEqual(
    page.requests.filter((url) => !/^(file|data):/.test(url)),
    [],
  );
});
