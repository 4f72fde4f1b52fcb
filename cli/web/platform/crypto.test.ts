import { createHash as nodeHash } from 'node:crypto';
import test from 'ava';
import { createHash } from './crypto.ts';

test('hashes are those of Node.js, at every length around a block and in any parts', (t) => {
  const bytes = Buffer.from(Array.from({ length: 300 }, (_, i) => (i * 7) ^ (i >> 3)));
  for (let length = 0; length <= bytes.length; length++) {
    const part = bytes.subarray(0, length);
    const hash = createHash('sha256')
      .update(part.subarray(0, length >> 1))
      .update(part.subarray(length >> 1));
    t.is(hash.digest('hex'), nodeHash('sha256').update(part).digest('hex'), String(length));
  }
  t.is(createHash('sha256').update('ä€').digest('hex'), nodeHash('sha256').update('ä€').digest('hex'));
  t.throws(() => createHash('md5'), { message: /md5/ });
});
