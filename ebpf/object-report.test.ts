import test from 'ava';
import { root } from '../firmware/index.ts';
import { compileModule } from './compile.ts';
import { jitObject } from './object-report.ts';

test('a_file_that_is_no_object_is_one_row_with_the_reason', async (t) => {
  const [row, ...more] = await jitObject(Buffer.from('#!/bin/sh\n'), { platform: 'linux' });
  t.deepEqual(more, []);
  t.deepEqual([row?.section, row?.function, row?.insns], ['', '', 0]);
  t.false(row?.result.ok);
});

test('each_function_of_an_object_is_a_row_with_its_words', async (t) => {
  const object = await compileModule(`${root}/test/bench/programs/empty.c`);
  const rows = await jitObject(object);
  t.true(rows.length > 0);
  for (const { result } of rows) t.true(result.ok && result.words.length > 0);
});
