/** What a run looks like to people and to other programs. */
import { join } from 'node:path';
import { writeChanged } from '../../firmware/write.ts';
import { htmlReport } from './html.ts';
import { junitReport } from './junit.ts';
import type { Run } from './record.ts';
import { tapReport } from './tap.ts';

export { causeLines as peopleCause, peopleLines } from './people.ts';
export type * from './record.ts';
export { summaryOf } from './summary.ts';
export { htmlReport, junitReport, tapReport };

/** Writes report.html, report.xml (JUnit) and report.tap, each whole; report.jsonl is written while the run goes on. @throws WriteError */
export const writeReports = (run: Run): void => {
  const write = (name: string, text: string) => writeChanged(join(run.start.folder, name), text);
  write('report.html', htmlReport(run));
  write('report.xml', junitReport(run));
  write('report.tap', tapReport(run));
};
