/** The kernel starts whatever firmware left in registers that no protocol speaks of. */
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'ava';
import { boardNamed } from '../../boards/index.ts';
import { temporaryFolder } from '../../cli/test/command-line.ts';
import { findTool, readSymbols, requireTool } from '../../firmware/index.ts';
import { VelocityLink } from '../../link/index.ts';
import { startVirtualBoard, unavailableReason } from '../../rig/index.ts';
import { plantedImage } from '../rig/planted.ts';
import { patience } from './patience.ts';

/** The second instruction of an Image leads to its entry (Documentation/arch/arm64/booting.rst). */
const ENTRY = 4;
const branch = (from: number, to: number) => (0x14000000 | (((to - from) >> 2) & 0x3ffffff)) >>> 0;

const spoiledImage = async (): Promise<string> => {
  const path = await plantedImage(temporaryFolder(), 'unknown-registers', 'secondary_entry');
  const { of } = readSymbols(join(dirname(path), 'kernel.elf'));
  const at = (name: string) => Number(of(name)!);
  const image = readFileSync(path);
  if (image.readUInt32LE(ENTRY) !== branch(ENTRY, at('primary_entry')))
    throw new Error('it begins otherwise');
  image.writeUInt32LE(branch(ENTRY, at('spoiled_primary')), ENTRY);
  const end = at('spoiled_primary_end');
  image.writeUInt32LE(branch(end, at('primary_entry')), end);
  writeFileSync(path, image);
  return path;
};

let spoiled: Promise<string> | undefined;

const board = boardNamed('qemu-virt');
const reason = unavailableReason(board, findTool('qemu'));

/** The Cortex-A76 of a Pi 5 is the first of the boards' cores that has HCR_EL2.E2H. */
for (const machine of [
  'virt,gic-version=2',
  'virt,gic-version=2,virtualization=on',
  'virt,gic-version=3,virtualization=on',
]) {
  if (reason) {
    test.skip(`${machine} is skipped: ${reason}`, () => {});
    continue;
  }
  test.serial(`all_cores_start_with_unknown_registers_on_${machine}`, async (t) => {
    t.timeout(300_000);
    spoiled ??= spoiledImage();
    const image = await spoiled;
    const options = { machine, extra: ['-cpu', 'cortex-a76'] };
    const running = await startVirtualBoard({ board, image, qemu: requireTool('qemu'), ...options });
    t.teardown(running.stop);
    const link = await VelocityLink.open(running.address, patience);
    t.teardown(() => link.close());
    t.is((await link.info()).cores, 4);
    await link.timer(1000);
    let state = await link.timer();
    while (state.ticks < 20n) state = await link.timer();
    t.is(state.missed, 0n);
    t.true((await link.bench('telemetry', 10)).cycles >= 0n);
  });
}
