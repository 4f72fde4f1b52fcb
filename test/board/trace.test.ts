/** Single runs of hooks, as a virtual board records them: they agree with its counters, and it never loses count of them. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { type HookRun, hooks, PROBE_UNREAD_LIMIT } from '../../abi/index.ts';
import { temporaryFolder } from '../../cli/test/command-line.ts';
import { assemble, type ModuleProgram } from '../../ebpf/index.ts';
import { RefusedError, type VelocityLink } from '../../link/index.ts';
import { BoardReader, PerfettoTrace } from '../../monitor/index.ts';
import { readTrace, whyNoPerfetto } from '../monitor/perfetto.ts';
import { onVirtualBoard } from './bench.ts';
import { install, timerProgram } from './programs.ts';

/** Returns the number of the core's tick, so that results tell which calls are missing. */
const TICK = 'r0 = *(u64 *)(r1 + 0)\nexit';
const SLOW = ['r6 = *(u64 *)(r1 + 0)', 'r1 = 100', 'r1 += -1', 'if r1 != 0 goto -2', 'r0 = r6', 'exit'].join(
  '\n',
);
const PASS = 'r0 = 2\nexit';
const NONE = { calls: 0, cycles: 0 };

type Taken = { readonly runs: HookRun[]; lost: number; on: boolean };

/** All that was recorded before it is asked for. */
const takeAll = async (link: VelocityLink, into: Taken): Promise<void> => {
  for (let until: bigint | undefined; ; ) {
    const { runs, lost, time_ns, on } = await link.trace();
    until ??= time_ns;
    into.runs.push(...runs);
    into.lost = Number(lost);
    into.on = on;
    if (runs.every(({ begin_ns }) => begin_ns >= until!)) return;
  }
};

const grouped = (runs: readonly HookRun[], key: (run: HookRun) => string) => {
  const groups = new Map<string, HookRun[]>();
  for (const run of runs) groups.set(key(run), [...(groups.get(key(run)) ?? []), run]);
  return groups;
};

const onCores = (runs: readonly HookRun[]) => grouped(runs, ({ core }) => `core ${core}`);
const ofModules = (runs: readonly HookRun[]) => grouped(runs, ({ module, core }) => `${module} on ${core}`);

/** What modules of the timer hook were called so far, and the cycles of that, by their counters. */
const counted = async (link: VelocityLink) =>
  (await link.telemetryAll())
    .filter(({ name }) => name !== 'frames')
    .reduce(
      (sum, { calls, cycles }) => ({ calls: sum.calls + Number(calls), cycles: sum.cycles + Number(cycles) }),
      NONE,
    );

const noneOverlap = (t: ExecutionContext, runs: readonly HookRun[]) => {
  for (const [core, ran] of onCores(runs))
    for (const [i, { begin_ns }] of ran.entries()) {
      const before = ran[i - 1];
      if (before && begin_ns < before.begin_ns + before.took_ns)
        return t.fail(`two at ${begin_ns} on ${core}`);
    }
};

/** Ticks of a module on a core that no run is of, between its first and its last. */
const missing = (runs: readonly HookRun[]) =>
  [...ofModules(runs).values()].reduce(
    (sum, ran) => sum + Number(ran.at(-1)!.result - ran[0]!.result) + 1 - ran.length,
    0,
  );

/** Until a core that runs two of four modules has run them more often than is kept for nobody, so many times. */
const unread = async (link: VelocityLink, times = 3) => {
  const before = await counted(link);
  let now = before;
  while (now.calls < before.calls + times * PROBE_UNREAD_LIMIT) now = await counted(link);
};

const refused = (t: ExecutionContext, call: Promise<unknown>, text: RegExp) =>
  t.throwsAsync(call, { instanceOf: RefusedError, message: text });

onVirtualBoard('qemu-virt', 'trace', {}, (it) => {
  const taken: Taken = { runs: [], lost: 0, on: false };

  it('of_frames_is_each_call_with_its_cycles_and_result', async (t, { link }) => {
    t.timeout(300_000);
    t.false((await link.trace()).on);
    const frames: ModuleProgram = {
      ...timerProgram('frames', ''),
      section: 'packet',
      hook: 'packet',
      hookId: hooks.packet.id,
    };
    await install(link, { ...frames, code: assemble(PASS) });
    t.true((await link.trace(true)).on);
    for (let i = 0; i < 20; i++) await link.inject(new Uint8Array(64));
    const { runs, lost } = await link.trace(false);
    const [counters] = await link.telemetryAll();
    t.deepEqual([runs.length, lost], [20, 0n]);
    t.is(BigInt(runs.length), counters!.calls);
    t.is(
      runs.reduce((sum, { cycles }) => sum + cycles, 0n),
      counters!.cycles,
    );
    t.true(
      runs.every(({ core, hook, result, faulted }) => core === 0 && hook === 2 && result === 2n && !faulted),
    );
    await link.inject(new Uint8Array(64));
    t.deepEqual((await link.trace()).runs, []);
  });

  it('marks_runs_that_fault', async (t, { link }) => {
    t.timeout(300_000);
    await link.trace(true);
    const { n } = await link.request('bench', { what: 'fault', n: 3 });
    const { runs } = await link.trace(false);
    const faulted = runs.filter((run) => run.faulted);
    t.deepEqual([n, faulted.length], [3, 3]);
    t.true(faulted.every(({ hook, result, cycles }) => hook === 1 && result === 0n && cycles === 0n));
    t.is(new Set(faulted.map(({ version }) => version)).size, 3);
  });

  it('of_two_modules_on_three_cores_agrees_with_their_counters', async (t, { link }) => {
    t.timeout(300_000);
    await link.trace(true);
    await install(link, timerProgram('ticks', TICK), { cores: 3 });
    await install(link, timerProgram('slow', SLOW), { cores: 6 });
    while (ofModules(taken.runs).size < 4 || taken.runs.length < 500) await takeAll(link, taken);
    const least = taken.runs.length;
    const cyclesBefore = taken.runs.reduce((sum, { cycles }) => sum + Number(cycles), 0);
    const { calls, cycles } = await counted(link);
    await takeAll(link, taken);
    t.true(
      least <= calls && calls <= taken.runs.length + taken.lost,
      `${least}, ${calls}, ${taken.runs.length}`,
    );
    t.true(cyclesBefore <= cycles);
    noneOverlap(t, taken.runs);
    t.true(missing(taken.runs) <= taken.lost, `${missing(taken.runs)} of ${taken.lost}`);
    t.deepEqual([...onCores(taken.runs).keys()].sort(), ['core 0', 'core 1', 'core 2']);
  });

  it('counts_what_it_overwrote', async (t, { link }) => {
    t.timeout(300_000);
    const before = await counted(link);
    let after = before;
    while (after.calls < before.calls + 8000) after = await counted(link);
    await takeAll(link, taken);
    const { calls } = await counted(link);
    t.true(taken.lost > 8000 - 3 * 512, `${taken.lost} lost`);
    t.true(taken.runs.length + taken.lost >= after.calls);
    await takeAll(link, taken);
    t.true(taken.runs.length + taken.lost >= calls);
    noneOverlap(t, taken.runs);
    t.true(missing(taken.runs) <= taken.lost && missing(taken.runs) > 4000);
    t.true(taken.on);
  });

  it('is_told_as_slices_on_cores', async (t, { link }) => {
    t.timeout(300_000);
    const pieces: Buffer[] = [];
    const trace = new PerfettoTrace((bytes) => pieces.push(bytes));
    let told = 0;
    const reader = new BoardReader((entry) => trace.take({ port: 'virt', entry }), {
      intervalMs: 10,
      count: 3,
      onRuns: (some) => {
        told += some.runs.length;
        trace.takeRuns('virt', some);
      },
    });
    await reader.follow(link, new AbortController().signal);
    trace.close();
    t.false((await link.trace()).on);
    if (whyNoPerfetto) return t.log(whyNoPerfetto);
    const path = join(temporaryFolder(), 'runs.pftrace');
    writeFileSync(path, Buffer.concat(pieces));
    const slices = readTrace(path).slices.filter(({ track }) => /^core\d runs$/.test(track));
    t.is(slices.length, told);
    t.deepEqual([...new Set(slices.map(({ name }) => name))].sort(), ['slow v1', 'ticks v1']);
  });

  it('and_a_profile_exclude_each_other', async (t, { link }) => {
    await link.trace(true);
    await refused(t, link.profile(8), /runs are being recorded/);
    await link.trace(false);
    await link.profile(8);
    await refused(t, link.trace(true), /a profile is being taken/);
    await link.trace(false);
    t.is((await link.profile()).every, 8);
    await link.profile(0);
    t.true((await link.trace(true)).on);
  });

  it('and_a_profile_end_by_themselves_when_nobody_reads_them', async (t, { link }) => {
    t.timeout(480_000);
    await link.timer(50);
    await unread(link);
    t.false((await link.trace()).on);
    await link.profile(1);
    // Of a call that took long once, as on a busy machine, the moment looked at lies behind the end of most others: fewer samples.
    for (let times = 3; (await link.profile()).every !== 0; times *= 4) {
      t.true(times < 1000);
      await unread(link, times);
    }
  });
});
