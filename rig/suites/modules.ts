/** Modules come, run, keep their state, and leave nothing behind. */
import { verdicts } from '../../abi/index.ts';
import { RefusedError } from '../../link/index.ts';
import { CauseError } from '../cause.ts';
import { expectNothingLeft, heldEmpty } from './leftovers.ts';
import { freshTickCount, holding, oddFilter, returning, tickCounter, tickCountOf } from './programs.ts';
import { type Bench, suite } from './suite.ts';

const KEY = new Uint8Array(4);
const MARK = 0x5eed_cafe_f00dn;

const called = async ({ link }: Bench, name: string, times: bigint) => {
  for (;;) {
    const found = (await link.telemetryAll()).find((module) => module.name === name);
    if (!found) throw new CauseError('wrong_answer', `module ${name} was installed and is not there`);
    if (found.calls >= times) return found;
  }
};

export const modulesSuite = suite('modules', [
  {
    name: 'a_module_runs_on_the_timer_and_is_counted',
    run: async (t, bench) => {
      const done = await bench.install(returning('rig_seven', 7));
      t.true(done.bound > 0n && done.jit_bytes > 0);
      const { last_result, min, max, histogram, calls } = await called(bench, 'rig_seven', 20n);
      t.is(last_result, 7n);
      t.true(min <= max);
      t.true(BigInt(histogram.reduce((sum, count) => sum + count, 0)) >= calls - 1n);
      await bench.remove('rig_seven');
      t.deepEqual(await bench.link.modules(), []);
    },
  },
  {
    name: 'a_module_judges_packets',
    run: async (t, bench) => {
      await bench.install(oddFilter('rig_odd'));
      for (const [first, verdict] of [
        [2, verdicts.pass],
        [3, verdicts.drop],
      ] as const) {
        t.is((await bench.link.inject(Uint8Array.of(first, ...Buffer.alloc(59)))).verdict, verdict);
      }
      await bench.remove('rig_odd');
      t.is(
        (await bench.link.inject(Buffer.alloc(60, 3))).verdict,
        verdicts.pass,
        'without a module frames pass',
      );
    },
  },
  {
    name: 'the_state_of_maps_outlives_versions',
    run: async (t, bench) => {
      await bench.install(tickCounter('rig_kept', 1));
      await bench.link.mapWrite('rig_kept_ticks', KEY, freshTickCount(MARK));
      for (let version = 2; version <= 6; version++) {
        await bench.install(tickCounter('rig_kept', version));
        await called(bench, 'rig_kept', 3n);
      }
      const { mark, count } = tickCountOf((await bench.link.mapRead('rig_kept_ticks', KEY)).value);
      if (mark !== MARK)
        throw new CauseError('loses_state', `a number in map rig_kept_ticks changed from ${MARK} to ${mark}`);
      t.true(count >= 15n);
      await bench.remove('rig_kept');
    },
  },
  {
    name: 'rolling_back_brings_the_version_before',
    run: async (t, bench) => {
      await bench.install(returning('rig_back', 1));
      await bench.install(returning('rig_back', 2));
      t.is((await bench.link.rollback('rig_back')).version, 1);
      t.is((await called(bench, 'rig_back', 3n)).last_result, 1n);
      const error = await t.throwsAsync(bench.link.rollback('rig_back'), { instanceOf: RefusedError });
      t.is(error?.status, 'no_previous');
      await bench.remove('rig_back');
    },
  },
  {
    name: 'removed_modules_give_back_all_they_held',
    run: async (t, bench) => {
      const before = await heldEmpty(bench);
      for (let version = 1; version <= 8; version++)
        await bench.install(holding('rig_held', 'rig_held_map', version));
      await called(bench, 'rig_held', 3n);
      await bench.remove('rig_held');
      await expectNothingLeft(bench.link, 'rig_held', before);
      t.deepEqual(await bench.link.modules(), []);
    },
  },
]);
