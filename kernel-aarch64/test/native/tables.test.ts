/** Page tables, the memory of compiled modules, and what caches are told of both, which no emulator shows. */
import { execFileSync } from 'node:child_process';
import test from 'ava';
import { buildNative } from './build.ts';
import { testChecks } from './checks.ts';

let checks: string[] = [];

test.before(async (t) => {
  t.timeout(60_000);
  const sources = ['test/native/tables_host.c', 'mm/map.c', 'mm/code.c'];
  const host = await buildNative('tables_host', sources, t.log, 'test/native/tables');
  checks = execFileSync(host, { encoding: 'utf8', timeout: 20_000 }).trimEnd().split('\n');
});

testChecks(
  () => checks,
  [
    'areas_of_code_lie_apart_and_are_used_again',
    'code_is_published_whole_before_it_runs',
    'code_that_is_withdrawn_is_none_of_it_left',
    'what_is_cleaned_is_so_from_its_first_byte_to_its_last',
    'the_image_is_mapped_with_nothing_both_written_and_run',
    'a_tree_is_mapped_where_it_is_one',
    'devices_are_mapped_in_whole_pages_and_blocks',
    'what_cannot_be_mapped_is_refused',
    'the_window_shows_one_page_after_another',
  ],
);
