/** Short lives of modules, always the same; `velocity fuzz --target modules` goes on as long as asked. */
import test from 'ava';
import { boardNamed } from '../../../boards/index.ts';
import { findTool } from '../../../firmware/index.ts';
import { unavailableReason } from '../../../rig/index.ts';
import { fuzz } from '../fuzz.ts';
import { targets } from '../targets.ts';

const COMMANDS = 300;
const reason = unavailableReason(boardNamed('qemu-virt'), findTool('qemu'));

(reason ? test.skip : test)('a_board_answers_and_tells_what_a_model_of_it_has', async (t) => {
  t.timeout(600_000);
  const { ok, runs, report, details } = await fuzz(targets.modules!, { runs: COMMANDS, seed: 1 });
  t.true(ok, report);
  t.is(runs, COMMANDS);
  for (const answer of ['ok', 'frame', 'replayed', 'canary_running', 'no_previous', 'map_shape'])
    t.true((details?.[answer] ?? 0) > 0, `no command was answered with ${answer}`);
});
