/** The driver of SD cards against a controller and a card that see to it how they are spoken to, and that fail. */
import { execFileSync } from 'node:child_process';
import test from 'ava';
import { buildNative, mediumSources } from './build.ts';
import { testChecks } from './checks.ts';

let checks: string[] = [];

test.before(async (t) => {
  t.timeout(60_000);
  const sources = ['test/native/card_host.c', ...mediumSources.card];
  const host = await buildNative('card_host', sources, t.log, 'test/native/card');
  checks = execFileSync(host, { encoding: 'utf8', timeout: 20_000 }).trimEnd().split('\n');
});

testChecks(
  () => checks,
  [
    'pins_stay_where_the_tree_names_no_controller_for_them',
    'a_card_is_found_behind_an_empty_slot',
    'a_card_of_standard_capacity_is_addressed_in_bytes',
    'what_lies_beyond_the_end_is_refused_and_the_card_stays',
    'a_fault_is_told_of_and_the_next_blocks_are_moved',
    'a_block_that_the_card_did_not_keep_is_told_of',
    'a_wait_for_what_does_not_come_ends_after_a_second',
    'no_card_is_opened_without_power',
    'the_card_gets_its_pins_and_others_stay',
  ],
);
