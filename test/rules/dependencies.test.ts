import test from 'ava';
import {
  importCycles,
  importRules,
  importViolations,
  includeRules,
  includeViolations,
} from './dependencies.ts';

test('stages_import_only_what_the_design_allows', (t) => {
  t.deepEqual(importViolations(), []);
});

test('kernel_parts_include_only_what_the_design_allows', (t) => {
  t.deepEqual(includeViolations(), []);
});

test('no_import_cycles', (t) => {
  t.deepEqual(importCycles(), []);
});

test('a_forbidden_import_is_found', (t) => {
  t.true(importViolations({ ...importRules, firmware: [] }).length > 0);
  t.true(includeViolations({ ...includeRules, link: [] }).length > 0);
});
