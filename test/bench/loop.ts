/** How long the loop takes from noticing a slow module to a proven replacement that runs as a canary, in wall time of this machine. */
import { busyFeed, nightModules } from '../../cli/night/workload.ts';
import { patchFor, push } from '../../cli/patching.ts';
import type { ModuleProgram } from '../../ebpf/index.ts';
import { Random } from '../../ebpf/random.ts';
import { Ledger, Loop, linkBoard, memoryStore, type Proposer } from '../../evolve/index.ts';
import type { SigningKey } from '../../firmware/sign.ts';
import type { VelocityLink } from '../../link/index.ts';
import { atMost, type Metric, spreadOf } from './metric.ts';

const GOAL_MS = 2000;
const FIRST = new Uint8Array(4);

export type LoopBench = {
  readonly link: VelocityLink;
  readonly key: SigningKey;
  /** As the loop asks them, the shipped model among them. */
  readonly proposers: readonly Proposer[];
  readonly say: (line: string) => void;
};

/** From the detection of one module to the first swap; undefined when nothing was pushed. */
const once = async (
  { link, key, proposers }: LoopBench,
  program: ModuleProgram,
): Promise<number | undefined> => {
  const { name } = program;
  await push(link, await patchFor(link, { name, program }), key, { canary: false });
  await link.mapWrite(`${name}_feed`, FIRST, busyFeed(name, new Random(1)));
  let detected = 0;
  let swapped: number | undefined;
  const loop = new Loop({
    board: linkBoard(link),
    ledger: new Ledger(memoryStore()),
    key,
    proposers,
    attempts: 1,
    watchTimeoutMs: 600_000,
    onEvent: ({ event }) => {
      if (event === 'detect') detected = performance.now();
      if (event === 'swap') swapped ??= performance.now() - detected;
    },
  });
  const detection = { rule: 'bench', cyclesPerCall: 0, threshold: 0, calls: 0, reason: 'measured' };
  await loop.improve({ name, program }, detection);
  return swapped;
};

/** @throws Error when a module got no replacement */
export const loopMetrics = async (bench: LoopBench): Promise<Metric[]> => {
  const times: number[] = [];
  for (const program of await nightModules()) {
    const ms = await once(bench, program);
    if (ms === undefined) throw new Error(`${program.name}: no replacement was pushed`);
    bench.say(`${program.name}: ${Math.round(ms)} ms`);
    times.push(ms);
  }
  const spread = spreadOf(times);
  return [{ ...atMost('detection_to_swap', Math.round(spread.median), 'ms', GOAL_MS), spread }];
};
