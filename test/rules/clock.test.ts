/** The clock on the wall is set, by people and by the network, while commands run; a Raspberry Pi has none until it is told. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { root } from '../../firmware/index.ts';
import { importRules, sourcesOf } from './dependencies.ts';

/** What is computed with its time, or compared with it. */
const reckoned = /Date\.now\(\)\s*[-+<>]|(?:[-+<]|(?<!=)>)=?\s*Date\.now\(\)/;

/** The age of a file is told by no other clock. */
const allowed = ['firmware/lock-file.ts'];

test('how_long_something_takes_is_not_measured_by_the_clock_on_the_wall', (t) => {
  const found = Object.keys(importRules)
    .filter((folder) => folder !== 'test')
    .flatMap(sourcesOf)
    .filter((file) => reckoned.test(readFileSync(join(root, file), 'utf8')));
  t.deepEqual(found, allowed);
});

test('the_check_sees_a_deadline', (t) => {
  t.regex('const deadline = Date.now() + 5;', reckoned);
  t.regex('if (last < Date.now()) return;', reckoned);
  t.notRegex('time_ms: Date.now(),', reckoned);
});
