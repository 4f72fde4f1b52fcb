import test from 'ava';
import { renewed, staleDocuments } from './blocks.ts';
import { staleBoardPages } from './board-pages.ts';
import { figureRows } from './figures.ts';

test('generated_parts_of_documents_are_up_to_date', (t) => {
  t.deepEqual(staleDocuments(), [], 'run npm run generate');
});

test('the_page_of_each_board_is_up_to_date', (t) => {
  t.deepEqual(staleBoardPages(), [], 'run npm run generate');
});

test('an_unknown_block_is_an_error', (t) => {
  t.throws(() => renewed('<!-- begin nothing -->\n\n<!-- end nothing -->'), { message: /nothing/ });
});

test('a_figure_that_its_page_does_not_have_is_an_error', (t) => {
  t.is(figureRows([['compiling', 'jit-benchmark', 'peers_compile_per_insn']])[0]![2], '≤ 150');
  t.throws(() => figureRows([['part of a name', 'jit-benchmark', 'peers_compile']]), {
    message: /peers_compile$/,
  });
});
