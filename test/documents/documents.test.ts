import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'ava';
import { root } from '../../firmware/index.ts';
import { readDocument, renewed, staleDocuments } from './blocks.ts';
import { staleBoardPages } from './board-pages.ts';

test('generated_parts_of_documents_are_up_to_date', (t) => {
  t.deepEqual(staleDocuments(), [], 'run npm run generate');
});

test('the_page_of_each_board_is_up_to_date', (t) => {
  t.deepEqual(staleBoardPages(), [], 'run npm run generate');
});

test('an_unknown_block_is_an_error', (t) => {
  t.throws(() => renewed('<!-- begin nothing -->\n\n<!-- end nothing -->'), { message: /nothing/ });
});

for (const document of [
  'README.md',
  'docs/tutorial.md',
  'docs/how-to.md',
  'docs/how-to-rig.md',
  'docs/explanation.md',
]) {
  test(`links_of_${document}_lead_somewhere`, (t) => {
    const links = [...readDocument(document).matchAll(/\]\((?!https?:)([^)#]+)/g)].map((match) => match[1]!);
    const broken = links.filter((link) => !existsSync(join(root, dirname(document), link)));
    t.deepEqual(broken, []);
  });
}
