import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import os, { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { FolderError, makeFolder, userFolder } from './folder.ts';

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

const { homedir, userInfo } = os;
const asUser = (own: Partial<Pick<typeof os, 'homedir' | 'userInfo'>>): void => {
  Object.assign(os, { homedir, userInfo, ...own });
  syncBuiltinESMExports();
};

test.serial('a_user_without_home_or_name_has_folders_all_the_same', (t) => {
  t.teardown(() => asUser({}));
  delete process.env.XDG_STATE_HOME;
  asUser({ homedir: () => '' }); // HOME= in the environment
  t.is(userFolder('XDG_STATE_HOME'), join(userInfo().homedir, '.local/state/velocity'));
  const unknown = () => {
    throw new Error('uv_os_get_passwd returned ENOENT');
  };
  asUser({ homedir: unknown, userInfo: unknown });
  t.is(userFolder('XDG_STATE_HOME'), '/.local/state/velocity');
  for (const [set, found] of [
    ['/else', '/else/velocity'],
    ['', '/.local/state/velocity'],
    ['not/absolute', '/.local/state/velocity'],
  ] as const) {
    process.env.XDG_STATE_HOME = set;
    t.is(userFolder('XDG_STATE_HOME'), found);
  }
});

test.serial('where_the_users_own_folder_can_not_be_made_it_says_what_to_set', (t) => {
  process.env.XDG_STATE_HOME = join(folder, 'file');
  writeFileSync(process.env.XDG_STATE_HOME, '');
  const error = t.throws(() => makeFolder(join(userFolder('XDG_STATE_HOME'), 'keys')), {
    instanceOf: FolderError,
  });
  t.is(error.hint, 'set HOME, or XDG_STATE_HOME, to a folder where you may write');
});
