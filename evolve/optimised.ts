/**
 * A program made faster before it goes to a board: what the loop would propose for it there, judged as strictly, so that only
 * what is proven equivalent to what the compiler made is ever taken.
 */
import { comparePrograms, loadHost, type ModuleProgram, type Visits, verify } from '../ebpf/index.ts';
import type { Objective } from '../ebpf/optimiser/index.ts';
import { processorMs } from '../ebpf/processor-time.ts';
import { firstAccepted, triedIn } from './ask.ts';
import { costOf, type RunSize } from './cost.ts';
import type { Detection } from './detect.ts';
import { type JudgePolicy, judge } from './judge.ts';
import { machineCodeOf, machineSteps } from './machine-code.ts';
import {
  type Proposal,
  type ProposalContext,
  type Proposer,
  rulesProposer,
  vectoriseProposer,
} from './proposer.ts';

/** One accepted proposal; the first starts from what the compiler made, each other one from the one before it. */
export type Step = {
  readonly proposer: string;
  readonly note: string;
  readonly code: Uint8Array;
  /** Hash of the proof, in hex. */
  readonly proof: string;
};

export type Figures = {
  /** A64 instructions executed in the same runs, about. */
  readonly executed: number;
  readonly slots: number;
  /** A64 instructions. */
  readonly words: number;
};

export type Gain = { readonly before: Figures; readonly after: Figures };

export type Optimised = {
  /** As given when nothing cheaper was proven, otherwise without the lines of C, which no longer fit. */
  readonly program: ModuleProgram;
  readonly steps: readonly Step[];
  /** Of the last step over the program as given; absent when there is none. */
  readonly gain?: Gain;
};

export type OptimisedOptions = RunSize & {
  /** Default `speed`. */
  readonly objective?: Objective;
  /** Processor time after which no further proposal is judged, in ms; default 15,000. */
  readonly timeMs?: number;
  /** Told of each proposal before it is judged. */
  readonly onProposal?: (proposer: string, note: string) => void;
};

/** Loops to vector helpers first: rules would take them apart. */
const PROPOSERS: readonly Proposer[] = [vectoriseProposer, rulesProposer];
/** Proposals of one proposer that are judged: the first ones promise most. */
const ATTEMPTS = 16;
const PROOF_MS = 5_000;
const TIME_MS = 15_000;
const RUNS = 128;
const SEED = 0x1d5ea;

const nobodyAsked: Detection = {
  rule: 'load',
  cyclesPerCall: 0,
  threshold: 0,
  calls: 0,
  reason: 'before it is loaded',
};

type Search = {
  readonly context: Omit<ProposalContext, 'program'>;
  readonly policy: JudgePolicy;
  readonly isOver: () => boolean;
  readonly onProposal: NonNullable<OptimisedOptions['onProposal']>;
};

/** The first of one proposer's proposals that is cheaper and proven. */
const stepOf = async (
  program: ModuleProgram,
  proposer: Proposer,
  { context, policy, isOver, onProposal }: Search,
): Promise<Step | undefined> => {
  let hash: string | undefined;
  const tryOne = async (proposal: Proposal) => {
    onProposal(proposal.proposer, proposal.note);
    const judgement = await judge(program, proposal, policy);
    hash = judgement.proof?.hash;
    return triedIn(judgement);
  };
  const proposals = proposer.propose({ ...context, program });
  const accepted = await firstAccepted(proposals, tryOne, { attempts: ATTEMPTS, isOver });
  if (!accepted || hash === undefined) return undefined;
  const { proposer: name, note, code } = accepted;
  return { proposer: name, note, code, proof: hash };
};

const figuresOf = async (program: ModuleProgram, visits: Visits, size: RunSize): Promise<Figures> => {
  const machine = await machineCodeOf(program, size);
  const { slots, words = 0 } = costOf(program, 0, machine);
  return { executed: machine ? Math.round(machineSteps(machine, visits)) : 0, slots, words };
};

/**
 * The program after these steps, run once more beside the one given. Undefined when the verifier refuses it or a run shows
 * a difference: then a step is not what it was when it was proven.
 */
export const retraced = async (
  given: ModuleProgram,
  steps: readonly Step[],
  size: RunSize = {},
): Promise<Optimised | undefined> => {
  const last = steps.at(-1);
  if (!last) return { program: given, steps };
  const { lines: _, ...rest } = given;
  const program: ModuleProgram = { ...rest, code: last.code };
  if (!(await verify(program, size)).ok) return undefined;
  const options = { runs: RUNS, seed: SEED, ...size };
  const { same, visitsBefore, visitsAfter } = comparePrograms(await loadHost(), given, program, options);
  if (!same) return undefined;
  const before = await figuresOf(given, visitsBefore, size);
  const after = await figuresOf(program, visitsAfter, size);
  return { program, steps, gain: { before, after } };
};

/** Asks the proposers one after the other, each from where the one before it got. A program that the verifier refuses comes back as it is. */
export const optimised = async (given: ModuleProgram, options: OptimisedOptions = {}): Promise<Optimised> => {
  const { objective, memorySize, timeMs = TIME_MS, onProposal = () => {} } = options;
  const size: RunSize = memorySize === undefined ? {} : { memorySize };
  const wish = { ...size, ...(objective ? { objective } : {}) };
  if (!(await verify(given, size)).ok) return { program: given, steps: [] };
  const deadline = processorMs() + timeMs;
  const search: Search = {
    context: { detection: nobodyAsked, refused: [], ...wish },
    policy: { proofTimeoutMs: PROOF_MS, ...wish },
    isOver: () => processorMs() >= deadline,
    onProposal,
  };
  const steps: Step[] = [];
  for (const proposer of PROPOSERS) {
    if (search.isOver()) break;
    const code = steps.at(-1)?.code ?? given.code;
    const step = await stepOf({ ...given, code }, proposer, search);
    if (step) steps.push(step);
  }
  return (await retraced(given, steps, size)) ?? { program: given, steps: [] };
};
