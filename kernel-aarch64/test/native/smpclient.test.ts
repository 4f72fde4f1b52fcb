/** The link against smpclient, somebody else's SMP client. Skipped where it is not installed, see cli/python-peers.ts. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { peersPython, whyNoPeers } from '../../../cli/python-peers.ts';
import { buildNative, linkSources } from './build.ts';

const python = peersPython();
const hasClient = whyNoPeers('serial, smpclient') === undefined;
const script = fileURLToPath(new URL('smpclient_check.py', import.meta.url));

(hasClient ? test : test.skip)('smpclient_understands_every_answer', async (t) => {
  t.timeout(60_000);
  const program = await buildNative('link_smpclient', ['test/native/link_host.c', ...linkSources], t.log);
  const { status, stdout, stderr } = spawnSync(python, [script, program], {
    encoding: 'utf8',
    timeout: 30_000,
  });
  t.is(status, 0, stderr);
  t.deepEqual(
    stdout
      .trim()
      .split('\n')
      .filter((line) => !line.endsWith(': ok')),
    [],
  );
  t.is(stdout.trim().split('\n').length, 9);
});
