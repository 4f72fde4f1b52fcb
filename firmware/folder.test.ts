import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { FolderError, makeFolder } from './folder.ts';

const folder = mkdtempSync(join(tmpdir(), 'velocity-folder-'));
test.after.always(() => rmSync(folder, { recursive: true, force: true }));

test('folders_above_are_made_too_and_what_is_there_stays', (t) => {
  const path = join(folder, 'a/b/c');
  makeFolder(path, 0o700);
  t.is(statSync(join(folder, 'a')).mode & 0o777, 0o700);
  writeFileSync(join(path, 'kept'), '');
  makeFolder(path);
  makeFolder(`${path}/../d`);
  t.true(existsSync(join(path, 'kept')) && existsSync(join(folder, 'a/b/d')));
  symlinkSync(path, join(folder, 'link'));
  makeFolder(join(folder, 'link', 'inside'));
  t.true(existsSync(join(path, 'inside')));
});

test('where_no_folder_can_be_it_says_so', (t) => {
  writeFileSync(join(folder, 'file'), '');
  symlinkSync(join(folder, 'nowhere'), join(folder, 'dangling'));
  symlinkSync('turning', join(folder, 'turning'));
  mkdirSync(join(folder, 'full'));
  const refused = {
    [join(folder, 'file')]: 'EEXIST',
    [join(folder, 'file/below')]: 'ENOTDIR',
    [join(folder, 'dangling')]: 'EEXIST',
    [join(folder, 'turning/below')]: 'ELOOP',
    [join(folder, 'x'.repeat(300))]: 'ENAMETOOLONG',
    ...(existsSync('/proc/self') ? { '/proc/no-such-thing/below': 'ENOENT' } : {}),
  };
  for (const [path, code] of Object.entries(refused))
    t.like(
      t.throws(() => makeFolder(path), { instanceOf: FolderError }),
      { code },
      path,
    );
});
