/** `velocity evolve` on a board that keeps what it was sent: each turn goes on from where the one before it ended. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { boardNamed } from '../../boards/index.ts';
import { jsonLines, temporaryFolder, velocity } from '../../cli/test/command-line.ts';
import { startBoard } from '../../cli/virtual.ts';
import { stopSolver } from '../../ebpf/prover/index.ts';
import { findTool, root } from '../../firmware/index.ts';
import { unavailableReason } from '../../rig/index.ts';

const BOARD = 'qemu-virt';
const reason = unavailableReason(boardNamed(BOARD), findTool('qemu'));
if (reason) process.stderr.write(`evolve.test.ts: skipped, ${reason}\n`);

/** A program that nothing but this test has ever made faster, so that only its own ledger knows what became of it. */
const ownModule = (folder: string): string => {
  const path = join(folder, 'fir.c');
  const source = readFileSync(join(root, 'modules/fir/fir.c'), 'utf8');
  writeFileSync(path, source.replace('ALARM_LEVEL 1000', 'ALARM_LEVEL 1009'));
  return path;
};

test.after.always(() => stopSolver());

(reason ? test.skip : test)('a_module_that_the_loop_made_faster_can_be_looked_at_again', async (t) => {
  t.timeout(600_000);
  const board = await startBoard(BOARD);
  t.teardown(board.stop);
  const folder = temporaryFolder();
  const module = ownModule(folder);
  const turn = async (ledger: string) => {
    const options = ['--budget', '1', '--model', 'none', '--ledger', join(folder, ledger)];
    const done = await velocity('--port', board.address, 'evolve', module, ...options, '--json');
    return { ...done, events: jsonLines(done).map(({ event }) => event) };
  };
  const first = await turn('own');
  t.is(first.exit, 0, first.stderr);
  t.true(first.events.includes('promoted'), first.stdout);
  const second = await turn('own');
  t.is(second.exit, 0, second.stderr);
  t.true(second.events.includes('detect'), second.stdout);
  const elsewhere = await turn('none of it');
  t.not(elsewhere.exit, 0, 'nobody knows what runs there');
  t.regex(elsewhere.stderr, /fir on the board is [0-9a-f]{12}, not [0-9a-f]{12}; load it again/);
});
