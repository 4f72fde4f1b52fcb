/** Single runs on the line: what is written is read again, and what no board writes is refused. */
import test from 'ava';
import { CodecError } from './codec.ts';
import { decodeRuns, encodeRuns, type HookRun, RUN_BYTES, RUN_CORES, RUN_HOOKS } from './trace.ts';

const run: HookRun = {
  core: 3,
  hook: 1,
  faulted: false,
  begin_ns: 1_000_000n,
  took_ns: 320n,
  cycles: 271n,
  module: 5,
  version: 2,
  result: 7n,
};

test('runs_are_read_as_they_were_written', (t) => {
  const runs: HookRun[] = [
    run,
    { ...run, begin_ns: 2_000_000n, faulted: true, result: 2n ** 64n - 1n },
    { ...run, core: RUN_CORES - 1, hook: RUN_HOOKS - 1, begin_ns: 0n, result: 2n ** 63n },
    { ...run, module: 0xffff_ffff, version: 0xffff_ffff, cycles: 0xffff_ffffn },
  ];
  t.deepEqual(decodeRuns(encodeRuns(runs, 3_000_000n), 3_000_000n), runs);
  t.deepEqual(decodeRuns(new Uint8Array(0), 3n), []);
});

test('the_next_run_of_a_module_at_1_kHz_takes_at_most_12_bytes_and_none_more_than_stated', (t) => {
  const size = (runs: HookRun[], time_ns: bigint) => encodeRuns(runs, time_ns).length;
  t.true(size([run, { ...run, begin_ns: 2_000_000n }], 2_000_000n) - size([run], 2_000_000n) <= 12);
  const most = { ...run, begin_ns: 2n ** 63n, took_ns: 2n ** 63n - 1n, cycles: 2n ** 62n, result: 2n ** 63n };
  t.true(size([most], 0n) <= RUN_BYTES);
});

for (const [name, data] of Object.entries({
  cut_off: encodeRuns([run], 0n).subarray(0, -1),
  with_nothing_behind_the_first_byte: Uint8Array.of(2),
  that_never_ends: Uint8Array.of(2, ...new Array<number>(12).fill(0xff)),
  with_a_time_below_0: Uint8Array.of(2, 0, 1, 0, 0, 0, 0),
}))
  test(`data_${name}_is_refused`, (t) => {
    t.throws(() => decodeRuns(data, 0n), { instanceOf: CodecError });
  });
