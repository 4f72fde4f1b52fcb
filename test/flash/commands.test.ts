/** The table's exit codes are those that the command itself ends with, here and as a process. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import test from 'ava';
import { jsonLines, velocityOn } from '../../cli/test/command-line.ts';
import { flashFiles } from '../../cli/test/flash-files.ts';
import { root } from '../../firmware/index.ts';
import { FastbootDevice, serveFastbootTcp } from '../../rig/emulated/index.ts';
import { commandCases } from './commands.ts';
import { backends } from './faults.ts';

const files = flashFiles();
/** Limits of the command itself are 20 s at most. */
const HANG_MS = 240_000;

for (const { way, code, exit, make } of commandCases) {
  test(`velocity flash, ${way}: ${code} ends with ${exit}`, async (t) => {
    t.timeout(HANG_MS);
    const { argv, usb, end } = await make(files);
    const result = await velocityOn(usb ? { usb } : {}, '--json', 'flash', ...argv);
    await end?.();
    t.is(result.exit, exit, result.stderr);
    if (code !== 'works') t.like(jsonLines(result).at(-1), { event: 'error', code, exit });
  });
}

test('every_case_is_a_row_of_the_table', (t) => {
  for (const { way, code } of commandCases) {
    const rows = backends.find(({ name }) => name === way)?.rows ?? [];
    t.true(
      rows.some((row) => row.code === code),
      `${way} ${code}`,
    );
  }
});

const asProcess = (argv: readonly string[]) =>
  new Promise<number | null>((resolve) => {
    const loader = join(root, 'node_modules/tsx/dist/esm/index.mjs');
    const main = join(root, 'cli/main.ts');
    const child = spawn(process.execPath, ['--import', loader, main, 'flash', ...argv], { stdio: 'ignore' });
    child.once('close', resolve);
  });

/** One code from each stage: the command line, a device that leaves, and a file that does not read back. */
test('a process ends with the same codes', async (t) => {
  t.timeout(HANG_MS);
  const server = await serveFastbootTcp(new FastbootDevice(), { closeAfter: 2 });
  const address = `tcp:127.0.0.1:${server.port}`;
  const image = ['--image', files.manifest];
  t.is(await asProcess(['--fastboot', address, ...image, '--partition', 'boot', '--yes']), 4);
  t.is(await asProcess(['--to', '/dev/null', ...image]), 2);
  await server.close();
});
