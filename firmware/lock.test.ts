import { mkdirSync, mkdtempSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { withLock } from './lock.ts';

const lockFile = () => join(mkdtempSync(join(tmpdir(), 'velocity-test-')), 'lock');

test('only_one_works_at_a_time', async (t) => {
  const path = lockFile();
  let working = 0;
  let most = 0;
  const work = () =>
    withLock(path, async () => {
      working += 1;
      most = Math.max(most, working);
      await sleep(20);
      working -= 1;
    });
  await Promise.all([work(), work(), work()]);
  t.is(most, 1);
});

test('the_lock_of_a_dead_process_is_taken_over', async (t) => {
  const path = lockFile();
  writeFileSync(path, '999999999');
  t.is(await withLock(path, async () => 7), 7);
});

test('a_lock_that_names_nobody_is_taken_over_when_nobody_can_be_writing_it_any_more', async (t) => {
  for (const cut of ['', 'half of a lo']) {
    const path = lockFile();
    writeFileSync(path, cut);
    t.is(await Promise.race([withLock(path, async () => 7), sleep(200)]), undefined);
    utimesSync(path, 0, 0);
    t.is(await Promise.race([withLock(path, async () => 8), sleep(5000)]), 8);
  }
});

test('the_lock_of_a_process_whose_number_is_used_again_is_taken_over', async (t) => {
  const path = lockFile();
  await withLock(path, async () => {
    const [pid, started] = readFileSync(path, 'utf8').split(' ');
    t.is(Number(pid), process.pid);
    writeFileSync(path, `${pid} ${Number(started) - 1}`); // as an earlier start of the container left it
    t.is(await withLock(path, async () => 7), 7);
  });
});

test('of_many_that_find_a_dead_lock_one_works_at_a_time_and_nothing_is_left', async (t) => {
  const path = lockFile();
  writeFileSync(path, '999999999');
  let working = 0;
  const work = () =>
    withLock(path, async () => {
      t.is(++working, 1);
      await sleep(5);
      working -= 1;
    });
  await Promise.all(Array.from({ length: 6 }, work));
  t.deepEqual(readdirSync(dirname(path)), []);
});

test('who_died_while_taking_a_dead_lock_away_is_in_nobodys_way', async (t) => {
  const path = lockFile();
  writeFileSync(path, '999999999');
  mkdirSync(`${path}.guard`);
  utimesSync(`${path}.guard`, 0, 0);
  t.is(await withLock(path, async () => 7), 7);
  t.deepEqual(readdirSync(dirname(path)), []);
});

test('the_lock_is_let_go_when_the_work_fails', async (t) => {
  const path = lockFile();
  await t.throwsAsync(withLock(path, () => Promise.reject(new Error('no'))));
  t.is(await withLock(path, async () => 7), 7);
});
