import test from 'ava';
import { hooks } from '../abi/index.ts';
import { assemble, type ModuleProgram } from '../ebpf/index.ts';
import { nightmare } from './nightmare.ts';

const table = { name: 't', type: 2, keySize: 4, valueSize: 8, maxEntries: 1, flags: 0 };
/** Turns as often as the first byte of its map says, when the second one is 0x5a. */
const picky: ModuleProgram = {
  name: 'picky',
  section: 'timer',
  hook: 'timer',
  hookId: hooks.timer.id,
  maps: [table],
  code: assemble(`
    *(u32 *)(r10 - 4) = 0
    r1 = map 0 ll
    r2 = r10
    r2 += -4
    call map_lookup_elem
    if r0 == 0 goto none
    r2 = *(u8 *)(r0 + 0)
    r3 = *(u8 *)(r0 + 1)
    if r3 != 0x5a goto none
  again:
    if r2 == 0 goto none
    r2 += -1
    goto again
  none:
    r0 = 0
    exit`),
};

test('the_input_that_makes_a_module_work_hardest_is_found', async (t) => {
  const found = await nightmare(picky, { runs: 4000, seed: 3 });
  t.true(found.worst <= found.bound, `${found.worst} of ${found.bound}`);
  t.true(found.worst > found.bound * 0.8, `${found.worst} of ${found.bound}`);
  t.true(found.worst > found.mean * 2);
  t.is(found.fault, undefined);
  const value = [...(found.input.maps?.[0]?.values() ?? [])][0]!;
  t.is(value[1], 0x5a);
});

test('a_program_that_the_verifier_refuses_is_not_run', async (t) => {
  await t.throwsAsync(nightmare({ ...picky, code: assemble('r0 = *(u64 *)(r1 + 4096)\n exit') }), {
    message: /refused by the verifier/,
  });
});
