/** SMP clients that others wrote, against an emulated board. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import test from 'ava';
import { peersPython, whyNoPeers } from '../../cli/python-peers.ts';
import { startBoard } from '../../cli/virtual.ts';
import { findTool, root } from '../../firmware/index.ts';

const CHECKS = 14;
const missing =
  whyNoPeers('serial, smpclient, smpmgr') ?? (findTool('qemu') ? undefined : 'QEMU is not installed');

const run = (command: string, args: readonly string[]) =>
  new Promise<{ status: number | null; output: string }>((resolve) => {
    const child = spawn(command, args, { timeout: 900_000 });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        output += chunk;
      });
    }
    child.on('close', (status) => resolve({ status, output }));
  });

if (missing) {
  test.skip(`clients of others are skipped: ${missing}`, () => {});
} else {
  test('smpclient_and_smpmgr_understand_a_board_and_reset_it', async (t) => {
    t.timeout(1_000_000);
    const { address, stop } = await startBoard('qemu-virt');
    try {
      const socket = address.slice('unix:'.length);
      const { status, output } = await run(peersPython(), [join(root, 'test/rig/smp_clients.py'), socket]);
      t.is(status, 0, output);
      const lines = output
        .trim()
        .split('\n')
        .filter((line) => line.includes(': '));
      t.deepEqual(
        lines.filter((line) => !line.endsWith(': ok')),
        [],
        output,
      );
      t.is(lines.length, CHECKS);
    } finally {
      await stop();
    }
  });
}
