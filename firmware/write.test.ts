import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { writeNew, writeWhole } from './write.ts';

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

test('what_is_stopped_on_the_way_leaves_what_was_there_and_nothing_beside_it', async (t) => {
  const own = join(folder, 'own');
  const path = join(own, 'card.img');
  mkdirSync(own);
  await writeWhole(path, async (partial) => writeFileSync(partial, 'first'));
  const fails = writeWhole(path, async (partial) => {
    writeFileSync(partial, 'half');
    throw new Error('no room');
  });
  await t.throwsAsync(fails, { message: 'no room' });
  const program = `
    import { writeFileSync } from 'node:fs';
    import { writeWhole } from '${new URL('write.ts', import.meta.url).href}';
    void writeWhole('${path}', async (partial) => {
      writeFileSync(partial, 'half');
      process.exit(130);
    });`;
  const stopped = spawnSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program]);
  t.is(stopped.status, 130, stopped.stderr.toString());
  t.deepEqual(readdirSync(own), ['card.img']);
  t.is(readFileSync(path, 'utf8'), 'first');
});
