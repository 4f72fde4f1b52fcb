/** The kernel starts with the device trees that boards have from their loaders, not only with those of dts/. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { findTool, paths } from '../../firmware/index.ts';
import { compileTree } from '../../kernel-aarch64/test/native/build.ts';
import { onVirtualBoard } from './bench.ts';
import { loaderTrees } from './loader-trees.ts';
import { virtSource } from './virt-tree.ts';

const { missing, path } = loaderTrees();

/** The console: 0 the PL011, 1 the mini-UART, as on the boards whose PL011 is that of Bluetooth. */
const trees = [
  ['rpi4b', 'broadcom/bcm2711-rpi-4-b', 1, 'Raspberry Pi 4 Model B'],
  ['rpi4b', 'broadcom/bcm2711-rpi-400', 1, 'Raspberry Pi 400'],
  ['rpi4b', 'broadcom/bcm2711-rpi-cm4-io', 1, 'Raspberry Pi Compute Module 4'],
  ['rpi3b', 'broadcom/bcm2837-rpi-3-b', 1, 'Raspberry Pi 3 Model B'],
  ['rpi3b', 'broadcom/bcm2837-rpi-3-a-plus', 1, 'Raspberry Pi 3 Model A'],
  ['rpi3b', 'broadcom/bcm2837-rpi-zero-2-w', 1, 'Raspberry Pi Zero 2 W'],
  ['rpi3b', 'broadcom/bcm2837-rpi-cm3-io3', 0, 'Raspberry Pi Compute Module 3'],
] as const;

for (const [board, tree, uart, model] of trees) {
  if (missing || !existsSync(path(tree))) {
    test.skip(`${tree} is skipped: ${missing ?? 'the newest kernel of Debian has no such tree'}`, () => {});
    continue;
  }
  onVirtualBoard(board, tree, { dtb: path(tree), uart }, (it) => {
    it('starts_all_cores_and_ticks', async (t, { link }) => {
      const info = await link.info();
      t.true(info.board.startsWith(model), info.board);
      t.is(info.cores, 4);
      await link.timer(1000);
      let state = await link.timer();
      while (state.ticks < 20n) state = await link.timer();
      t.is(state.missed, 0n);
    });
  });
}

const known = readFileSync(join(paths.dts, 'rpi4b.dts'), 'utf8').replace('/dts-v1/;', '');
const unknown = known.replace('interrupts = <0 121 4>;', '');

onVirtualBoard('rpi4b', 'console_without_interrupt', { dtb: compileTree('polled', unknown) }, (it) => {
  it('is_polled', async (t, { link, console }) => {
    t.not(unknown, known);
    t.is(await link.echo('hello'), 'hello');
    t.true(console.some((line) => line.includes('console (polled: its interrupt is not known), time')));
  });
});

const beyond = known.replaceAll(/cpu-release-addr = <[^>]*>/g, 'cpu-release-addr = <0xffffffff 0xfffffff8>');

onVirtualBoard(
  'rpi4b',
  'release_addresses_beyond_all_memory',
  { dtb: compileTree('beyond', beyond) },
  (it) => {
    it('start_no_core', async (t, { link, console }) => {
      t.not(beyond, known);
      t.is((await link.info()).cores, 1);
      t.true(console.some((line) => /start of the other cores \(status \d+, going on without\)/.test(line)));
    });
  },
);

/** In which the cores have the address of a spin table as well: as TF-A leaves that of a Pi 4. */
const bothWays = (): string => {
  const spinning = 'enable-method = "spin-table"; cpu-release-addr = <0 0x40001000>;';
  return compileTree('both-ways', virtSource().replaceAll('enable-method = "psci";', spinning));
};

if (findTool('qemu')) {
  onVirtualBoard('qemu-virt', 'spin_table_beside_psci', { dtb: bothWays() }, (it) => {
    it('starts_all_cores_by_psci', async (t, { link }) => {
      t.is((await link.info()).cores, 4);
    });
  });
}
