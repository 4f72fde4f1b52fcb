/** Between the check of what is staged and its use nothing can come, and requests that say a thing twice say nothing. */
import test from 'ava';
import { encode } from 'cborg';
import { RefusedError, type VelocityLink } from '../../link/index.ts';
import { devKey, patchFor, signPatch, strangersKey, timerProgram } from '../board/programs.ts';
import { hex, join } from './encoding.ts';
import { frameOf, openWire, sha256, type Wire } from './wire.ts';

let wire: Wire;

test.before(async (t) => {
  t.timeout(400_000);
  wire = await openWire('qemu-virt');
});
test.after.always(() => wire?.stop());

const good = timerProgram('staged', 'r0 = 2\nexit');

const signed = async (link: VelocityLink, key = devKey()) =>
  signPatch(await patchFor(link, { program: good, name: good.name }), key);

const begin = (bytes: Uint8Array, data = bytes) =>
  frameOf('stage', encode({ off: 0, len: bytes.length, sha: sha256(bytes), data }));
const installFrame = () => frameOf('install', encode({ canary: false }));
const refusals = async (link: VelocityLink) => {
  const found: string[] = [];
  for await (const event of link.events()) if (event.kind === 'refused') found.push(`${event.reason}`);
  return found.length;
};

test.serial('bytes_that_are_staged_behind_an_install_do_not_change_what_it_installs', async (t) => {
  const { link, write } = wire;
  const bytes = await signed(link);
  const forged = await signed(link, strangersKey());
  t.is(forged.length, bytes.length);
  // One stretch of the line: both arrive while the board still checks the signature.
  await write(Buffer.concat([begin(bytes), installFrame(), begin(forged)]));
  t.deepEqual(
    (await link.modules()).map(({ name, version }) => [name, version]),
    [['staged', 1]],
  );
  const error = await t.throwsAsync(link.install({ canary: false }), { instanceOf: RefusedError });
  t.is(error?.status, 'unknown_key', 'what is staged now is the forged patch, checked on its own');
});

test.serial('the_hash_is_checked_over_the_bytes_that_are_used', async (t) => {
  const { link } = wire;
  const bytes = await signed(link);
  const announced = sha256(await signed(link, strangersKey()));
  await link.stageChunk({ off: 0, len: bytes.length, sha: announced, data: bytes });
  const error = await t.throwsAsync(link.install({ canary: false }), { instanceOf: RefusedError });
  t.is(error?.status, 'stage_hash');
  const again = await t.throwsAsync(link.install({ canary: false }), { instanceOf: RefusedError });
  t.is(again?.status, 'bad_state', 'staging starts anew');
});

test.serial('another_upload_in_the_middle_leaves_no_mixture_to_install', async (t) => {
  const { link } = wire;
  const bytes = await signed(link);
  const forged = await signed(link, strangersKey());
  const half = bytes.length >> 1;
  await link.stageChunk({ off: 0, len: bytes.length, sha: sha256(bytes), data: bytes.subarray(0, half) });
  await link.stageChunk({
    off: 0,
    len: forged.length,
    sha: sha256(forged),
    data: forged.subarray(0, half - 8),
  });
  const { off } = await link.stageChunk({ off: half, data: bytes.subarray(half) });
  t.is(off, half - 8, 'bytes at another offset than the expected one are not taken');
  const error = await t.throwsAsync(link.install({ canary: false }), { instanceOf: RefusedError });
  t.is(error?.status, 'bad_state');
});

test.serial('a_refused_patch_can_be_staged_again_and_gives_way_to_another', async (t) => {
  const { link } = wire;
  const forged = await signed(link, strangersKey());
  for (let time = 0; time < 2; time += 1) {
    await link.stage(forged);
    const error = await t.throwsAsync(link.install({ canary: false }), { instanceOf: RefusedError });
    t.is(error?.status, 'unknown_key');
  }
  await link.stage(await signed(link));
  t.is((await link.install({ canary: false })).version, 2);
});

const upload = (change: object) => ({
  off: 0,
  len: 8,
  sha: new Uint8Array(32),
  data: new Uint8Array(8),
  ...change,
});
const uploads = {
  'longer than the buffer': upload({ len: 131_073 }),
  'of no bytes': upload({ len: 0, data: new Uint8Array(0) }),
  'with more data than announced': upload({ len: 4 }),
  'with a short hash': upload({ sha: new Uint8Array(31) }),
  'at an offset beyond the announced length': { off: 0xffff_ffff, data: new Uint8Array(8) },
} as const;

for (const [what, chunk] of Object.entries(uploads)) {
  test.serial(`an_upload_${what.replaceAll(' ', '_')}_is_refused`, async (t) => {
    const { link } = wire;
    await link.stageChunk({ ...upload({}), data: new Uint8Array(4) });
    const error = await t.throwsAsync(link.stageChunk(chunk), { instanceOf: RefusedError });
    t.is(error?.status, 'invalid_argument');
  });
}

const yes = hex('f5');
const no = hex('f4');
const requests = {
  'a key twice': join(hex('a2'), encode('canary'), no, encode('canary'), yes),
  'an optional key twice': join(
    hex('a3'),
    encode('canary'),
    no,
    encode('ratio'),
    hex('01'),
    encode('ratio'),
    hex('02'),
  ),
  'bytes after its map': join(encode({ canary: false }), hex('00')),
  'a list instead of a map': encode([false]),
  'a number where a truth value belongs': encode({ canary: 1 }),
  'a map that is cut': encode({ canary: false }).subarray(0, 7),
};

for (const [what, payload] of Object.entries(requests)) {
  test.serial(`a_request_with_${what.replaceAll(' ', '_')}_is_refused`, async (t) => {
    const { link, write } = wire;
    await link.stage(await signed(link));
    const before = await link.modules();
    const count = await refusals(link);
    await write(frameOf('install', payload));
    t.deepEqual(await link.modules(), before);
    t.is(await refusals(link), count, 'it was not even tried');
  });
}
