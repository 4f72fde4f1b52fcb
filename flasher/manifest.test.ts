/** Manifests from anywhere: what is none is refused with a sentence, before anything is sent. */
import { readFileSync, writeFileSync } from 'node:fs';
import test from 'ava';
import { decode, encode } from 'cborg';
import { flashFiles } from '../cli/test/flash-files.ts';
import { chosenKey } from '../firmware/sign.ts';
import { ImageError } from './image.ts';
import { readImage } from './manifest.ts';

const { manifest } = flashFiles();
const whole = JSON.parse(readFileSync(manifest, 'utf8')) as { signed: string };
const key = chosenKey().publicKey;

const read = (change: object) => {
  writeFileSync(manifest, JSON.stringify({ ...whole, ...change }));
  return readImage(manifest, key);
};

test.serial('what_boot_files_are_made_of_is_one_line', (t) => {
  t.is(read({}).version, '0.1.0');
  const line = { version: '1\n  LINUX /other' };
  for (const change of [line, { version: 1 }, { build: undefined }, { build: 'ab\u001b[2J' }])
    t.throws(() => read(change), { instanceOf: ImageError, message: /is not a manifest/ });
});

test.serial('a_signature_that_is_no_bytes_is_none', (t) => {
  const [header, unprotected, payload] = decode(Buffer.from(whole.signed, 'base64').subarray(1), {
    useMaps: true,
  }) as unknown[];
  const message = Buffer.concat([Uint8Array.of(0xd2), encode([header, unprotected, payload, 5])]);
  t.throws(() => read({ signed: message.toString('base64') }), {
    instanceOf: ImageError,
    message: /has no signature/,
  });
});
