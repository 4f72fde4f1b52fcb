/** Who proposes, and what: whole programs to replace a module's program. A proposal is untrusted bytes. */
import { type Host, loadHost, type ModuleProgram, Reference } from '../ebpf/index.ts';
import { applyRule, type Code, lower, type Objective, optimise } from '../ebpf/optimiser/index.ts';
import { vectorise } from '../ebpf/vectoriser/index.ts';
import type { RunSize } from './cost.ts';
import type { Detection } from './detect.ts';

export type Proposal = {
  readonly code: Uint8Array;
  /** Who proposed it; travels in the patch. */
  readonly proposer: string;
  /** What was done, for people: rules applied, or what the model said. */
  readonly note: string;
  /** SHA-256 of the model's file and of the prompt, where a model made it. */
  readonly modelHash?: Uint8Array;
  readonly promptHash?: Uint8Array;
};

export type ProposalContext = {
  /** Runs on the board now. */
  readonly program: ModuleProgram;
  readonly detection: Detection;
  /** Why earlier proposals for this version were refused, newest last. */
  readonly refused: readonly string[];
  /** What is wanted; default `speed`. */
  readonly objective?: Objective;
  /** Hook `run`: bytes that r1 points to. */
  readonly memorySize?: number;
  readonly signal?: AbortSignal;
};

export type Proposer = {
  readonly name: string;
  /** Proposals, most promising first. May throw: the loop notes it and goes on with the next proposer. */
  readonly propose: (context: ProposalContext) => AsyncIterable<Proposal>;
};

/** Most slots of a proposal: the code pool of the board holds several modules. */
const MAX_SLOTS = 1024;

/** Inputs on which a draft is tried before anything follows from it. */
const QUICK_RUNS = 24;

/** Facts and a quick look at drafts, from the kernel's verifier and interpreter. */
export const lookingAt = (host: Host, program: ModuleProgram, size: RunSize = {}) => {
  const reference = new Reference(host, program, { runs: QUICK_RUNS, seed: 77, ...size });
  /** Several rules ask about the same code one after the other. */
  let last: { readonly code: Uint8Array; readonly flags: Uint8Array | undefined } | undefined;
  const facts = (code: Uint8Array): Uint8Array | undefined => {
    if (last && Buffer.compare(last.code, code) === 0) return last.flags;
    const verdict = host.verify({ ...program, code }, size);
    last = { code, flags: verdict.ok ? verdict.facts.flags : undefined };
    return last.flags;
  };
  const check = (code: Uint8Array) =>
    facts(code) !== undefined && reference.compare({ ...program, code }).same;
  return { facts, check };
};

/** Rewrite rules under beam search: fast, and what they propose is nearly always proven. */
export const rulesProposer: Proposer = {
  name: 'rules',
  async *propose({ program, objective = 'speed', memorySize }) {
    const looking = lookingAt(await loadHost(), program, memorySize === undefined ? {} : { memorySize });
    const options = { maps: program.maps, maxSlots: MAX_SLOTS, objective, ...looking };
    for (const { code, rules } of optimise(program.code, options))
      yield { code, proposer: 'rules', note: rules.join(' ') };
  },
};

/** Loops over buffers as calls of vector helpers, those of functions that are called at their calls first; which of them pay is for the judge to say. */
export const vectoriseProposer: Proposer = {
  name: 'vectorise',
  async *propose({ program, memorySize }) {
    const size = memorySize === undefined ? {} : { memorySize };
    const { facts, check } = lookingAt(await loadHost(), program, size);
    const context = { maps: program.maps, maxSlots: MAX_SLOTS, facts: (code: Code) => facts(lower(code)) };
    const inlined = applyRule(program.code, 'inlining', context);
    for (const start of inlined ? [inlined, program.code] : [program.code])
      for (const { code, helpers } of vectorise(start, { context, check }))
        yield {
          code,
          proposer: 'vectorise',
          note: (start === inlined ? ['inlining', ...helpers] : helpers).join(' '),
        };
  },
};

/** A proposer can't work, e.g. for lack of a model: noted in the ledger, and the loop goes on with the next one. */
export class ProposerError extends Error {
  override name = 'ProposerError';
}
