/** Emits the shape of single runs for the kernel, and their meaning for people. */
import { header } from './emit-c.ts';
import { PROBE_UNREAD_LIMIT, RUN_BYTES, RUN_CORES, RUN_HOOKS, runNumbers } from './trace.ts';

export const emitTrace = () =>
  header(
    'trace.ts',
    [
      `enum run_number {\n${Object.entries(runNumbers)
        .map(([name, doc]) => `    RUN_${name.toUpperCase()}, /* ${doc} */`)
        .join('\n')}\n    RUN_NUMBERS,\n};`,
      `#define RUN_HOOKS ${RUN_HOOKS}u\n#define RUN_CORES ${RUN_CORES}u\n#define RUN_BYTES ${RUN_BYTES}u /* at most */`,
      `#define PROBE_UNREAD_LIMIT ${PROBE_UNREAD_LIMIT}u /* runs, or lost samples, of one core: then it ends by itself */`,
    ].join('\n\n'),
  );

export const runRows = (): (readonly [string, string])[] => Object.entries(runNumbers);
