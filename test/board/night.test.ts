/** The recorded night in short, with nobody to propose anything: whatever changes is noticed, and only that. */
import test from 'ava';
import { boardNamed } from '../../boards/index.ts';
import { recordNight } from '../../cli/night/night.ts';
import { nightModules } from '../../cli/night/workload.ts';
import { startBoard } from '../../cli/virtual.ts';
import { findTool } from '../../firmware/index.ts';
import { chosenKey } from '../../firmware/sign.ts';
import { VelocityLink } from '../../link/index.ts';
import { unavailableReason } from '../../rig/index.ts';
import { patience } from './patience.ts';

const BOARD = 'qemu-virt';
const reason = unavailableReason(boardNamed(BOARD), findTool('qemu'));
if (reason) process.stderr.write(`night.test.ts: skipped, ${reason}\n`);

(reason ? test.skip : test)('every_shift_of_the_night_is_noticed', async (t) => {
  t.timeout(600_000);
  const board = await startBoard(BOARD);
  t.teardown(board.stop);
  const link = await VelocityLink.open(board.address, patience);
  t.teardown(() => link.close());
  const changed = new Set<string>();
  const night = await recordNight(link, {
    programs: await nightModules(),
    key: chosenKey(),
    proposers: [],
    minutes: 0.2,
    periodUs: 1000,
    seed: 1,
    signal: new AbortController().signal,
    onEvent: (event) => {
      if (event.event === 'shift') changed.add(event.module);
      if (event.event === 'detect') t.true(changed.has(event.module), `${event.module}: ${event.reason}`);
    },
    progress: () => {},
  });
  const noticed = night.moments.flatMap(({ event }) => (event.event === 'detect' ? [event.module] : []));
  t.is(changed.size, 8);
  t.deepEqual([...new Set(noticed)].sort(), [...changed].sort());
  t.is(night.missed, 0);
});
