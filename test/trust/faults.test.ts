/** A module that faults costs nobody else anything: it is caught, named, rolled back and reported, every time. */

import { injectFaults } from '../bench/faults.ts';
import { onVirtualBoard } from '../board/bench.ts';
import { install, timerProgram } from '../board/programs.ts';

const FAULTS = 1000;

onVirtualBoard('qemu-virt', 'trust', {}, (it) => {
  it(`${FAULTS}_faults_are_caught_and_each_is_reported_correctly`, async (t, { link }) => {
    await install(link, timerProgram('bystander', 'r0 = 2\nexit'));
    const { missed } = await link.timer();
    const before = (await link.telemetryAll())[0]!;
    t.deepEqual(await injectFaults(link, FAULTS), { caught: FAULTS, correct: FAULTS });
    const [module] = await link.modules();
    t.is(module?.version, 1, 'the module beside them runs on');
    t.true((await link.telemetryAll())[0]!.calls > before.calls + BigInt(FAULTS));
    t.is((await link.timer()).missed, missed);
    t.deepEqual(await link.evidenceAll(), []);
  });
});
