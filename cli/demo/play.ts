/** The demonstration: one patch's whole way on one board, then an unsafe and a slower one that do not make it. */
import type { ModuleProgram } from '../../ebpf/index.ts';
import {
  type Detection,
  Detector,
  type EventListener,
  Ledger,
  Loop,
  linkBoard,
  makeSlower,
  makeUnsafe,
  memoryStore,
  overBudget,
  type Proposer,
} from '../../evolve/index.ts';
import type { SigningKey } from '../../firmware/sign.ts';
import { RefusedError, type Telemetry, type VelocityLink } from '../../link/index.ts';
import { patchFor, push } from '../patching.ts';
import { BUDGET_CYCLES, cyclesPerCall, loadModule, MODULE, settledTelemetry } from './scene.ts';

export type DemoEvent = { readonly event: string } & Readonly<Record<string, unknown>>;
export type Tell = (event: DemoEvent) => void;

export type DemoOptions = {
  readonly board: string;
  readonly link: VelocityLink;
  readonly key: SigningKey;
  readonly proposers: readonly Proposer[];
  readonly tell: Tell;
  readonly signal: AbortSignal;
};

const READINGS = 3;
const canary = { window: 64, ratio: 1000 };

const tellBoot = async ({ board, link, tell }: DemoOptions) => {
  const { version, build, board: model, cores, boot_insns, image_bytes } = await link.info();
  tell({ event: 'boot', board, model, version, build, cores, boot_insns, image_bytes, emulated: true });
  return { boot_insns, image_bytes };
};

const tellTelemetry = (tell: Tell, t: Telemetry) =>
  tell({
    event: 'telemetry',
    module: t.name,
    version: t.version,
    calls: t.calls,
    cycles_per_call: cyclesPerCall(t),
    min: t.min,
    max: t.max,
    last_result: t.last_result,
  });

/** Reads telemetry until a rule speaks. */
const detect = async ({
  link,
  tell,
  signal,
}: DemoOptions): Promise<{ detection: Detection; before: number }> => {
  const detector = new Detector([overBudget(BUDGET_CYCLES)]);
  let since = 0n;
  for (let reading = 1; ; reading += 1) {
    signal.throwIfAborted();
    const t = await settledTelemetry(link, since);
    since = t.calls;
    tellTelemetry(tell, t);
    const detection = detector.observe({ ...t, timeNs: t.time_ns });
    if (detection && reading >= READINGS) return { detection, before: cyclesPerCall(t) };
  }
};

/** Signs an unsafe program with the right key and sends it all the same: the board itself must refuse. */
const pushUnsafe = async ({ link, key, tell }: DemoOptions, program: ModuleProgram): Promise<number> => {
  try {
    await push(link, await patchFor(link, { program, name: MODULE, proposer: 'sabotage' }, key), key, {
      canary: true,
    });
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error;
    const { status, insn, sentence, detail } = error;
    tell({ event: 'refused', by: 'board', module: MODULE, code: status, insn, reason: detail ?? sentence });
    return 1;
  }
  return 0;
};

const unsafe = async (options: DemoOptions, loop: Loop, program: ModuleProgram): Promise<number> => {
  const proposal = await makeUnsafe(program);
  const attempt = await loop.attempt({ name: MODULE, program }, proposal);
  const byHost = attempt?.outcome === 'refused' ? 1 : 0;
  return byHost + (await pushUnsafe(options, { ...program, code: proposal.code }));
};

/** Proven equivalent but slower: only the board's own measurement can tell. */
const slower = async (loop: Loop, program: ModuleProgram): Promise<number> => {
  const attempt = await loop.attempt({ name: MODULE, program }, makeSlower(program.code), {
    mustBeCheaper: false,
  });
  return attempt?.outcome === 'rolled_back' ? 1 : 0;
};

/** Returns whether everything went as it should. */
export const play = async (options: DemoOptions): Promise<boolean> => {
  const { link, key, tell, board } = options;
  const boot = await tellBoot(options);
  await link.timer(1000);
  const first = await loadModule(link, key);
  tell({ event: 'load', module: MODULE, insns: first.code.length / 8, source: 'modules/fir/fir.c' });
  const { detection, before } = await detect(options);
  const ledger = new Ledger(memoryStore());
  const onEvent: EventListener = tell;
  const loop = new Loop({
    board: linkBoard(link),
    ledger,
    key,
    proposers: options.proposers,
    onEvent,
    canary,
  });
  const { target } = await loop.improve({ name: MODULE, program: first }, detection);
  const improved = await settledTelemetry(link);
  tellTelemetry(tell, improved);
  const after = cyclesPerCall(improved);
  const refused = await unsafe(options, loop, target.program);
  const rolledBack = await slower(loop, target.program);
  const survivor = await settledTelemetry(link);
  const { missed, ticks } = await link.timer();
  const faster = after < before && survivor.version === improved.version;
  const ok = faster && missed === 0n && refused > 0 && rolledBack > 0;
  tell({
    event: 'summary',
    ok,
    board,
    ...boot,
    cycles_before: before,
    cycles_after: after,
    speedup: Number((before / after).toFixed(2)),
    ticks,
    missed_ticks: missed,
    refused,
    rolled_back: rolledBack,
    ledger_entries: ledger.entries().length,
  });
  return ok;
};
