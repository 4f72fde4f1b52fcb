import { generateKeyPairSync } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { keyId, paths } from '../../firmware/index.ts';
import { noFirmware } from '../../firmware/media/index.ts';
import { chosenKey } from '../../firmware/sign.ts';
import { temporaryFolder } from '../test/command-line.ts';
import type { Prepared } from './image.ts';
import { forgetUpdate, updateBytes } from './serial.ts';

const key = join(temporaryFolder(), 'key.pem');
writeFileSync(key, generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }), {
  mode: 0o600,
});
const bytes = Buffer.alloc(5000, 7);
const prepared = {
  image: { bytes, sha256: '5'.repeat(64), build: 'ab'.repeat(20) },
  parts: {
    image: bytes,
    firmware: noFirmware,
    manifest: { image: { memory_bytes: 1 << 20 }, build: 'ab'.repeat(20), version: '0.1.0' },
  },
} as unknown as Prepared;

test('an_update_is_kept_until_a_board_refused_it', (t) => {
  t.teardown(() => {
    forgetUpdate({ key });
    rmSync(join(paths.state, 'updates', `${keyId(chosenKey(key).publicKey)}.number`), { force: true });
  });
  const first = updateBytes(prepared, { key });
  t.true(updateBytes(prepared, { key }).equals(first));
  forgetUpdate({ key, image: 'manifest.json' });
  t.true(updateBytes(prepared, { key }).equals(first), 'what was not signed here is no reason to forget');
  forgetUpdate({ key });
  t.false(updateBytes(prepared, { key }).equals(first));
});
