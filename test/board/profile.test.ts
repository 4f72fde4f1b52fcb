/** Samples of a virtual board: where a module spends its time, and that its counters and its neighbours go on. */
import type { ProfileSample } from '../../abi/index.ts';
import { onVirtualBoard } from './bench.ts';
import { install, timerProgram } from './programs.ts';

/** Nearly all its time is the loop of slots 2 to 4; the others are executed once. */
const LOOP = ['r0 = 0', 'r1 = 200', 'r0 += r1', 'r1 += -1', 'if r1 != 0 goto -3', 'exit'].join('\n');
const ENOUGH = 40;

onVirtualBoard('qemu-virt', 'profile', {}, (it) => {
  it('finds_the_loop_of_a_module_on_each_core', async (t, { link }) => {
    t.timeout(300_000);
    await install(link, timerProgram('loops', LOOP), { cores: 3 });
    await install(link, timerProgram('waits', 'r0 = 1\nexit'), { cores: 3 });
    await link.profile(1);
    const taken: ProfileSample[] = [];
    const ofLoop = () => taken.filter(({ insn, module }) => module === 1 && insn < 6);
    while (ofLoop().length < ENOUGH) taken.push(...(await link.profile()).samples);
    await link.profile(0);
    const inside = ofLoop().filter(({ insn }) => insn >= 2 && insn <= 4);
    t.true(inside.length >= 0.8 * ofLoop().length, `${inside.length} of ${ofLoop().length}`);
    t.deepEqual([...new Set(ofLoop().map(({ core }) => core))].sort(), [0, 1]);
    t.true(taken.some(({ module, frames }) => module === 0 && frames.length > 1));
    t.true(taken.every(({ module, weight_ns }) => (module === 0) === (weight_ns === 0)));
  });

  it('leaves_modules_and_ticks_as_they_were', async (t, { link }) => {
    t.timeout(300_000);
    const [before] = await link.telemetryAll();
    let [after] = await link.telemetryAll();
    while (after!.calls < before!.calls + 100n) [after] = await link.telemetryAll();
    t.is((await link.profile()).every, 0);
    while ((await link.profile()).samples.length > 0);
    t.is((await link.profile()).samples.length, 0);
    t.deepEqual(
      (await link.modules()).map(({ name, version }) => [name, version]),
      [
        ['loops', 1],
        ['waits', 1],
      ],
    );
  });
});
