/** `tsx firmware/build-kernel.ts`: builds the kernel and every board's device tree, for use without the velocity command. */
import { boards } from '../boards/index.ts';
import { compileDeviceTree } from './device-tree.ts';
import { buildKernel } from './kernel.ts';

for (const board of Object.values(boards)) {
  if (board.dts) await compileDeviceTree(board.dts);
}
process.stdout.write(`${JSON.stringify(await buildKernel(), null, 2)}\n`);
