/** Hashes, Ed25519 and COSE of the kernel against node:crypto, OpenSSL's. */
import { spawnSync } from 'node:child_process';
import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import test from 'ava';
import { encode } from 'cborg';
import { statusNamed } from '../../../abi/index.ts';
import { coseHeader, coseSign1 } from '../../../firmware/sign.ts';
import { buildNative, librarySources } from './build.ts';

let oracle = '';

test.before(async (t) => {
  t.timeout(60_000);
  oracle = await buildNative('oracle', ['test/native/oracle.c', ...librarySources], t.log);
});

const hex = (data: Uint8Array) => (data.length === 0 ? '-' : Buffer.from(data).toString('hex'));

const ask = (questions: readonly string[]) => {
  const { status, stdout, stderr } = spawnSync(oracle, {
    input: `${questions.join('\n')}\n`,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`the oracle ended with ${status}: ${stderr}`);
  return stdout.trimEnd().split('\n');
};

const newKey = () => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const raw = publicKey.export({ type: 'spki', format: 'der' }).subarray(12);
  return { privateKey, publicKey: raw, raw };
};

const flip = (data: Uint8Array, bit: number) => {
  const out = Buffer.from(data);
  out.writeUInt8(out.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
  return out;
};

/** RFC 8032 §7.1: key, signature, message. */
const rfc8032 = [
  [
    'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
    'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
    '-',
  ],
  [
    '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
    '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
    '72',
  ],
  [
    'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
    '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a',
    'af82',
  ],
  [
    'ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf',
    'dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704',
    'ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f',
  ],
] as const;

test('signatures_of_rfc_8032_hold', (t) => {
  t.deepEqual(ask(rfc8032.map(([key, signature, message]) => `ed25519 ${key} ${signature} ${message}`)), [
    ...rfc8032.map(() => '1'),
  ]);
});

test('signatures_of_openssl_hold_in_any_number_of_parts', (t) => {
  const questions = Array.from({ length: 200 }, (_, i) => {
    const { privateKey, raw } = newKey();
    const message = randomBytes(i);
    const cut = i >> 1;
    return `ed25519 ${hex(raw)} ${hex(sign(null, message, privateKey))} ${hex(message.subarray(0, cut))} ${hex(message.subarray(cut))}`;
  });
  t.true(ask(questions).every((answer) => answer === '1'));
});

test('a_flipped_bit_anywhere_is_refused', (t) => {
  const { privateKey, raw } = newKey();
  const message = randomBytes(40);
  const signature = sign(null, message, privateKey);
  const questions = [
    ...Array.from(
      { length: 512 },
      (_, bit) => `ed25519 ${hex(raw)} ${hex(flip(signature, bit))} ${hex(message)}`,
    ),
    ...Array.from(
      { length: 256 },
      (_, bit) => `ed25519 ${hex(flip(raw, bit))} ${hex(signature)} ${hex(message)}`,
    ),
    ...Array.from(
      { length: 320 },
      (_, bit) => `ed25519 ${hex(raw)} ${hex(signature)} ${hex(flip(message, bit))}`,
    ),
  ];
  t.true(ask(questions).every((answer) => answer === '0'));
});

const ORDER = (1n << 252n) + 27742317777372353535851937790883648493n;
const P = (1n << 255n) - 19n;
const toBytes = (value: bigint) =>
  Buffer.from(value.toString(16).padStart(64, '0'), 'hex').reverse() as Uint8Array;
const fromBytes = (bytes: Uint8Array) => BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`);

test('a_second_signature_made_by_adding_the_order_is_refused', (t) => {
  const { privateKey, raw } = newKey();
  const signature = sign(null, Buffer.from('x'), privateKey);
  const s = fromBytes(signature.subarray(32));
  const forged = [1n, 2n, 15n]
    .filter((n) => s + n * ORDER < 1n << 256n)
    .map((n) => Buffer.concat([signature.subarray(0, 32), toBytes(s + n * ORDER)]));
  t.true(forged.length >= 2);
  t.true(ask(forged.map((f) => `ed25519 ${hex(raw)} ${hex(f)} 78`)).every((answer) => answer === '0'));
});

/** y of the points of order 1, 2, 4, 4, and the x = 0 and y >= p encodings of them; under those keys R = B s would pass. */
const weakKeys = [
  toBytes(1n),
  toBytes(1n | (1n << 255n)),
  toBytes(P - 1n),
  toBytes(0n),
  toBytes(1n << 255n),
  toBytes(P),
  toBytes(P + 1n),
  Buffer.from('c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a', 'hex'),
  Buffer.from('26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05', 'hex'),
];

test('keys_of_small_order_and_keys_in_another_encoding_are_refused', (t) => {
  const neutral = Buffer.concat([toBytes(1n), toBytes(0n)]); // R = neutral, S = 0: holds when [k]A is neutral
  const questions = weakKeys.flatMap((key) =>
    Array.from({ length: 16 }, (_, i) => `ed25519 ${hex(key)} ${hex(neutral)} ${hex(Buffer.of(i))}`),
  );
  t.true(ask(questions).every((answer) => answer === '0'));
});

test('only_the_canonical_encoding_of_a_point_is_one', (t) => {
  const small = Array.from({ length: 19 }, (_, y) => BigInt(y));
  const signs = [0n, 1n << 255n];
  const points = (ys: readonly bigint[]) =>
    ask(ys.flatMap((y) => signs.map((sign) => `point ${hex(toBytes(y | sign))}`)));
  const canonical = points(small).filter((answer) => answer === '1');
  t.true(canonical.length > 8, 'some of these are points, so the next line shows something');
  t.true(points(small.map((y) => y + P)).every((answer) => answer === '0'));
  t.deepEqual(points([1n]), ['1', '0'], 'x = 0 has no negative');
});

const power = (base: bigint, exponent: bigint): bigint => {
  if (exponent === 0n) return 1n;
  const half = power((base * base) % P, exponent >> 1n);
  return exponent & 1n ? (half * base) % P : half;
};

/** RFC 8032 §5.1.3: x^2 = (y^2 - 1) / (d y^2 + 1) has a root where its power (p-1)/2 is 1, or it is 0 (Euler's criterion). */
test('only_what_has_an_x_is_a_point', (t) => {
  const D = (-121665n * power(121666n, P - 2n)) % P;
  const ys = Array.from({ length: 100 }, (_, i) => BigInt(i));
  const expected = ys.map((y) => {
    const squared = (y * y - 1n) * power((((D * y * y + 1n) % P) + P) % P, P - 2n);
    return power(((squared % P) + P) % P, (P - 1n) / 2n) <= 1n ? '1' : '0';
  });
  t.true(expected.includes('0') && expected.includes('1'));
  t.deepEqual(ask(ys.map((y) => `point ${hex(toBytes(y))}`)), expected);
});

/** Numbers of one bit, and those whose five limbs are each at an end: where a carry goes on, where it does not, and p itself lie among them. */
test('a_number_of_the_field_has_one_encoding_which_is_below_p', (t) => {
  const limbs = [0n, 1n, (1n << 51n) - 20n, (1n << 51n) - 19n, (1n << 51n) - 1n];
  const ends = Array.from({ length: limbs.length ** 5 }, (_, i) =>
    [0, 1, 2, 3, 4].reduce(
      (sum, n) => sum + (limbs[Math.floor(i / limbs.length ** n) % limbs.length]! << BigInt(51 * n)),
      0n,
    ),
  );
  const numbers = [...ends, ...Array.from({ length: 255 }, (_, bit) => 1n << BigInt(bit))];
  t.deepEqual(
    ask(numbers.map((number) => `field ${hex(toBytes(number))}`)),
    numbers.map((number) => {
      const reduced = number % P;
      return `${reduced === 0n ? 1 : 0} ${reduced & 1n} ${hex(toBytes(reduced))}`;
    }),
  );
});

/** RFC 8032 §5.1.5: what a seed is multiplied by the base point with. */
const scalarOf = (privateKey: KeyObject): bigint => {
  const seed = privateKey.export({ type: 'pkcs8', format: 'der' }).subarray(-32);
  const bytes = createHash('sha512').update(seed).digest().subarray(0, 32);
  return (fromBytes(bytes) & ((1n << 254n) - 8n)) | (1n << 254n);
};

test('a_signature_made_for_a_point_other_than_its_own_by_a_bit_is_refused', (t) => {
  const [key, once] = [newKey(), newKey()];
  const message = Buffer.from('x');
  /** With the key at hand: it says `point`, and is right for that of `once`. */
  const signedAs = (point: Uint8Array) => {
    const parts = Buffer.concat([point, key.raw, message]);
    const challenge = fromBytes(createHash('sha512').update(parts).digest());
    const s = (scalarOf(once.privateKey) + challenge * scalarOf(key.privateKey)) % ORDER;
    return `ed25519 ${hex(key.raw)} ${hex(Buffer.concat([point, toBytes(s)]))} ${hex(message)}`;
  };
  const others = Array.from({ length: 256 }, (_, bit) => flip(once.raw, bit));
  t.deepEqual(ask([once.raw, ...others].map(signedAs)), ['1', ...others.map(() => '0')]);
});

test('hashes_equal_those_of_openssl', (t) => {
  const inputs = [...Array.from({ length: 260 }, (_, i) => randomBytes(i)), randomBytes(5000)];
  for (const name of ['sha256', 'sha512']) {
    const expected = inputs.map((data) => createHash(name).update(data).digest('hex'));
    t.deepEqual(ask(inputs.map((data) => `${name} ${hex(data)}`)), expected);
    const cut = (data: Buffer) => data.length % 129;
    const parts = inputs.map((d) => `${name} ${hex(d.subarray(0, cut(d)))} ${hex(d.subarray(cut(d)))}`);
    t.deepEqual(ask(parts), expected);
  }
});

test('base64_equals_that_of_node', (t) => {
  const inputs = Array.from({ length: 100 }, (_, i) => randomBytes(i));
  const texts = inputs.map((data) => Buffer.from(data.toString('base64')));
  t.deepEqual(ask(inputs.map((data) => `base64 ${hex(data)}`)), texts.map(hex));
  t.deepEqual(ask(texts.map((text) => `unbase64 ${hex(text)}`)), inputs.map(hex));
});

test('base64_that_is_not_exactly_base64_is_refused', (t) => {
  const bad = [
    'A',
    'AA',
    'AAA',
    'A===',
    '====',
    'AA=A',
    'AA==AAAA',
    'AAAA====',
    'AB==',
    'AAB=',
    'AA A',
    'AA-_',
    'AAA\n',
  ];
  const answers = ask(bad.map((text) => `unbase64 ${hex(Buffer.from(text))}`));
  t.deepEqual(
    answers,
    bad.map(() => `status ${statusNamed('corrupt').code}`),
  );
});

const code = (name: string) => String(statusNamed(name).code);
const header = (map: Map<number, unknown>) => encode(map);
const noBytes = new Uint8Array(0);

const withByte = (data: Uint8Array, at: number, value: number) => {
  const out = Buffer.from(data);
  out.writeUInt8(value, at);
  return out;
};

/** COSE_Sign1 with any header, signed over that header, so that nothing but the header is wrong. */
const signedWith = (protectedHeader: Uint8Array, payload: Uint8Array, key: ReturnType<typeof newKey>) => {
  const signature = sign(null, encode(['Signature1', protectedHeader, noBytes, payload]), key.privateKey);
  return encode([protectedHeader, new Map(), payload, signature]);
};

test('a_cose_message_of_this_project_holds_with_and_without_its_tag', (t) => {
  const key = newKey();
  for (const size of [0, 1, 23, 24, 255, 256, 70_000]) {
    const payload = randomBytes(size);
    const message = coseSign1(payload, key);
    const expected = `0 ${hex(payload)}`;
    t.deepEqual(
      ask([`cose ${hex(key.raw)} ${hex(message)}`, `cose ${hex(key.raw)} ${hex(message.subarray(1))}`]),
      [expected, expected],
    );
  }
});

test('each_reason_to_refuse_a_cose_message_has_its_own_status', (t) => {
  const key = newKey();
  const payload = Buffer.from('payload');
  const good = Buffer.from(coseSign1(payload, key));
  const eddsa = coseHeader(key.raw);
  const parts = [eddsa, new Map(), payload, new Uint8Array(64)];
  const cases: readonly (readonly [string, Uint8Array, string, Uint8Array?])[] = [
    ['nothing', noBytes, code('not_cose')],
    ['a map', encode({}), code('not_cose')],
    ['three items', encode(parts.slice(0, 3)), code('not_cose')],
    ['five items', encode([...parts, 1]), code('not_cose')],
    ['another tag', Buffer.concat([Buffer.of(0xd1), good.subarray(1)]), code('not_cose')],
    ['bytes after it', Buffer.concat([good, Buffer.of(0)]), code('not_cose')],
    ['a header that is text', encode(['header', new Map(), payload, new Uint8Array(64)]), code('not_cose')],
    ['a payload elsewhere', encode([eddsa, new Map(), null, new Uint8Array(64)]), code('not_cose')],
    ['a signature that is text', encode([eddsa, new Map(), payload, 'signature']), code('not_cose')],
    ['ES256', signedWith(header(new Map([[1, -7]])), payload, key), code('bad_algorithm')],
    ['ES256 with a key id', signedWith(withByte(eddsa, 2, 0x26), payload, key), code('bad_algorithm')],
    ['no algorithm', signedWith(noBytes, payload, key), code('bad_algorithm')],
    ['no key id', signedWith(header(new Map([[1, -8]])), payload, key), code('bad_algorithm')],
    ['a key id cut short', signedWith(eddsa.subarray(0, -1), payload, key), code('bad_algorithm')],
    [
      'bytes after the key id',
      signedWith(Buffer.concat([eddsa, Buffer.of(0)]), payload, key),
      code('bad_algorithm'),
    ],
    [
      'a critical header',
      signedWith(
        header(
          new Map<number, unknown>([
            [1, -8],
            [2, [1]],
            [4, new Uint8Array(8)],
          ]),
        ),
        payload,
        key,
      ),
      code('bad_algorithm'),
    ],
    ['a short signature', encode([eddsa, new Map(), payload, new Uint8Array(63)]), code('bad_signature')],
    [
      'a byte after the signature',
      encode([eddsa, new Map(), payload, Buffer.concat([good.subarray(-64), Buffer.of(0)])]),
      code('bad_signature'),
    ],
    ['another key', good, code('bad_signature'), newKey().raw],
    ['no key', good, code('no_key'), new Uint8Array(32)],
  ];
  for (const [what, message, expected, other] of cases) {
    t.is(ask([`cose ${hex(other ?? key.raw)} ${hex(message)}`])[0], `${expected} -`, what);
  }
});

test('no_key_is_one_of_zeros_alone', (t) => {
  const message = hex(coseSign1(Buffer.from('payload'), newKey()));
  const keys = Array.from({ length: 32 }, (_, at) => withByte(new Uint8Array(32), at, 1));
  const answers = ask(keys.map((key) => `cose ${hex(key)} ${message}`));
  t.deepEqual(
    answers,
    keys.map(() => `${code('bad_signature')} -`),
  );
});

test('only_one_encoding_of_a_cose_message_is_accepted', (t) => {
  const key = newKey();
  const payload = Buffer.from('payload');
  const eddsa = Buffer.from(coseHeader(key.raw));
  const signature = sign(null, encode(['Signature1', eddsa, noBytes, payload]), key.privateKey);
  const bytes = (head: string, data: Uint8Array) => Buffer.concat([Buffer.from(head, 'hex'), data]);
  const good = {
    array: Buffer.of(0x84),
    header: bytes('4d', eddsa),
    unsigned: Buffer.of(0xa0),
    payload: bytes('47', payload),
    signature: bytes('5840', signature),
  };
  const verdict = (change: Partial<typeof good>) =>
    ask([`cose ${hex(key.raw)} ${hex(Buffer.concat(Object.values({ ...good, ...change })))}`])[0];
  t.is(verdict({}), `0 ${hex(payload)}`);
  const cases: Readonly<Record<string, Partial<typeof good>>> = {
    'a long array head': { array: Buffer.of(0x98, 4) },
    'an array of indefinite length': {
      array: Buffer.of(0x9f),
      signature: bytes('5840', Buffer.concat([signature, Buffer.of(0xff)])),
    },
    'a long header head': { header: bytes('580d', eddsa) },
    'a long payload head': { payload: bytes('5807', payload) },
    'a longer payload head': { payload: bytes('590007', payload) },
    'a payload in chunks': { payload: bytes('5f47', Buffer.concat([payload, Buffer.of(0xff)])) },
    'a long signature head': { signature: bytes('590040', signature) },
    'a payload of text': { payload: bytes('67', payload) },
    'a long head of the unsigned map': { unsigned: Buffer.of(0xb8, 0) },
    'a key id beside the signed header': {
      unsigned: Buffer.from(encode(new Map([[4, Buffer.from('kid')]]))),
    },
    'a payload and a signature beside the signed header': {
      array: Buffer.of(0x82),
      unsigned: Buffer.of(0xa1),
    },
    'two strings beside the signed header': { unsigned: Buffer.from(encode(new Map([[noBytes, noBytes]]))) },
    'an algorithm beside the signed header': { unsigned: Buffer.from(encode(new Map([[1, -7]]))) },
    'the same label twice': { unsigned: Buffer.from('a2040404', 'hex') },
    'labels in descending order': { unsigned: Buffer.from('a205040404', 'hex') },
  };
  for (const [what, change] of Object.entries(cases)) t.is(verdict(change), `${code('not_cose')} -`, what);
});

test('a_cose_message_with_any_bit_flipped_or_cut_anywhere_is_refused', (t) => {
  const key = newKey();
  const message = coseSign1(Buffer.from('0123456789'), key);
  const flipped = Array.from({ length: message.length * 8 }, (_, bit) => flip(message, bit));
  const cut = Array.from({ length: message.length }, (_, size) => message.subarray(0, size));
  const answers = ask([...flipped, ...cut].map((m) => `cose ${hex(key.raw)} ${hex(m)}`));
  t.deepEqual(
    answers.filter((answer) => answer.startsWith('0 ')),
    [],
  );
});
