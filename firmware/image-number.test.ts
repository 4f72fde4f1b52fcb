import { randomBytes } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { keyId, lastImageNumber, nextImageNumber, paths } from './index.ts';

const key = randomBytes(32);
const file = join(paths.state, 'updates', `${keyId(key)}.number`);
test.after.always(() => rmSync(file, { force: true }));

test.serial('a_clock_that_is_set_back_makes_no_image_older_than_the_one_before', (t) => {
  const { now } = Date;
  t.teardown(() => Object.assign(Date, { now }));
  t.is(lastImageNumber(key), 0);
  const first = nextImageNumber(key);
  t.true(Math.abs(first - now() / 1000) < 5);
  Date.now = () => -1; // 1969
  t.is(nextImageNumber(key), first + 1);
  t.is(lastImageNumber(key), first + 1);
});

test.serial('a_chosen_number_is_taken_as_it_is_and_makes_none_lower', (t) => {
  const last = lastImageNumber(key);
  t.is(nextImageNumber(key, 7), 7);
  t.is(lastImageNumber(key), last);
  t.is(nextImageNumber(key, last + 1000), last + 1000);
  t.is(nextImageNumber(key), last + 1001);
});

test.serial('a_number_that_was_damaged_counts_as_none', (t) => {
  writeFileSync(file, 'x');
  t.is(lastImageNumber(key), 0);
});
