/** Updates of the kernel on a medium, and on one behind the driver of SD cards: every single write fails, in several ways. */
import { spawnSync } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { encodePolicy } from '../../../firmware/policy.ts';
import { signImage } from '../../../firmware/update.ts';
import { updateFile } from '../../../firmware/update-file.ts';
import { buildNative, mediumSources, updateSources } from './build.ts';

const newKey = () => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  return {
    privateKey,
    publicKey: new Uint8Array(publicKey.export({ type: 'spki', format: 'der' }).subarray(12)),
  };
};

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

const files = (() => {
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
  return { policy, a: update(9000, 1n), b: update(13_001, 1n) };
})();

const media = { memory: 'a_medium', card: 'an_sd_card_behind_its_driver' } as const;

for (const [medium, name] of Object.entries(media)) {
  test.serial(`a_cut_at_every_write_of_an_update_to_${name}_leaves_a_board_that_starts_whole`, async (t) => {
    t.timeout(300_000);
    const sources = [
      'test/native/update_host.c',
      ...updateSources,
      ...mediumSources[medium as keyof typeof media],
    ];
    const host = await buildNative(`update_${medium}`, sources, t.log, 'test/native/card');
    const folder = mkdtempSync(join(tmpdir(), 'velocity-update-'));
    t.teardown(() => rmSync(folder, { recursive: true, force: true }));
    for (const [file, bytes] of Object.entries(files)) writeFileSync(join(folder, file), bytes);
    const { status, stdout, stderr } = spawnSync(
      host,
      ['policy', 'a', 'b'].map((file) => join(folder, file)),
      { encoding: 'utf8' },
    );
    t.is(status, 0, stdout + stderr);
    t.regex(
      stdout,
      /^\d\d failed writes of a first install, \d\d of an update, \d\d of one over an older image, each in 6 ways, survived$/m,
    );
    t.log(stdout.trim());
  });
}
