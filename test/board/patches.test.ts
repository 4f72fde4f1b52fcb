import type { ExecutionContext } from 'ava';
import { assemble } from '../../ebpf/index.ts';
import { RefusedError } from '../../link/index.ts';
import { onEveryBoard } from './bench.ts';
import {
  devKey,
  exampleModule,
  install,
  installBytes,
  patchFor,
  signPatch,
  strangersKey,
  timerProgram,
} from './programs.ts';

const refused = async (t: ExecutionContext, status: string, work: Promise<unknown>) => {
  const error = await t.throwsAsync(work, { instanceOf: RefusedError });
  t.is(error?.status, status, error?.message);
  return error;
};

const two = timerProgram('trust', 'r0 = 2\nexit');
const three = timerProgram('trust', 'r0 = 3\nexit');

onEveryBoard((it) => {
  it('refuses_a_flipped_bit_anywhere_in_the_patch', async (t, { link }) => {
    const bytes = signPatch(await patchFor(link, { program: two, name: 'trust' }), devKey());
    for (const at of [12, bytes.length >> 1, bytes.length - 1]) {
      const flipped = Uint8Array.from(bytes);
      flipped[at]! ^= 0x10;
      await t.throwsAsync(installBytes(link, flipped), { instanceOf: RefusedError });
    }
    t.deepEqual(await link.modules(), []);
  });

  it('refuses_the_signature_of_another_key', async (t, { link }) => {
    const patch = await patchFor(link, { program: two, name: 'trust' });
    await refused(t, 'unknown_key', installBytes(link, signPatch(patch, strangersKey())));
  });

  it('refuses_what_is_not_cose', async (t, { link }) => {
    await refused(t, 'not_cose', installBytes(link, Uint8Array.of(1, 2, 3)));
  });

  it('refuses_a_patch_for_another_board_class_or_hook', async (t, { link }) => {
    await refused(t, 'wrong_board', install(link, two, { board_class: 'riscv64' }));
    await refused(t, 'unknown_hook', install(link, two, { hook: 99 }));
  });

  it('refuses_replays_older_sequences_and_wrong_parents', async (t, { link }) => {
    const patch = await patchFor(link, { program: two, name: 'trust' });
    const bytes = signPatch(patch, devKey());
    await installBytes(link, bytes);
    await refused(t, 'replayed', installBytes(link, bytes));
    await refused(t, 'older_sequence', install(link, three, { sequence: patch.sequence - 1n }));
    await refused(t, 'wrong_parent', install(link, three, { parent: new Uint8Array(32) }));
    t.is((await link.modules())[0]?.version, 1);
  });

  it('lets_every_core_fetch_anew_before_new_code_is_reached', async (t, { link }) => {
    const wakeups = async () => Object.values(await link.taskstat()).map((task) => Number(task.cswcnt));
    const before = await wakeups();
    await install(link, timerProgram('anew', 'r0 = 0\nexit'));
    const after = await wakeups();
    await link.remove('anew');
    for (const [core, count] of after.entries()) if (core > 0) t.true(count > before[core]!, `core ${core}`);
  });

  it('refuses_an_unsafe_program_with_its_instruction', async (t, { link }) => {
    const unsafe = timerProgram('unsafe', 'r2 = 1\nr0 = *(u64 *)(r1 + 4096)\nexit');
    const error = await refused(t, 'context_out_of_bounds', install(link, unsafe));
    t.is(error?.insn, 1);
  });

  it('refuses_a_program_over_the_budget_of_its_hook', async (t, { link }) => {
    const long = 'r0 = 0\nr1 = 30000\nr0 += r1\nr1 += -1\nif r1 != 0 goto -3\nexit';
    await refused(t, 'over_budget', install(link, timerProgram('long', long)));
  });

  it('refuses_a_single_run_over_its_budget', async (t, { link }) => {
    const turns = 'r0 = 0\nr6 = 1\nr6 <<= 40\nr6 += -1\nif r6 != 0 goto -2\nexit';
    // In the form of bpf/checker/format.h: r6 is any from 1 to 2^40 where the loop begins, which it ranks.
    const loop = [10, 64, 64, 1, 0, 4, 1, 255, 255, 255, 255, 255, 31, 3, 6, 1, 2];
    const certificate = Uint8Array.of(3, 8, 8, ...loop, 0, 8);
    const program = { jit: true, code: assemble(turns), mem: new Uint8Array(8), certificate };
    await refused(t, 'over_budget', link.runProgram(program));
  });

  it('goes_back_to_the_previous_version_and_forward_only_by_a_new_patch', async (t, { link }) => {
    t.is((await install(link, three)).version, 2);
    t.is((await link.rollback('trust')).version, 1);
    await refused(t, 'no_previous', link.rollback('trust'));
    await link.remove('trust');
    await refused(t, 'no_entry', link.remove('trust'));
  });

  it('keeps_the_state_of_maps_across_versions', async (t, { link }) => {
    const fibonacci = await exampleModule('fibonacci');
    await install(link, fibonacci);
    const key = (n: number) => Uint8Array.of(n, 0, 0, 0);
    await link.mapWrite('fibonacci', key(0), Buffer.from('0a00000000000000', 'hex'));
    await install(link, fibonacci);
    t.is(Buffer.from((await link.mapRead('fibonacci', key(0))).value).readBigUInt64LE(), 10n);
    while ((await link.telemetryAll())[0]!.calls < 2n) await link.timer();
    t.is(Buffer.from((await link.mapRead('fibonacci', key(1))).value).readBigUInt64LE(), 55n);
    await link.remove('fibonacci');
  });
});
