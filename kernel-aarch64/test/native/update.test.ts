/** Updates of the kernel on a medium in memory: every single write is cut, in several ways. */
import { spawnSync } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { encodePolicy } from '../../../firmware/policy.ts';
import { signImage } from '../../../firmware/update.ts';
import { updateFile } from '../../../firmware/update-file.ts';
import { buildNative, updateSources } from './build.ts';

const newKey = () => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  return {
    privateKey,
    publicKey: new Uint8Array(publicKey.export({ type: 'spki', format: 'der' }).subarray(12)),
  };
};

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

test('a_cut_at_every_write_of_an_update_leaves_a_board_that_starts_whole', async (t) => {
  t.timeout(300_000);
  const [owner, other] = [newKey(), newKey()];
  const policy = encodePolicy({
    open: [],
    keys: [{ key: hex(owner.publicKey), roles: ['image'] }, { key: hex(other.publicKey) }],
  });
  const facts = { board_class: 'aarch64', memory_bytes: 1 << 20, build: 'b'.repeat(40), version: '1.2.3' };
  const update = (bytes: number, sequence: bigint) => {
    const image = randomBytes(bytes);
    return updateFile(image, signImage(image, { ...facts, sequence }, owner));
  };
  const host = await buildNative('update_host', ['test/native/update_host.c', ...updateSources], t.log);
  const folder = mkdtempSync(join(tmpdir(), 'velocity-update-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const files = { policy, a: update(9000, 1n), b: update(13_001, 2n) };
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(folder, name), bytes);
  const { status, stdout, stderr } = spawnSync(
    host,
    ['policy', 'a', 'b'].map((name) => join(folder, name)),
    { encoding: 'utf8' },
  );
  t.is(status, 0, stdout + stderr);
  t.regex(stdout, /^\d\d cuts of a first install and \d\d of an update, each in 4 ways, survived$/m);
  t.log(stdout.trim());
});
