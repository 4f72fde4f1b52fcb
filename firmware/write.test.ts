import { spawnSync } from 'node:child_process';
import fs, {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { withoutRoom } from '../cli/test/no-room.ts';
import { writeNew, writePieces, writeWhole } from './write.ts';

const folder = mkdtempSync(join(tmpdir(), 'velocity-test-'));
test.after.always(() => rmSync(folder, { recursive: true, force: true }));

/** Has the operating system refuse this until the end of the test. */
const refuse = (
  t: ExecutionContext,
  call: 'linkSync' | 'fsyncSync',
  error: Partial<NodeJS.ErrnoException>,
) => {
  const real = fs[call];
  const put = (to: () => void) => {
    Object.assign(fs, { [call]: to });
    syncBuiltinESMExports();
  };
  t.teardown(() => put(real as () => void));
  put(() => {
    throw Object.assign(new Error(error.message), error);
  });
};

test('a_new_file_is_there_whole_once_and_nothing_else_beside_it', (t) => {
  const own = join(folder, 'new');
  const path = join(own, 'key.pem');
  mkdirSync(own);
  writeNew(path, 'first', 0o600);
  t.is(statSync(path).mode & 0o777, 0o600);
  t.throws(() => writeNew(path, 'second', 0o600), { code: 'EEXIST' });
  t.is(readFileSync(path, 'utf8'), 'first');
  t.throws(() => writeNew(join(own, 'no/key.pem'), 'third', 0o600), { code: 'ENOENT' });
  t.deepEqual(readdirSync(own), ['key.pem']);
});

test.serial('where_a_file_has_one_name_only_a_new_one_is_made_once_and_left_out_when_it_fails', (t) => {
  const own = join(folder, 'one-name');
  const path = join(own, 'key.pem');
  mkdirSync(own);
  refuse(t, 'linkSync', { code: 'EPERM', message: 'EPERM: operation not permitted, link' });
  writeNew(path, 'first', 0o600);
  t.is(statSync(path).mode & 0o777, 0o600);
  t.throws(() => writeNew(path, 'second', 0o600), { code: 'EEXIST' });
  t.is(readFileSync(path, 'utf8'), 'first');
  t.deepEqual(readdirSync(own), ['key.pem']);
});

test.serial('a_new_file_that_the_disk_did_not_take_is_none', (t) => {
  const own = join(folder, 'unsafe');
  const path = join(own, 'key.pem');
  mkdirSync(own);
  refuse(t, 'fsyncSync', { code: 'EIO', syscall: 'fsync', message: 'EIO: i/o error, fsync' });
  t.throws(() => writeNew(path, 'first', 0o600), { code: 'EIO', message: `${path}: EIO: i/o error, fsync` });
  t.deepEqual(readdirSync(own), []);
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

test('what_finds_no_room_is_named_and_leaves_nothing', (t) => {
  const own = join(folder, 'full');
  mkdirSync(own);
  const program = `
    import { writeFileSync } from 'node:fs';
    import { writeFolder, writeImage } from '${new URL('media/index.ts', import.meta.url).href}';
    import { writeChanged, writeNew, writePieces, writeWhole } from '${new URL('write.ts', import.meta.url).href}';
    const bytes = Buffer.alloc(1 << 21, 1);
    const image = { bytes: bytes.length, extents: [{ offset: 0, bytes }] };
    const writers = {
      changed: (path) => writeChanged(path, bytes),
      new: (path) => writeNew(path, bytes, 0o644),
      whole: (path) => writeWhole(path, async (partial) => writeFileSync(partial, bytes)),
      pieces: (path) => writePieces(path, (out) => out(bytes)),
      image: (path) => writeImage(path, image),
      folder: (path) => writeFolder('${own}', [{ path: 'folder', bytes }]),
    };
    for (const [name, write] of Object.entries(writers))
      try {
        await write('${own}/' + name);
      } catch ({ message, code }) {
        console.log(message, code);
      }`;
  t.deepEqual(
    withoutRoom(program),
    ['changed', 'new', 'whole', 'pieces', 'image', 'folder'].map(
      (name) =>
        `${join(own, name)}: EFBIG: file too large, ${name === 'image' ? 'ftruncate' : 'write'} EFBIG`,
    ),
  );
  t.deepEqual(readdirSync(own), []);
});

const onFullDevice = existsSync('/dev/full') ? test : test.skip;

onFullDevice('a_device_without_room_is_named_and_stays', (t) => {
  const message = '/dev/full: ENOSPC: no space left on device, write';
  t.throws(() => writePieces('/dev/full', (out) => out('text')), { message, code: 'ENOSPC' });
  t.true(statSync('/dev/full').isCharacterDevice());
});
