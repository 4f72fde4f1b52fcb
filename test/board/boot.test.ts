import { contractId } from '../../abi/index.ts';
import { onEveryBoard, onVirtualBoard } from './bench.ts';

onEveryBoard((it) => {
  it('says_ready_with_version_build_and_model', async (t, { link, console }) => {
    const { version, build, board } = await link.info();
    t.true(
      console.some((line) => line.includes(`velocity ${version} ${build} ready on ${board}`)),
      console.join('\n'),
    );
  });

  it('starts_four_cores', async (t, { link }) => {
    t.is((await link.info()).cores, 4);
  });

  it('shares_the_contract_with_the_host', async (t, { link }) => {
    t.is(Buffer.from((await link.info()).abi).toString('hex'), contractId());
  });

  it('answers_the_standard_groups', async (t, { link }) => {
    t.is(await link.echo('hello'), 'hello');
    t.true((await link.params()).bufSize >= 4096);
    const groups = await link.statGroups();
    t.true(groups.length > 0);
    t.true(Object.keys(await link.stats(groups[0]!)).length > 0);
  });

  it('knows_how_deep_the_stack_of_each_core_was_used', async (t, { link }) => {
    const tasks = Object.values(await link.taskstat());
    t.true(tasks.length > 0);
    for (const { stkuse = 0, stksiz = 0 } of tasks)
      t.true(stkuse > 16 && Number(stkuse) * 2 < stksiz, `${stkuse} of ${stksiz}`);
  });

  it('ticks_without_missing_one', async (t, { link }) => {
    await link.timer(1000);
    let state = await link.timer();
    while (state.ticks < 50n) state = await link.timer();
    t.is(state.missed, 0n);
  });
});

onVirtualBoard('qemu-virt', 'virt_from_el2', { machine: 'virt,gic-version=2,virtualization=on' }, (it) => {
  it('starts_four_cores', async (t, { link }) => {
    t.is((await link.info()).cores, 4);
  });
});

onVirtualBoard('qemu-virt', 'virt_with_gicv3', { machine: 'virt,gic-version=3' }, (it) => {
  it('ticks', async (t, { link }) => {
    t.is((await link.info()).cores, 4);
    let state = await link.timer();
    while (state.ticks < 10n) state = await link.timer();
    t.is(state.missed, 0n);
  });
});
