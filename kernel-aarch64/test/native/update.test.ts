/** Updates of the kernel on a medium, and on one behind the driver of SD cards: every single write fails, in several ways. */
import { spawnSync } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { decode, encode } from 'cborg';
import { doors, policyKeys } from '../../../abi/index.ts';
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
  return { policy, a: update(2 * 4096, 1n), b: update(13_001, 1n) }; // whole pages, and not
})();

const media = { memory: 'a_medium', card: 'an_sd_card_behind_its_driver' } as const;

type Medium = keyof typeof media;

const hostOf = (medium: Medium, log: (line: string) => void) => {
  const own = ['test/native/update_host.c', 'test/native/update_rules.c'];
  const sources = [...own, ...updateSources, ...mediumSources[medium]];
  return buildNative(`update_${medium}`, sources, log, 'test/native/card');
};

for (const [medium, name] of Object.entries(media)) {
  test.serial(`a_cut_at_every_write_of_an_update_to_${name}_leaves_a_board_that_starts_whole`, async (t) => {
    t.timeout(300_000);
    const host = await hostOf(medium as Medium, t.log);
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
      /^\d\d failed writes of a first install, \d\d of an update, \d\d of one over an older image, each in 6 ways, records in 7, survived$/m,
    );
    t.log(stdout.trim());
  });
}

type Fields = Map<number, unknown>;

/** The policy block with its map changed, as an image would carry it that another release made. */
const changed = (change: (policy: Fields, key: Fields) => void): Buffer => {
  const { policy: block } = files;
  const map = decode(block.subarray(2, 2 + block.readUInt16LE()), { useMaps: true }) as Fields;
  change(map, (map.get(policyKeys.keys.key) as Fields[])[1]!);
  const bytes = encode(map);
  const result = Buffer.alloc(block.length);
  result.writeUInt16LE(bytes.length);
  result.set(bytes, 2);
  return result;
};

const strange = {
  unchanged: [changed(() => {}), 0],
  'with a limit of a key that this release does not know': [changed((_, key) => key.set(99, 1)), 1],
  'with a part that this release does not know': [changed((map) => map.set(99, 1)), 1],
  'that opens the keys to everybody': [
    changed((map) => map.set(policyKeys.open.key, 1 << doors.keys.bit)),
    1,
  ],
  'with a door that this release does not know': [changed((map) => map.set(policyKeys.open.key, 1 << 20)), 1],
} as const;

for (const [what, [policy, exit]] of Object.entries(strange)) {
  test.serial(
    `a_policy_${what.replaceAll(' ', '_')}_accepts_${exit ? 'nothing' : 'what_it_says'}`,
    async (t) => {
      const folder = mkdtempSync(join(tmpdir(), 'velocity-update-'));
      t.teardown(() => rmSync(folder, { recursive: true, force: true }));
      const paths = Object.entries({ ...files, policy }).map(([file, bytes]) => {
        writeFileSync(join(folder, file), bytes);
        return join(folder, file);
      });
      const { status, stdout } = spawnSync(await hostOf('memory', t.log), paths, { encoding: 'utf8' });
      t.is(status, exit, stdout);
      if (exit) t.regex(stdout, /not so: update_to\(0\) == STATUS_OK && runs\(0\) \(write 0,/);
    },
  );
}
