/** Attacks on a board that runs one module, each with the refusal that it must meet. */
import { sign } from 'node:crypto';
import { encode } from 'cborg';
import { hooks, mapTypes, patchKeys } from '../../abi/index.ts';
import { assemble } from '../../ebpf/index.ts';
import {
  coseHeader,
  coseSign1,
  encodePatch,
  type Patch,
  type SigningKey,
  signPatch,
} from '../../firmware/sign.ts';
import { strangersKey } from '../board/programs.ts';
import { arrayOf, hex, join, mapOf, mapPairs, type Pair, patchPairs, withValue } from './encoding.ts';

/** `good` would be accepted. */
export type Situation = { readonly good: Patch; readonly key: SigningKey };
export type Attack = {
  readonly name: string;
  readonly status: string;
  readonly make: (situation: Situation) => Uint8Array;
};

/** The map of the running module. */
export const counters: Patch['maps'][number] = {
  name: 'counters',
  type: mapTypes.array,
  key_size: 4,
  value_size: 8,
  max_entries: 4,
  flags: 0,
};

const none = new Uint8Array(0);

const field = (
  name: string,
  change: Partial<Patch> | ((good: Patch) => Partial<Patch>),
  status: string,
): Attack => ({
  name,
  status,
  make: ({ good, key }) =>
    signPatch({ ...good, ...(typeof change === 'function' ? change(good) : change) }, key),
});

/** Well signed, but the payload is put together by hand. */
const payload = (
  name: string,
  build: (pairs: Pair[], good: Patch) => Uint8Array,
  status = 'bad_patch',
): Attack => ({
  name,
  status,
  make: ({ good, key }) => coseSign1(build(patchPairs(good), good), key),
});

const message = (name: string, status: string, make: Attack['make']): Attack => ({ name, status, make });

const headers = {
  eddsa: encode(new Map([[1, -8]])),
  es256: encode(new Map([[1, -7]])),
  twice: hex('a3 0127 0127 04 48 0000000000000000'),
  shortId: hex('a2 0127 04 47 00000000000000'),
};

/** COSE_Sign1 around a good payload with one part replaced; the signature fits the protected header that is used. */
const envelope = (
  { good, key }: Situation,
  parts: Partial<Record<'tag' | 'header' | 'unprotected' | 'payload' | 'signature' | 'after', Uint8Array>>,
) => {
  const body = encodePatch(good);
  const header = parts.header ?? coseHeader(key.publicKey);
  const signature = sign(null, encode(['Signature1', header, none, body]), key.privateKey);
  return join(
    parts.tag ?? hex('d2'),
    hex('84'),
    encode(header),
    parts.unprotected ?? hex('a0'),
    parts.payload ?? encode(body),
    parts.signature ?? encode(new Uint8Array(signature)),
    parts.after ?? none,
  );
};

const envelopes: readonly Attack[] = [
  message('the signature of another key', 'unknown_key', ({ good }) => signPatch(good, strangersKey())),
  message("the signature of another key in the name of the board's", 'bad_signature', ({ good, key }) =>
    coseSign1(encodePatch(good), { ...strangersKey(), publicKey: key.publicKey }),
  ),
  message('no key id', 'bad_algorithm', (s) => envelope(s, { header: headers.eddsa })),
  message('a key id of 7 bytes', 'bad_algorithm', (s) => envelope(s, { header: headers.shortId })),
  message('the id of no key', 'unknown_key', (s) => envelope(s, { header: coseHeader(new Uint8Array(32)) })),
  message('no signature', 'bad_signature', (s) => envelope(s, { signature: encode(none) })),
  message('a signature of zeros', 'bad_signature', (s) =>
    envelope(s, { signature: encode(new Uint8Array(64)) }),
  ),
  message('another algorithm', 'bad_algorithm', (s) => envelope(s, { header: headers.es256 })),
  message('an empty protected header', 'bad_algorithm', (s) => envelope(s, { header: none })),
  message('the algorithm twice', 'bad_algorithm', (s) => envelope(s, { header: headers.twice })),
  message('another tag', 'not_cose', (s) => envelope(s, { tag: hex('d1') })),
  message('a byte after the message', 'not_cose', (s) => envelope(s, { after: hex('00') })),
  message('a second message after it', 'not_cose', (s) => envelope(s, { after: signPatch(s.good, s.key) })),
  message('a key id that is not signed', 'not_cose', (s) => envelope(s, { unprotected: hex('a1 04 4141') })),
  message('a label twice', 'not_cose', (s) => envelope(s, { unprotected: hex('a2 0404 0404') })),
  message('a payload elsewhere', 'not_cose', (s) => envelope(s, { payload: hex('f6') })),
  message('a payload with a long head', 'not_cose', (s) => {
    const body = encodePatch(s.good);
    return envelope(s, {
      payload: join(hex('5a'), Buffer.of(0, 0, body.length >> 8, body.length & 255), body),
    });
  }),
  message('a payload in chunks', 'not_cose', (s) =>
    envelope(s, { payload: join(hex('5f'), encode(encodePatch(s.good)), hex('ff')) }),
  ),
  message('a length beyond the end', 'not_cose', (s) => envelope(s, { payload: hex('5b 7fffffffffffffff') })),
  message('an array without end', 'not_cose', () => hex('9f')),
  message('nesting without end', 'not_cose', () => new Uint8Array(4096).fill(0x81)),
  message('one byte', 'not_cose', () => hex('00')),
];

const keyed = (key: number, value: Uint8Array): Pair => [encode(key), value];
const required = ['name', 'hook', 'board_class', 'code', 'sequence', 'boot'] as const;

const payloads: readonly Attack[] = [
  payload('a byte after the payload', (pairs) => join(mapOf(pairs), hex('00'))),
  payload('a payload that is no map', () => encode([1, 2, 3])),
  payload('an empty payload', () => none),
  payload('a key twice', (pairs) => mapOf([pairs[0]!, ...pairs])),
  payload('the code twice', (pairs, good) => mapOf([...pairs, keyed(4, encode(good.code))])),
  payload('an unknown key twice', (pairs) => mapOf([...pairs, keyed(40, hex('00')), keyed(40, hex('01'))])),
  payload('keys out of order', (pairs) => mapOf([...pairs].reverse())),
  payload('a key that is text', (pairs) => mapOf([...pairs, [encode('sequence'), hex('00')]])),
  payload('a key with a long head', (pairs) =>
    mapOf(pairs.map(([k, v], i) => (i === 0 ? [hex('1801'), v] : [k, v]))),
  ),
  payload('a number with a long head', (pairs) => mapOf(withValue(pairs, 9, hex('1b 00000000000000ff')))),
  payload('a map of indefinite length', (pairs) => join(hex('bf'), ...pairs.flat(), hex('ff'))),
  payload('more pairs than there are', (pairs) => join(hex('bb 00000000ffffffff'), ...pairs.flat())),
  payload('a pair less than it says', (pairs) => join(mapOf(pairs).subarray(0, 1), ...pairs.slice(1).flat())),
  payload('deep nesting under an unknown key', (pairs) =>
    mapOf([...pairs, keyed(23, new Uint8Array(64).fill(0x81))]),
  ),
  ...required.map((name) =>
    payload(`a patch without ${name}`, (pairs) => mapOf(withValue(pairs, patchKeys[name].key))),
  ),
  payload('a hook of 33 bits', (pairs) => mapOf(withValue(pairs, 2, hex('1b 0000000100000001')))),
  payload('a negative sequence', (pairs) => mapOf(withValue(pairs, 9, hex('20')))),
  payload('a name of bytes', (pairs) => mapOf(withValue(pairs, 1, hex('4161')))),
  payload('a name that is not UTF-8', (pairs) => mapOf(withValue(pairs, 1, hex('62c328')))),
];

const badNames: Readonly<Record<string, string>> = {
  empty: '',
  'of 32 bytes': 'n'.repeat(32),
  'with a NUL': 'a\0b',
  'with a newline': 'a\nb',
  'with an escape': '\x1b[2J',
  'with a slash': '../a',
  'with a space': 'a b',
  'beyond ASCII': 'gärtner',
};

const names: readonly Attack[] = Object.entries(badNames).flatMap(([what, name]) => [
  field(`a module name ${what}`, { name }, 'bad_patch'),
  field(`a map name ${what}`, { maps: [{ ...counters, name }] }, 'bad_patch'),
]);

const base = { name: 'shape', type: mapTypes.array, key_size: 4, value_size: 8, max_entries: 4, flags: 0 };
const largest = 0xffff_ffff;
const shapes: Readonly<Record<string, Partial<Patch['maps'][number]>>> = {
  'of type 0': { type: 0 },
  'of an unknown type': { type: 99 },
  'without key': { key_size: 0 },
  'with a key of 5 bytes': { key_size: 5 },
  'without value': { value_size: 0 },
  'with a huge value': { value_size: largest },
  'without entries': { max_entries: 0 },
  'with entries that overflow 32 bits': { value_size: 65536, max_entries: 65537 },
  'with values that overflow when rounded up': { value_size: largest - 6, max_entries: 2 },
  'with more entries than memory': { max_entries: largest },
  'with unknown flags': { flags: 1 },
  'with contents longer than a value': { init: new Uint8Array(9) },
  'hashed, with a key of 65 bytes': { type: mapTypes.hash, key_size: 65 },
  'hashed, with a value of 2049 bytes': { type: mapTypes.hash, value_size: 2049 },
  'hashed, with more entries than memory': { type: mapTypes.hash, max_entries: largest },
  'hashed, with contents': { type: mapTypes.hash, init: new Uint8Array(8) },
  'per core, larger than the pool': { type: mapTypes.percpu_array, value_size: 2 ** 21 },
  'per core, with contents': { type: mapTypes.percpu_array, init: new Uint8Array(8) },
};

const maps: readonly Attack[] = [
  ...Object.entries(shapes).map(([what, change]) =>
    field(`a map ${what}`, { maps: [{ ...base, ...change }] }, 'bad_map_definition'),
  ),
  field(
    'a map of the running module in another shape',
    { maps: [{ ...counters, value_size: 16 }] },
    'map_shape',
  ),
  field('one map name with two shapes', { maps: [base, { ...base, value_size: 16 }] }, 'map_shape'),
  field('17 maps', { maps: Array.from({ length: 17 }, (_, i) => ({ ...base, name: `m${i}` })) }, 'bad_patch'),
  payload('a map key twice', (pairs) =>
    mapOf(withValue(pairs, 5, arrayOf([mapOf([keyed(1, encode('x')), ...mapPairs(base)])]))),
  ),
  payload('a map without type', (pairs) =>
    mapOf(withValue(pairs, 5, arrayOf([mapOf(withValue(mapPairs(base), 2))]))),
  ),
  payload('a map that is a number', (pairs) => mapOf(withValue(pairs, 5, hex('8101')))),
];

const other = assemble('r0 = 3\nexit');
const long = assemble('r0 = 0\nr1 = 30000\nr0 += r1\nr1 += -1\nif r1 != 0 goto -3\nexit');

const statements: readonly Attack[] = [
  field('a board of another class', { board_class: 'riscv64' }, 'wrong_board'),
  field('an empty board class', { board_class: '' }, 'wrong_board'),
  field('a board class with a NUL at its end', { board_class: 'aarch64\0' }, 'wrong_board'),
  field('a board class of 64 bytes', { board_class: 'a'.repeat(64) }, 'bad_patch'),
  field('another start of the board', { boot: new Uint8Array(16) }, 'wrong_boot'),
  field('a boot id of 15 bytes', (good) => ({ boot: good.boot.subarray(0, 15) }), 'bad_patch'),
  field('the newest sequence number again', (good) => ({ sequence: good.sequence - 1n }), 'replayed'),
  field('an older sequence number', { sequence: 0n }, 'older_sequence'),
  field('hook 0', { hook: 0 }, 'unknown_hook'),
  field('the hook of single runs', { hook: hooks.run.id }, 'unknown_hook'),
  field('a hook that does not exist', { hook: 99 }, 'unknown_hook'),
  field('another hook than the running version', { hook: hooks.packet.id }, 'wrong_parent'),
  field('no parent', { parent: none }, 'wrong_parent'),
  field('another parent', { parent: new Uint8Array(32) }, 'wrong_parent'),
  field('a parent of 31 bytes', (good) => ({ parent: good.parent.subarray(1) }), 'bad_patch'),
  field('a parent for a new module', { name: 'newcomer' }, 'wrong_parent'),
  field('cores that are not up', { cores: 0x80 }, 'wrong_board'),
  field(
    'the packet hook on another core',
    { name: 'newcomer', parent: none, hook: hooks.packet.id, cores: 2 },
    'bad_patch',
  ),
  field('a period too short', { period_us: 49 }, 'bad_patch'),
  field('a period too long', { period_us: 1_000_001 }, 'bad_patch'),
  field('a kind of proof that does not exist', { proof: 3 }, 'bad_patch'),
  field('a proof hash of 31 bytes', { proof_hash: new Uint8Array(31) }, 'bad_patch'),
  field('a proposer of 256 bytes', { proposer: 'p'.repeat(256) }, 'bad_patch'),
  field('a bound lower than proven', { bound: 1n }, 'bound_mismatch'),
  field('a program over its budget', { code: long, certificate: none }, 'over_budget'),
  field('a bound raised to the budget', { code: long, certificate: none, bound: 65536n }, 'bound_mismatch'),
  field('a certificate for another program', { code: long }, 'bad_certificate'),
  field('a certificate that is noise', { certificate: new Uint8Array(64).fill(0xa5) }, 'bad_certificate'),
  field('no code', { code: none }, 'empty_program'),
  field('half an instruction', { code: other.subarray(0, 12) }, 'invalid_argument'),
  field('4097 instructions', { code: new Uint8Array(4097 * 8) }, 'program_too_long'),
  field('code that is noise', { code: new Uint8Array(64).fill(0xff) }, 'bad_opcode'),
  field(
    'code that reads beyond its context',
    { code: assemble('r0 = *(u64 *)(r1 + 4096)\nexit'), certificate: none },
    'context_out_of_bounds',
  ),
];

export const attacks: readonly Attack[] = [...envelopes, ...payloads, ...names, ...maps, ...statements];
