import type { ExecutionContext } from 'ava';
import { statusNamed } from '../../abi/index.ts';
import type { BoardEvent, VelocityLink } from '../../link/index.ts';
import { onEveryBoard } from './bench.ts';
import { install, timerProgram } from './programs.ts';

const looping = (times: number) =>
  timerProgram('watched', `r2 = ${times}\nr2 += -1\nif r2 != 0 goto -2\nr0 = 7\nexit`);
const quick = looping(50);
const slow = looping(2000);
const quicker = timerProgram('watched', 'r0 = 7\nexit');
const different = timerProgram('watched', 'r0 = 8\nexit');

const canary = { canary: true, window: 32, ratio: 1000 };
const LONGEST_WAIT_MS = 180_000;

const verdict = async (t: ExecutionContext, link: VelocityLink, since: bigint): Promise<BoardEvent> => {
  const deadline = AbortSignal.timeout(LONGEST_WAIT_MS);
  for await (const event of link.events(since, { follow: true, signal: deadline })) {
    if (event.name === 'watched' && ['promoted', 'rolled_back'].includes(event.kind)) return event;
  }
  return t.fail('the board gave no verdict') as never;
};

const latest = async (link: VelocityLink): Promise<bigint> => {
  let seq = 0n;
  for await (const event of link.events()) seq = event.seq;
  return seq;
};

const baseline = async (link: VelocityLink) => {
  await install(link, quick);
  while ((await link.telemetryAll())[0]!.calls < 64n) await link.timer();
};

onEveryBoard((it) => {
  it('takes_a_slower_canary_back_by_itself_and_keeps_the_evidence', async (t, { link }) => {
    await baseline(link);
    const since = await latest(link);
    await install(link, slow, {}, canary);
    const event = await verdict(t, link, since);
    t.is(event.kind, 'rolled_back');
    t.true(event.after > event.before);
    t.is((await link.modules())[0]?.version, 1);
    const [evidence] = await link.evidenceAll();
    t.is(evidence?.version, 2);
    t.true(evidence!.calls > 0n);
    await link.evidenceAck(evidence!.id);
    t.deepEqual(await link.evidenceAll(), []);
  });

  it('promotes_a_canary_that_costs_what_its_predecessor_does', async (t, { link, control }) => {
    const since = await latest(link);
    // Caches of a real board are not alike for two copies of a program.
    const ratio = control === undefined ? 1050 : canary.ratio;
    await install(link, quick, {}, { ...canary, ratio });
    const event = await verdict(t, link, since);
    t.is(event.kind, 'promoted');
  });

  it('promotes_a_faster_canary_without_missing_a_tick', async (t, { link }) => {
    const { missed } = await link.timer();
    const since = await latest(link);
    await install(link, quicker, {}, canary);
    const event = await verdict(t, link, since);
    t.is(event.kind, 'promoted');
    t.true(event.after < event.before);
    t.is((await link.timer()).missed, missed);
  });

  it('takes_a_canary_back_whose_results_differ_in_shadow_mode', async (t, { link }) => {
    const since = await latest(link);
    await install(link, different, {}, { ...canary, ratio: 10_000, shadow: true });
    const event = await verdict(t, link, since);
    t.is(event.kind, 'rolled_back');
    t.is(event.reason, statusNamed('canary_disagreed').code);
  });
});
