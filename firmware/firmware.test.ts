import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import test from 'ava';
import { decode, encode } from 'cborg';
import { merkleRoot, IMAGE_PAGE_BYTES as PAGE_BYTES } from '../abi/index.ts';
import { coseSign1, encodePatch, type Patch } from './sign.ts';

const patch: Patch = {
  name: 'fir',
  hook: 1,
  board_class: 'aarch64',
  code: new Uint8Array(16),
  maps: [{ name: 'm', type: 2, key_size: 4, value_size: 8, max_entries: 1, flags: 0 }],
  certificate: new Uint8Array(0),
  bound: 2n,
  parent: new Uint8Array(0),
  sequence: 1n,
  proposer: 'test',
  model_hash: new Uint8Array(0),
  prompt_hash: new Uint8Array(0),
  proof_hash: new Uint8Array(0),
  proof: 0,
  cores: 1,
  period_us: 0,
  boot: new Uint8Array(16),
};

test('a_signature_verifies_over_the_cose_sig_structure', (t) => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const raw = new Uint8Array(publicKey.export({ type: 'spki', format: 'der' }).subarray(12));
  const message = coseSign1(encodePatch(patch), { privateKey, publicKey: raw });
  t.is(message[0], 0xd2, 'tag 18 of RFC 9052');
  const [header, , payload, signature] = decode(message.subarray(1), { useMaps: true }) as Uint8Array[];
  const signed = encode(['Signature1', header, new Uint8Array(0), payload]);
  t.true(verify(null, signed, createPublicKey(privateKey), signature!));
  signed[signed.length - 1]! ^= 1;
  t.false(verify(null, signed, createPublicKey(privateKey), signature!));
});

test('a_patch_is_a_map_with_integer_keys', (t) => {
  const map = decode(encodePatch(patch), { useMaps: true }) as Map<number, unknown>;
  t.is(map.get(1), 'fir');
  t.is((map.get(5) as Map<number, unknown>[])[0]?.get(1), 'm');
});

test('the_merkle_root_depends_on_every_page_and_their_order', (t) => {
  const image = Buffer.alloc(3 * PAGE_BYTES + 7, 1);
  const base = Buffer.from(merkleRoot(image)).toString('hex');
  for (const at of [0, PAGE_BYTES, 2 * PAGE_BYTES, image.length - 1]) {
    const changed = Buffer.from(image);
    changed[at] = 2;
    t.not(Buffer.from(merkleRoot(changed)).toString('hex'), base);
  }
  t.not(Buffer.from(merkleRoot(image.subarray(0, 3 * PAGE_BYTES))).toString('hex'), base);
});
