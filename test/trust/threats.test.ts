/** The threat page says nothing that no test stands behind. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { root } from '../../firmware/index.ts';

const folder = join(root, 'docs');
const page = readFileSync(join(folder, 'explanation-threats.md'), 'utf8');
const links = [...page.matchAll(/\[([^\]]+)\]\((?!https?:)([^)#]+)\)/g)].map(([, text, path]) => ({
  text: text!,
  path: join(folder, path!),
}));

test('every_test_that_the_threat_page_names_exists', (t) => {
  const named = links.filter(({ text }) => text.startsWith('`'));
  t.true(named.length > 30);
  for (const { text, path } of named) {
    t.true(existsSync(path), path);
    const title = text.replaceAll('`', '');
    t.true(path.endsWith(title) || readFileSync(path, 'utf8').includes(title), `${title} in ${path}`);
  }
});

test('every_promise_of_the_threat_page_has_a_test', (t) => {
  const tables = page.split('\n## ').filter((part) => part.includes('| promise | test |'));
  t.is(tables.length, 9);
  const rows = tables.flatMap((part) => part.split('\n').filter((line) => /^\| (?!promise|---)/.test(line)));
  t.true(rows.length > 20);
  t.deepEqual(
    rows.filter((row) => !row.includes('](../')),
    [],
  );
});
