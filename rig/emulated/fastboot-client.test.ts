/** The emulator is true: Debian's fastboot client completes against it. */
import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { FastbootDevice, type NetworkServer, serveFastbootTcp, serveFastbootUdp } from './index.ts';

const installed = spawnSync('fastboot', ['--version']).status === 0;
const withClient = installed ? test : test.skip;
if (!installed) console.warn('skipped: the fastboot client is not installed (apt-get install fastboot)');

const image = () => {
  const path = join(mkdtempSync(join(tmpdir(), 'velocity-test-')), 'image');
  const bytes = Buffer.alloc(75 * 4096);
  for (let i = 0; i < 40 * 4096; i++) bytes[i] = (i * i) >> 5;
  writeFileSync(path, bytes);
  return { path, bytes };
};

const serve = { tcp: serveFastbootTcp, udp: serveFastbootUdp } as const;

const run = async (kind: 'tcp' | 'udp', server: NetworkServer, ...args: string[]) => {
  const said = await promisify(execFile)('fastboot', ['-s', `${kind}:127.0.0.1:${server.port}`, ...args], {
    timeout: 60_000,
  });
  return said.stdout + said.stderr;
};

for (const kind of ['tcp', 'udp'] as const) {
  withClient(`Debian's fastboot reads variables and flashes in sparse pieces over ${kind}`, async (t) => {
    const device = new FastbootDevice();
    const server = await serve[kind](device);
    const { path, bytes } = image();
    t.regex(await run(kind, server, 'getvar', 'version'), /0\.4/);
    await run(kind, server, 'flash', 'boot', path);
    t.true(device.partitions.get('boot')!.subarray(0, bytes.length).equals(bytes));
    t.true(device.commands.filter((command) => command === 'flash:boot').length > 1);
    t.regex(await run(kind, server, 'oem', 'hello'), /hello/);
    await t.throwsAsync(run(kind, server, 'flash', 'missing', path));
    await server.close();
  });
}
