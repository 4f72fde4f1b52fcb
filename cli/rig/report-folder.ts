/** Where the reports of a run go when no folder is named. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolder } from '../../firmware/folder.ts';

const stamp = (time: Date) => time.toISOString().replaceAll(/[-:]/g, '').replace(/\..*/, '');

/** Makes one below `above` that is this run's alone: another may begin in the same second. */
export const newReportFolder = (above: string, time: Date): string => {
  makeFolder(above);
  for (let count = 1; ; count += 1) {
    const folder = join(above, count === 1 ? stamp(time) : `${stamp(time)}-${count}`);
    try {
      mkdirSync(folder);
      return folder;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
};
