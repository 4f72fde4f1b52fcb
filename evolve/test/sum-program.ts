/** A module that adds up 16 bytes of its map in a loop: something for the loop to improve. */
import { hooks } from '../../abi/index.ts';
import { assemble, type ModuleProgram } from '../../ebpf/index.ts';

export const table = { name: 't', type: 2, keySize: 4, valueSize: 32, maxEntries: 1, flags: 0 };
export const code = assemble(`
  *(u32 *)(r10 - 4) = 0
  r1 = map 0 ll
  r2 = r10
  r2 += -4
  call map_lookup_elem
  if r0 == 0 goto none
  r6 = 0
  r2 = 0
again:
  r3 = r0
  r3 += r2
  r3 = *(u8 *)(r3 + 0)
  r6 += r3
  r2 += 1
  if r2 != 16 goto again
  r0 = r6
  exit
none:
  r0 = 0
  exit`);
export const program: ModuleProgram = {
  name: 'sum',
  section: 'timer',
  hook: 'timer',
  hookId: hooks.timer.id,
  code,
  maps: [table],
};
