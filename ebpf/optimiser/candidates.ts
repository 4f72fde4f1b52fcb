/** Candidates for a faster program: rules applied until none fits, around several ways of unrolling. */
import { bpf } from '../../abi/index.ts';
import { processorMs } from '../processor-time.ts';
import { type Code, lift, lower, sizeOf } from './code.ts';
import { estimateCost } from './cost.ts';
import { loopsOf, unrollPart, unrollWhole } from './loops.ts';
import type { Context, Move, Objective, Rule } from './rule.ts';
import { moves, rules } from './rules.ts';

export type Candidate = {
  readonly code: Uint8Array;
  /** Names of the rules that changed something, in order of first use. */
  readonly rules: readonly string[];
  /** Estimated executed instructions; only comparable between candidates of one program. */
  readonly estimate: number;
};

export type OptimiseOptions = {
  /** Default `speed`. */
  readonly objective?: Objective;
  /** Most slots a candidate may have; default 1024. */
  readonly maxSlots?: number;
  /** Names of rules not to use, among them `loop-unrolling` and `partial-unrolling`. */
  readonly without?: readonly string[];
  /** Maps of the program; contents of read-only ones are constants. */
  readonly maps?: Context['maps'];
  /** What the verifier proves of each slot of some code; undefined when it refuses it. */
  readonly facts?: (code: Uint8Array) => Uint8Array | undefined;
  /** A quick look whether a draft can be right, so that time is not spent on what follows from a wrong one. */
  readonly check?: (code: Uint8Array) => boolean;
  /** Time of the processor for the search, in ms; default 4,000. */
  readonly timeMs?: number;
};

type Draft = { readonly code: Code; readonly rules: readonly string[] };

/** Rounds of all rules; each round that changes something makes the program smaller or simpler, so few are needed. */
const MAX_ROUNDS = 12;
/** Some rules change one place at a time. */
const MAX_TIMES = 400;
const FACTORS = [2, 4, 8] as const;

const named = (draft: Draft, name: string, code: Code): Draft => ({
  code,
  rules: draft.rules.includes(name) ? draft.rules : [...draft.rules, name],
});

const cleanUp = (
  start: Draft,
  { active, context, deadline }: Pick<Search, 'active' | 'context' | 'deadline'>,
): Draft => {
  let draft = start;
  /** The code that each rule was found not to fit last. */
  const unfit = new Map<Rule, Code>();
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const before = draft.code;
    for (const rule of active) {
      for (let times = 0; times < MAX_TIMES && unfit.get(rule) !== draft.code; times++) {
        const code = rule.apply(draft.code, context);
        if (!code) unfit.set(rule, draft.code);
        if (!code) break;
        if (processorMs() > deadline) return draft;
        draft = named(draft, rule.name, code);
      }
    }
    if (draft.code === before) break;
  }
  return draft;
};

/** A program after every rule that always pays, until none fits. */
export const tidied = (code: Code, context: Context = { maps: [] }): Code =>
  cleanUp({ code, rules: [] }, { active: rules, context, deadline: Number.POSITIVE_INFINITY }).code;

/** The drafts that follow from one by unrolling its innermost loops that still can be. */
const unrolled = (draft: Draft, maxSlots: number, skip: ReadonlySet<string>): Draft[] => {
  const out: Draft[] = [];
  const loops = loopsOf(draft.code);
  for (const loop of loops) {
    const whole = skip.has('loop-unrolling') ? undefined : unrollWhole(draft.code, loop, maxSlots);
    if (whole) out.push(named(draft, 'loop-unrolling', whole));
    const isInnermost = !loops.some((l) => l !== loop && l.header >= loop.header && l.latch <= loop.latch);
    if (skip.has('partial-unrolling') || draft.rules.includes('partial-unrolling') || !isInnermost) continue;
    for (const factor of FACTORS) {
      const part = unrollPart(draft.code, loop, factor, maxSlots);
      if (part) out.push(named(draft, 'partial-unrolling', part));
    }
  }
  return out;
};

/** A slot has to be sent, verified and compiled, and takes room in the caches: worth a quarter of an executed instruction. */
const SLOT_WEIGHT = 0.25;

/** Smaller is better; only comparable between candidates of one program. */
const scores: Readonly<Record<Objective, (c: Candidate) => number>> = {
  speed: (c) => c.estimate + (SLOT_WEIGHT * c.code.length) / bpf.INSN_BYTES,
  balanced: (c) => Math.log(c.estimate) + Math.log(c.code.length),
  size: (c) => c.code.length + c.estimate / 2 ** 20,
};

/** Drafts from which moves are tried at each depth, and drafts in all. */
const BEAM = 5;
const MAX_DEPTH = 6;
const MAX_DRAFTS = 160;

type Search = {
  readonly active: readonly Rule[];
  readonly moves: readonly Move[];
  readonly context: Context;
  readonly skip: ReadonlySet<string>;
  readonly maxSlots: number;
  readonly deadline: number;
  readonly score: (c: Candidate) => number;
  readonly check: ((code: Uint8Array) => boolean) | undefined;
  readonly seen: Map<string, Candidate>;
};

/** Notes a draft as a candidate; undefined when it was seen before, is too large, or fails the check. */
const note = (draft: Draft, search: Search): Candidate | undefined => {
  if (sizeOf(draft.code) > search.maxSlots) return undefined;
  const code = lower(draft.code);
  const key = Buffer.from(code).toString('latin1');
  if (search.seen.has(key) || (search.check && !search.check(code))) return undefined;
  const candidate = { code, rules: draft.rules, estimate: estimateCost(draft.code) };
  search.seen.set(key, candidate);
  return candidate;
};

/** What one move leads to from a draft, cleaned up. */
const steps = function* (draft: Draft, search: Search): Generator<Draft> {
  const { context, moves: tried, maxSlots, skip } = search;
  for (const { name, sites } of tried)
    for (const code of sites(draft.code, context)) yield cleanUp(named(draft, name, code), search);
  for (const made of unrolled(draft, maxSlots, skip)) yield cleanUp(made, search);
};

type Scored = { readonly draft: Draft; readonly score: number };

const beam = (start: readonly Draft[], search: Search): void => {
  let frontier: Scored[] = [];
  const add = (draft: Draft, into: Scored[]) => {
    const candidate = note(draft, search);
    if (candidate) into.push({ draft, score: search.score(candidate) });
  };
  for (const draft of start) add(draft, frontier);
  for (let depth = 0; depth < MAX_DEPTH && frontier.length > 0; depth++) {
    const found: Scored[] = [];
    for (const { draft } of frontier)
      for (const made of steps(draft, search)) {
        if (search.seen.size >= MAX_DRAFTS || processorMs() > search.deadline) return;
        add(made, found);
      }
    frontier = found.sort((a, b) => a.score - b.score).slice(0, BEAM);
  }
};

/**
 * Candidates, most promising first. They are proposals: each must still pass the verifier and be proven equivalent.
 * @throws RangeError when the program has undefined instructions or jumps outside itself.
 */
export const optimise = (program: Uint8Array, options: OptimiseOptions = {}): Candidate[] => {
  const { maxSlots = 1024, without = [], maps = [], objective = 'speed', facts, timeMs = 4000 } = options;
  const skip = new Set(without);
  const context: Context = {
    maps,
    objective,
    maxSlots,
    ...(facts ? { facts: (code: Code) => facts(lower(code)) } : {}),
  };
  const search: Search = {
    active: rules.filter((r) => !skip.has(r.name)),
    moves: moves.filter((m) => !skip.has(m.name)),
    context,
    skip,
    maxSlots,
    deadline: processorMs() + timeMs,
    score: scores[objective],
    check: options.check,
    seen: new Map(),
  };
  const start: Draft = { code: lift(program), rules: [] };
  beam([start, cleanUp(start, search)], search);
  return [...search.seen.values()]
    .filter((c) => c.rules.length > 0)
    .sort((a, b) => search.score(a) - search.score(b));
};

/** Applies one rule, by name, wherever it fits; undefined when it fits nowhere or there is no such rule. */
export const applyRule = (
  program: Uint8Array,
  name: string,
  context: Context = { maps: [] },
): Uint8Array | undefined => {
  const code =
    rules.find((r) => r.name === name)?.apply(lift(program), context) ??
    moves.find((m) => m.name === name)?.sites(lift(program), context)[0];
  return code && lower(code);
};

/** Estimated executed instructions of a program, on the scale of `Candidate.estimate`. */
export const estimateProgram = (program: Uint8Array): number => estimateCost(lift(program));
