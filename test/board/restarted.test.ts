/** A board whose reset button is pressed while it is asked for something: what was asked for ends with its banner, and the link goes on. */
import test from 'ava';
import { virtualBoards } from '../../boards/index.ts';
import { startBoard } from '../../cli/virtual.ts';
import { findTool } from '../../firmware/index.ts';
import { RestartedError, VelocityLink } from '../../link/index.ts';
import { freeze, pressReset, thaw, unavailableReason } from '../../rig/index.ts';
import { BOOT_TIMEOUT_MS, patience } from './patience.ts';
import { install, live, timerProgram } from './programs.ts';

type Ask = (link: VelocityLink) => Promise<unknown>;
/** What a board may take its time for. */
const long: Readonly<Record<string, Ask>> = {
  install: (link) => link.install({ ...live, sha: new Uint8Array(32) }),
  bench: (link) => link.bench('telemetry', 1_000_000),
};

for (const board of virtualBoards) {
  const reason = unavailableReason(board, findTool('qemu'));
  if (reason) process.stderr.write(`restarted.test.ts: ${board.name} is skipped, ${reason}\n`);
  (reason ? test.skip : test.serial)(`${board.name}_says_that_it_restarted`, async (t) => {
    t.timeout(4 * BOOT_TIMEOUT_MS);
    const running = await startBoard(board.name, () => {});
    t.teardown(running.stop);
    const link = await VelocityLink.open(running.address, patience);
    t.teardown(() => link.close());
    for (const [what, ask] of Object.entries(long)) {
      await install(link, timerProgram('before', 'r0 = 1\nexit'));
      await freeze(running.control);
      const asked = t.throwsAsync(ask(link), { instanceOf: RestartedError });
      await pressReset(running.control);
      await thaw(running.control);
      t.regex((await asked)!.message, new RegExp(what));
      t.deepEqual(await link.modules(), [], 'it is another start');
    }
  });
}
