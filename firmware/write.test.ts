import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { writeNew } from './write.ts';

const folder = mkdtempSync(join(tmpdir(), 'velocity-test-'));
test.after.always(() => rmSync(folder, { recursive: true, force: true }));

test('a_new_file_is_there_whole_once_and_nothing_else_beside_it', (t) => {
  const path = join(folder, 'key.pem');
  writeNew(path, 'first', 0o600);
  t.is(statSync(path).mode & 0o777, 0o600);
  t.throws(() => writeNew(path, 'second', 0o600), { code: 'EEXIST' });
  t.is(readFileSync(path, 'utf8'), 'first');
  t.throws(() => writeNew(join(folder, 'no/key.pem'), 'third', 0o600), { code: 'ENOENT' });
  t.deepEqual(readdirSync(folder), ['key.pem']);
});
