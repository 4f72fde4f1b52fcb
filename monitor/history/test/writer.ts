/** Writes without an end, for tests that kill it: `flushed N` says that N entries are stored. */
import type { Entry } from '../../entry.ts';
import { readingAt, telemetryAt } from '../../test/samples.ts';
import { openStore, recordHistory } from '../index.ts';

const T0 = 1_700_000_000_000;

const at = (i: number): Entry => {
  const telemetry = ['fir', 'dense', 'udp'].map((name, k) => ({ ...telemetryAt(10 * i + k + 20), name }));
  return { kind: 'reading', time_ms: T0 + 100 * i, reading: { ...readingAt(10 * i + 20), telemetry } };
};

/** Flushes every 20 entries; ends after `most`, or at the first error, which it says. */
export const writeSome = (path: string, most = Number.POSITIVE_INFINITY): void => {
  const say = (line: string) => process.stdout.write(`SAID ${line}\n`);
  const recorder = recordHistory(openStore(path, { create: true }), { say });
  const { write } = recorder.board('p');
  for (let i = 0; i < most; i += 1) {
    write(at(i));
    if (i % 20 !== 19) continue;
    try {
      recorder.flush();
    } catch {
      break; // closing tries again and says why it failed
    }
    process.stdout.write(`flushed ${i + 1}\n`);
  }
  recorder.close();
};

if (process.argv[1]?.endsWith('writer.ts')) writeSome(process.argv[2]!);
