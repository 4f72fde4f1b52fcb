import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { entriesOf, openRecorder, RecordingError } from './recording.ts';
import { entries } from './test/samples.ts';

const file = () => {
  const folder = mkdtempSync(join(tmpdir(), 'velocity-test-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'run.jsonl');
};

const record = (path: string, list = entries) => {
  const recorder = openRecorder(path);
  const write = recorder.board('/dev/ttyUSB0');
  for (const entry of list) write(entry);
  recorder.close();
  return recorder.repaired;
};

const readBack = (path: string) =>
  [...entriesOf(readFileSync(path, 'utf8'), path)].map(({ port, entry }) => {
    if (port !== '/dev/ttyUSB0') throw new Error(port);
    return entry;
  });

test('what is read back is what was recorded, 64-bit numbers and bytes too', (t) => {
  const path = file();
  record(path);
  t.deepEqual(readBack(path), [...entries]);
});

test("a reading's board time is kept to the last bit, and one that is none is refused", (t) => {
  const path = file();
  const entry = entries.find((each) => each.kind === 'reading')!;
  const timed = { ...entry, reading: { ...entry.reading, time_ns: 2n ** 64n - 2n } };
  record(path, [timed]);
  t.deepEqual(readBack(path), [timed]);
  writeFileSync(path, readFileSync(path, 'utf8').replace('18446744073709551614', 'soon'));
  t.throws(() => readBack(path), { message: /time_ns is no time/ });
});

test('a file is appended to, after a torn last line was removed', (t) => {
  const path = file();
  t.is(record(path, entries.slice(0, 2)), 0);
  appendFileSync(path, '{"time_ms":17,"ki');
  t.is(readBack(path).length, 2);
  t.is(record(path, entries.slice(2)), 17);
  t.deepEqual(readBack(path), [...entries]);
});

test('a torn line that is longer than a block, and a file that is only torn, are repaired', (t) => {
  const path = file();
  record(path, entries.slice(0, 1));
  appendFileSync(path, `{"time_ms":1${'x'.repeat(199_988)}`);
  t.is(record(path, []), 200_000);
  t.deepEqual(readBack(path), [entries[0]!]);
  for (const torn of ['{"ti', '\0\0\0\0']) {
    writeFileSync(path, torn);
    t.is(record(path), 4);
    t.is(readBack(path).length, entries.length);
  }
});

test('the last line of a file that is no recording is left as it is', (t) => {
  const path = file();
  for (const text of ['milk, eggs', 'two\nlines', '{"time": 1}']) {
    writeFileSync(path, text);
    t.throws(() => openRecorder(path), { message: /no entry of a recording/ });
    t.is(readFileSync(path, 'utf8'), text);
  }
});

for (const [what, line, message] of [
  ['no JSON', 'nonsense', /:1: is no entry/],
  ['another kind', '{"time_ms":1,"kind":"other"}', /kind "other" is not known/],
  ['no time', '{"kind":"console","line":"x"}', /time_ms is no number/],
  ['half a reading', '{"time_ms":1,"kind":"reading","reading":{}}', /cores is missing/],
  ['an event out of range', '{"time_ms":1,"kind":"event","event":{"seq":-1}}', /seq/],
] as const) {
  test(`a recording is refused with the line that is wrong: ${what}`, (t) => {
    const error = t.throws(() => [...entriesOf(`${line}\n`, 'run.jsonl')], { instanceOf: RecordingError });
    t.regex(error.message, /^run\.jsonl:1: /);
    t.regex(error.message, message);
  });
}
