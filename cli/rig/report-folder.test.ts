import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { temporaryFolder } from '../test/command-line.ts';
import { newReportFolder } from './report-folder.ts';

test('runs_that_begin_in_the_same_second_share_no_folder', (t) => {
  const above = join(temporaryFolder(), 'rig-reports');
  const time = new Date('2026-03-04T05:06:07.890Z');
  const first = newReportFolder(above, time);
  writeFileSync(join(first, 'report.jsonl'), '');
  const others = [newReportFolder(above, time), newReportFolder(above, time)];
  t.deepEqual(
    [first, ...others],
    ['20260304T050607', '20260304T050607-2', '20260304T050607-3'].map((name) => join(above, name)),
  );
  t.false(existsSync(join(others[0]!, 'report.jsonl')));
});
