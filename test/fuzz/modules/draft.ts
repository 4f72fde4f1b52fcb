/** Patches before they are signed: right ones, and ways in which they are wrong. */
import { randomBytes } from 'node:crypto';
import { hooks } from '../../../abi/index.ts';
import { certificateOf, programHash } from '../../../ebpf/index.ts';
import type { Random } from '../../../ebpf/random.ts';
import { patchMaps } from '../../../evolve/index.ts';
import type { Patch, SigningKey } from '../../../firmware/sign.ts';
import type { Request } from '../../../link/index.ts';
import { type Hook, type Model, type Module, slotHooks } from './model.ts';
import { type Program, someBadProgram, someFrameProgram, someTimerProgram } from './programs.ts';

/** A board that has started: what its patches must name, and who may sign them. */
export type Start = {
  readonly boot: Uint8Array;
  readonly boardClass: string;
  readonly own: SigningKey;
  readonly stranger: SigningKey;
};

export type Draft = {
  readonly model: Model;
  readonly start: Start;
  readonly hook: Hook;
  readonly program: Program;
  /** What runs under this name. */
  readonly module: Module | undefined;
  patch: Patch;
  key: SigningKey;
  options: Request<'install'>;
};

const none = new Uint8Array(0);
const NAMES = ['a', 'b', 'c', 'fir', 'low-pass.2', 'n'.repeat(31)];
/** More than there are slots. */
const MANY_NAMES = 90;
/** kernel-aarch64/patch/watch.h */
export const [WINDOW_MOST, RATIO_MOST] = [1_000_000, 100_000];

/** Nothing is wrong with it. */
export const rightDraft = (model: Model, start: Start, name: string, hook: Hook, program: Program): Draft => {
  const module = model.named(name);
  const patch: Patch = {
    name,
    hook: hooks[hook].id,
    board_class: start.boardClass,
    code: program.code,
    maps: patchMaps(program),
    certificate: none,
    bound: 0n,
    parent: module ? Buffer.from(module.running.sha, 'hex') : none,
    sequence: model.sequence + 1n,
    proposer: 'person',
    model_hash: none,
    prompt_hash: none,
    proof_hash: none,
    proof: 0,
    cores: 0,
    period_us: 0,
    boot: start.boot,
  };
  return { model, start, hook, program, module, patch, key: start.own, options: { canary: false } };
};

const certificates = new Map<string, Promise<Uint8Array>>();
const certificateFor = (hook: Hook, { code, maps }: Program): Promise<Uint8Array> => {
  const id = `${hook} ${Buffer.from(programHash(0, code, maps)).toString('hex')}`;
  const known = certificates.get(id) ?? certificateOf({ code, hook, maps });
  certificates.set(id, known);
  return known;
};

const someProgram = (random: Random, hook: Hook): Program => {
  if (random.once(16)) return someBadProgram(random);
  return hook === 'timer' ? someTimerProgram(random) : someFrameProgram(random);
};

const someOptions = (random: Random): Request<'install'> => {
  if (random.once(2)) return { canary: false };
  return {
    canary: true,
    ...(random.once(4) ? {} : { window: 1 + random.below(6) }),
    ...(random.once(2) ? {} : { ratio: random.pick([1, 900, 1000, 1100, RATIO_MOST]) }),
    ...(random.once(2) ? {} : { shadow: random.once(2) }),
  };
};

/** One more or the successor of one that runs, with all that it may wish. */
export const someDraft = async (random: Random, model: Model, start: Start): Promise<Draft> => {
  const name = random.once(6) ? `module-${random.below(MANY_NAMES)}` : random.pick(NAMES);
  const hook = model.named(name)?.hook ?? random.pick(['timer', 'packet', 'packet', 'uart_line'] as const);
  const program = someProgram(random, hook);
  const draft = rightDraft(model, start, name, hook, program);
  draft.options = someOptions(random);
  draft.patch = {
    ...draft.patch,
    certificate: random.once(2) ? await certificateFor(hook, program) : none,
    sequence: draft.patch.sequence + BigInt(random.below(3)),
    proof: random.below(2),
    cores: hook === 'timer' && random.once(3) ? 1 + random.below((1 << model.cores) - 1) : 0,
    period_us: random.once(8) ? 500 * (1 + random.below(6)) : 0,
  };
  return draft;
};

const change = (draft: Draft, fields: Partial<Patch>) => {
  draft.patch = { ...draft.patch, ...fields };
};

/** Each makes a patch wrong, mostly: what the board must say follows from the patch, not from here. */
export const mistakes: Readonly<Record<string, (draft: Draft, random: Random) => void>> = {
  'a key of a stranger': (draft) => {
    draft.key = draft.start.stranger;
  },
  'a sequence number that is used up': (draft, random) => {
    const back = BigInt(random.below(3));
    const { sequence } = draft.model;
    change(draft, { sequence: sequence > back ? sequence - back : 0n });
  },
  'another board class': (draft) => change(draft, { board_class: 'riscv64' }),
  'another start': (draft) => change(draft, { boot: randomBytes(16) }),
  'no such hook': (draft, random) => change(draft, { hook: random.pick([0, hooks.run.id, 5, 99]) }),
  'the hook that its module is not in': (draft, random) => {
    const other = random.pick(slotHooks.filter((hook) => hook !== draft.hook));
    if (draft.module) change(draft, { hook: hooks[other].id });
  },
  'cores that are not there': (draft, random) =>
    change(draft, { cores: 1 << (draft.model.cores + random.below(3)) }),
  'other cores': (draft, random) => change(draft, { cores: 1 + random.below((1 << draft.model.cores) - 1) }),
  'another parent': (draft, random) => change(draft, { parent: random.once(2) ? randomBytes(32) : none }),
  'the version before as parent': (draft) => {
    const previous = draft.module?.running.previous;
    if (previous) change(draft, { parent: Buffer.from(previous.sha, 'hex') });
  },
  'a bound that is too low': (draft) => change(draft, { bound: 1n }),
  'a map without entries': (draft) =>
    change(draft, { maps: draft.patch.maps.map((map) => ({ ...map, max_entries: 0 })) }),
  'a window out of range': (draft, random) => {
    draft.options = { ...draft.options, window: random.pick([0, WINDOW_MOST + 1]) };
  },
  'a ratio out of range': (draft, random) => {
    draft.options = { ...draft.options, ratio: random.pick([0, RATIO_MOST + 1]) };
  },
};
