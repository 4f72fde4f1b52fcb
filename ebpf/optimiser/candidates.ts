/** Candidates for a faster program: rules applied until none fits, around several ways of unrolling. */
import { bpf } from '../../abi/index.ts';
import { type Code, lift, lower, sizeOf } from './code.ts';
import { estimateCost } from './cost.ts';
import { blockOrdering } from './layout.ts';
import { loopsOf, unrollPart, unrollWhole } from './loops.ts';
import type { Context, Rule } from './rule.ts';
import { rules } from './rules.ts';

export type Candidate = {
  readonly code: Uint8Array;
  /** Names of the rules that changed something, in order of first use. */
  readonly rules: readonly string[];
  /** Estimated executed instructions; only comparable between candidates of one program. */
  readonly estimate: number;
};

/** What is wanted of a candidate: fewer executed instructions, fewer slots, or both weighed alike. */
export type Objective = 'speed' | 'balanced' | 'size';

export type OptimiseOptions = {
  /** Default `speed`. */
  readonly objective?: Objective;
  /** Most slots a candidate may have; default 1024. */
  readonly maxSlots?: number;
  /** Names of rules not to use, among them `loop-unrolling` and `partial-unrolling`. */
  readonly without?: readonly string[];
  /** Maps of the program; contents of read-only ones are constants. */
  readonly maps?: Context['maps'];
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

const cleanUp = (start: Draft, active: readonly Rule[], context: Context): Draft => {
  let draft = start;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const before = draft.code;
    for (const rule of active) {
      for (let times = 0; times < MAX_TIMES; times++) {
        const code = rule.apply(draft.code, context);
        if (!code) break;
        draft = named(draft, rule.name, code);
      }
    }
    if (draft.code === before) break;
  }
  return draft;
};

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

const MAX_DRAFTS = 24;

/**
 * Candidates, most promising first. They are proposals: each must still pass the verifier and be proven equivalent.
 * @throws RangeError when the program has undefined instructions or jumps outside itself.
 */
export const optimise = (program: Uint8Array, options: OptimiseOptions = {}): Candidate[] => {
  const { maxSlots = 1024, without = [], maps = [], objective = 'speed' } = options;
  const score = scores[objective];
  const skip = new Set(without);
  const active = rules.filter((r) => !skip.has(r.name));
  const start: Draft = { code: lift(program), rules: [] };
  const ordered = skip.has(blockOrdering.name) ? undefined : blockOrdering.apply(start.code, { maps });
  const drafts = [cleanUp(start, active, { maps })];
  if (ordered) drafts.push(cleanUp(named(start, blockOrdering.name, ordered), active, { maps }));
  for (let i = 0; i < drafts.length; i++)
    for (const draft of unrolled(drafts[i]!, maxSlots, skip).slice(0, MAX_DRAFTS - drafts.length))
      drafts.push(cleanUp(draft, active, { maps }));
  const seen = new Map<string, Candidate>();
  for (const draft of drafts) {
    if (draft.rules.length === 0 || sizeOf(draft.code) > maxSlots) continue;
    const code = lower(draft.code);
    const key = Buffer.from(code).toString('hex');
    if (!seen.has(key)) seen.set(key, { code, rules: draft.rules, estimate: estimateCost(draft.code) });
  }
  return [...seen.values()].sort((a, b) => score(a) - score(b));
};

/** Applies one rule, by name, wherever it fits; undefined when it fits nowhere or there is no such rule. */
export const applyRule = (
  program: Uint8Array,
  name: string,
  context: Context = { maps: [] },
): Uint8Array | undefined => {
  const code = [...rules, blockOrdering].find((r) => r.name === name)?.apply(lift(program), context);
  return code && lower(code);
};

/** Estimated executed instructions of a program, on the scale of `Candidate.estimate`. */
export const estimateProgram = (program: Uint8Array): number => estimateCost(lift(program));
