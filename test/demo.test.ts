import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { virtualBoards } from '../boards/index.ts';
import { findTool, root } from '../firmware/index.ts';
import { unavailableReason } from '../rig/index.ts';

type Event = { readonly event: string } & Record<string, unknown>;

const demo = async (board: string): Promise<Event[]> => {
  const run = promisify(execFile)(join(root, 'velocity'), ['demo', '--board', board, '--json'], {
    timeout: 240_000,
  });
  const { stdout } = await run;
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Event);
};

for (const board of virtualBoards) {
  const reason = unavailableReason(board, findTool('qemu'));
  if (reason) {
    test.skip(`the_demonstration_on_${board.name} is skipped: ${reason}`, () => {});
    continue;
  }
  test.serial(`the_demonstration_on_${board.name}_goes_all_the_way`, async (t) => {
    const events = await demo(board.name);
    const kinds = new Set(events.map((e) => e.event));
    for (const kind of [
      'boot',
      'telemetry',
      'detect',
      'proposal',
      'swap',
      'promoted',
      'refused',
      'rollback',
    ]) {
      t.true(kinds.has(kind), `no ${kind} among ${[...kinds]}`);
    }
    const summary = events.at(-1)!;
    t.is(summary.event, 'summary');
    t.true(summary.ok);
    t.is(summary.missed_ticks, 0);
    t.true(Number(summary.cycles_after) < Number(summary.cycles_before));
  });
}
