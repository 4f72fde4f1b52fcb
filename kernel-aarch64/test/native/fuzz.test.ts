/** Random and damaged input through everything that reads what comes over the line. */
import { spawnSync } from 'node:child_process';
import test from 'ava';
import { buildNative, librarySources, linkSources } from './build.ts';

const SEEDS = [1, 2, 3];

const runs = (program: string, args: readonly string[]) => {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  return { ok: status === 0, output: `${stdout}${stderr}`.trim() };
};

test('readers_of_cbor_cose_and_base64_survive_any_input', async (t) => {
  t.timeout(60_000);
  const program = await buildNative('fuzz_cbor', ['test/native/fuzz_cbor.c', ...librarySources], t.log);
  for (const seed of SEEDS) {
    const { ok, output } = runs(program, [String(seed), '100000']);
    t.true(ok, output);
  }
});

test('the_link_answers_a_whole_message_after_any_damage', async (t) => {
  t.timeout(60_000);
  const program = await buildNative('link_fuzz', ['test/native/link_host.c', ...linkSources], t.log);
  for (const seed of SEEDS) {
    const { ok, output } = runs(program, ['fuzz', String(seed), '50000']);
    t.true(ok, output);
    const count = (name: string) => Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(output)?.[1] ?? 0);
    // Each kind of damage did occur, so the run has shown something.
    for (const name of ['lines_bad', 'lines_lost', 'cut', 'crc_bad', 'oversize', 'noise', 'repeats']) {
      t.true(count(name) > 0, `${name}: ${count(name)}`);
    }
  }
});
