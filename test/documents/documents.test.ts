import test from 'ava';
import { renewed, staleDocuments } from './blocks.ts';
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
