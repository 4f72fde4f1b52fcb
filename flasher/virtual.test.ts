import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { boardNamed } from '../boards/index.ts';
import { sha256 } from './image.ts';
import {
  FlashVerifyError,
  flashVirtual,
  ImageError,
  isFlashed,
  readImage,
  verifyVirtual,
  virtualImage,
} from './index.ts';

const board = boardNamed('qemu-virt');
const folder = () => mkdtempSync(join(tmpdir(), 'velocity-test-'));

const writeBuild = (bytes: Buffer) => {
  const dir = folder();
  const manifest = {
    version: '1',
    build: 'ab',
    image: { file: 'Image', bytes: bytes.length, sha256: sha256(bytes) },
  };
  writeFileSync(join(dir, 'Image'), bytes);
  writeFileSync(join(dir, 'manifest.json'), JSON.stringify(manifest));
  return join(dir, 'manifest.json');
};

test('an_image_is_flashed_and_verified', (t) => {
  const image = readImage(writeBuild(Buffer.from('kernel')));
  const storage = { folder: folder() };
  t.false(isFlashed(storage, image));
  flashVirtual(board, storage, image);
  t.true(isFlashed(storage, image));
});

test('a_changed_byte_is_found_by_its_offset', (t) => {
  const image = readImage(writeBuild(Buffer.from('kernel')));
  const storage = { folder: folder() };
  flashVirtual(board, storage, image);
  writeFileSync(virtualImage(storage), 'kexnel');
  const error = t.throws(() => verifyVirtual(board, storage, image), { instanceOf: FlashVerifyError });
  t.regex(error?.message ?? '', /byte 2/);
});

test('a_short_read_is_found', (t) => {
  const image = readImage(writeBuild(Buffer.from('kernel')));
  const storage = { folder: folder() };
  flashVirtual(board, storage, image);
  writeFileSync(virtualImage(storage), 'kern');
  t.throws(() => verifyVirtual(board, storage, image), { instanceOf: FlashVerifyError });
});

test('an_image_that_does_not_match_its_manifest_is_refused', (t) => {
  const path = writeBuild(Buffer.from('kernel'));
  writeFileSync(join(path, '../Image'), 'other!');
  t.throws(() => readImage(path), { instanceOf: ImageError });
});

test('a_missing_or_damaged_manifest_is_refused', (t) => {
  const path = writeBuild(Buffer.from('kernel'));
  t.throws(() => readImage(`${path}.none`), { instanceOf: ImageError });
  writeFileSync(path, '{"image":');
  t.throws(() => readImage(path), { instanceOf: ImageError });
});
