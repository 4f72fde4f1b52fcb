import { generateKeyPairSync } from 'node:crypto';
import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { keyFolder } from '../firmware/keys.ts';
import { chosenKey } from '../firmware/sign.ts';
import { jsonLines, temporaryFolder, velocity } from './test/command-line.ts';

/** Keys of these tests lie in a folder of their own. */
process.env.VELOCITY_KEYS = join(temporaryFolder(), 'keys');
const pathOf = (name: string) => join(process.env.VELOCITY_KEYS!, `${name}.pem`);

const pem = (type: 'ed25519' | 'ed448' = 'ed25519', mode = 0o600) => {
  const path = join(temporaryFolder(), 'key.pem');
  const { privateKey } = type === 'ed25519' ? generateKeyPairSync('ed25519') : generateKeyPairSync('ed448');
  writeFileSync(path, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode });
  return path;
};

test.serial('a_new_key_is_for_its_owner_alone_and_is_listed_by_the_id_that_boards_report', async (t) => {
  const [made] = jsonLines(await velocity('keys', 'new', 'field', '--json'));
  t.is(statSync(pathOf('field')).mode & 0o777, 0o600);
  t.is(statSync(process.env.VELOCITY_KEYS!).mode & 0o777, 0o700);
  const listed = jsonLines(await velocity('keys', 'list', '--json'));
  t.deepEqual(listed, [{ event: 'key', name: 'field', key_id: made?.key_id }]);
  t.regex(String(made?.key_id), /^[0-9a-f]{16}$/);
});

test.serial('a_folder_of_keys_that_is_set_to_nothing_is_not_set', (t) => {
  const { VELOCITY_KEYS: own, XDG_CONFIG_HOME: config } = process.env;
  t.teardown(() => Object.assign(process.env, { VELOCITY_KEYS: own, XDG_CONFIG_HOME: config ?? '' }));
  Object.assign(process.env, { VELOCITY_KEYS: '', XDG_CONFIG_HOME: '/somewhere' });
  t.is(keyFolder(), '/somewhere/velocity/keys');
});

test.serial('a_key_is_never_overwritten', async (t) => {
  const before = readFileSync(pathOf('field'));
  const result = await velocity('keys', 'new', 'field');
  t.is(result.exit, 2);
  t.regex(result.stderr, /no key is ever overwritten/);
  t.deepEqual(readFileSync(pathOf('field')), before);
});

test.serial('show_prints_the_public_half_only', async (t) => {
  const { stdout } = await velocity('keys', 'show', 'field');
  t.regex(stdout, /^-----BEGIN PUBLIC KEY-----/);
  t.notRegex(stdout, /PRIVATE/);
});

for (const mode of [0o644, 0o640, 0o620, 0o604, 0o602]) {
  test.serial(`a_key_file_of_mode_${mode.toString(8)}_is_refused_with_what_to_do`, async (t) => {
    chmodSync(pathOf('field'), mode);
    t.teardown(() => chmodSync(pathOf('field'), 0o600));
    const result = await velocity('keys', 'show', 'field');
    t.is(result.exit, 5);
    t.regex(result.stderr, /others can read or write it \(mode 06\d\d\)/);
    t.regex(result.stderr, /chmod 600/);
    const [listed] = jsonLines(await velocity('keys', 'list', '--json'));
    t.regex(String(listed?.problem), /others can read/);
  });
}

test.serial('a_key_of_a_file_is_taken_in_only_when_it_is_sound', async (t) => {
  t.is((await velocity('keys', 'import', 'taken', pem())).exit, 0);
  t.is((await velocity('keys', 'import', 'open', pem('ed25519', 0o644))).exit, 5);
  const other = await velocity('keys', 'import', 'other', pem('ed448'));
  t.is(other.exit, 10);
  t.regex(other.stderr, /holds a ed448 key/);
  const noise = join(temporaryFolder(), 'noise.pem');
  writeFileSync(noise, 'not a key', { mode: 0o600 });
  t.regex((await velocity('keys', 'import', 'noise', noise)).stderr, /holds no private key/);
  t.is((await velocity('keys', 'import', 'absent', '/nowhere/key.pem')).exit, 10);
});

test.serial('a_name_cannot_leave_the_folder', async (t) => {
  for (const name of ['../escape', '.hidden', 'a/b', 'with space', '']) {
    const { exit, stderr } = await velocity('keys', 'new', name);
    t.is(exit, 2, name);
    t.regex(stderr, /is no name for a key/);
  }
});

test.serial('a_key_is_chosen_by_name_by_path_and_by_the_environment', (t) => {
  const byName = chosenKey('field').publicKey;
  t.deepEqual(chosenKey(pathOf('field')).publicKey, byName);
  process.env.VELOCITY_KEY = 'field';
  t.teardown(() => {
    delete process.env.VELOCITY_KEY;
  });
  t.deepEqual(chosenKey().publicKey, byName);
});

test.serial('a_key_that_is_not_there_is_an_error_before_anything_starts', async (t) => {
  const result = await velocity(
    'module',
    'load',
    'modules/fir/fir.c',
    '--key',
    'absent',
    '--board',
    'qemu-virt',
  );
  t.is(result.exit, 10);
  t.regex(result.stderr, /there is no such key\n {2}hint: .*velocity keys list/);
});
