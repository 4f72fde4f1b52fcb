/** Measures proposers on the evaluation set: what each gains on each program, and which layer refused what. */
import { bpf } from '../../abi/index.ts';
import { comparePrograms, jitCompile, loadHost, type ModuleProgram } from '../../ebpf/index.ts';
import type { EvaluationProgram } from '../../models/evaluation/set.ts';
import { firstAccepted, triedIn } from '../ask.ts';
import { codeHash, type Judgement, type JudgePolicy, judge, type Layer } from '../judge.ts';
import { type Proposal, type Proposer, ProposerError } from '../proposer.ts';

/** A row of the table: proposers asked one after the other, each starting from what the ones before it reached. */
export type Contestant = { readonly name: string; readonly proposers: readonly Proposer[] };

export type Figures = {
  readonly slots: number;
  /** A64 instructions, compiled. */
  readonly words: number;
  /** eBPF instructions executed, vector helpers by the A64 instructions that they execute; mean over the runs. */
  readonly executed: number;
};

export type ProgramResult = {
  readonly contestant: string;
  readonly group: string;
  readonly program: string;
  readonly before: Figures;
  readonly after: Figures;
  readonly proposals: number;
  readonly accepted: number;
  /** Refused proposals by layer. */
  readonly refused: Readonly<Partial<Record<Layer, number>>>;
  /** Proposals that reached the prover, those it decided, and its times in ms. */
  readonly proofs: {
    readonly asked: number;
    readonly decided: number;
    /** Decided in at most QUICK_MS. */
    readonly quick: number;
    readonly proven: number;
    readonly ms: readonly number[];
  };
  /** What was accepted, in order. */
  readonly notes: readonly string[];
  readonly ms: number;
};

export type EvaluationOptions = {
  readonly policy?: JudgePolicy;
  /** Proposals judged per proposer and turn; default 6. */
  readonly attempts?: number;
  /** Times that the proposers are asked again after one of them gained; default 3. */
  readonly rounds?: number;
  /** Runs over which executed instructions are measured; default 512. */
  readonly runs?: number;
  /** Shared by the rows of one table: what was asked or measured once is not again, and its time is counted all the same. */
  readonly memo?: Memo;
  readonly signal?: AbortSignal;
};

/** The goal for a proof, in ms. */
export const QUICK_MS = 5000;

/** Inputs of the figures are others than those that the judge's differential runs used. */
const MEASURING_SEED = 0x7a11;

class Tally {
  proposals = 0;
  accepted = 0;
  readonly refused: Partial<Record<Layer, number>> = {};
  readonly proofs = { asked: 0, decided: 0, quick: 0, proven: 0, ms: [] as number[] };
  readonly notes: string[] = [];

  count(judgement: Judgement, proposer: string, note: string): void {
    const { verdict, layer, proof } = judgement;
    this.proposals++;
    if (proof) {
      this.proofs.asked++;
      this.proofs.ms.push(proof.ms);
      if (proof.verdict !== 'unknown') this.proofs.decided++;
      if (proof.verdict !== 'unknown' && proof.ms <= QUICK_MS) this.proofs.quick++;
      if (proof.verdict === 'proven') this.proofs.proven++;
    }
    if (verdict === 'refused') this.refused[layer] = (this.refused[layer] ?? 0) + 1;
    else this.accepted++;
    if (verdict === 'accepted') this.notes.push(`${proposer}: ${note}`);
  }
}

const DETECTION = {
  rule: 'evaluation',
  cyclesPerCall: 0,
  threshold: 0,
  calls: 0,
  reason: 'evaluation',
} as const;

type Judged = { readonly judgement: Judgement; readonly proposer: string; readonly note: string };
type Asked = {
  readonly judged: readonly Judged[];
  readonly program: ModuleProgram | undefined;
  readonly ms: number;
};
type Measured = { readonly executedBefore: number; readonly executed: number; readonly words: number };

/** What rows of one table have in common: the same proposer about the same program, and what a program costs. */
export class Memo {
  readonly #asked = new Map<Proposer, Map<string, Asked>>();
  readonly measured = new Map<string, Measured>();

  /** By program. Proposers of one name may be different models. */
  askedOf(proposer: Proposer): Map<string, Asked> {
    const asked = this.#asked.get(proposer) ?? new Map<string, Asked>();
    this.#asked.set(proposer, asked);
    return asked;
  }
}

const idOf = (p: ModuleProgram) => `${p.name} ${codeHash(p.code)}`;

/** The first accepted proposal of one proposer, as a program, and all that were judged until then. */
const ask = async (
  proposer: Proposer,
  program: ModuleProgram,
  options: EvaluationOptions,
): Promise<Asked> => {
  const { attempts = 6, policy = {}, signal } = options;
  const started = performance.now();
  const judged: Judged[] = [];
  const end = (made?: ModuleProgram): Asked => ({
    judged,
    program: made,
    ms: Math.round(performance.now() - started),
  });
  const tryOne = async (proposal: Proposal) => {
    const judgement = await judge(program, proposal, policy);
    judged.push({ judgement, proposer: proposal.proposer, note: proposal.note });
    return triedIn(judgement);
  };
  const isOver = () => signal?.aborted === true;
  const context = {
    program,
    detection: DETECTION,
    refused: [],
    objective: policy.objective ?? 'speed',
    ...(signal ? { signal } : {}),
  };
  try {
    const accepted = await firstAccepted(proposer.propose(context), tryOne, { attempts, isOver });
    if (accepted) return end({ ...program, code: accepted.code });
  } catch (error) {
    // As in the loop: who fails on a program has proposed nothing more for it.
    if (!(error instanceof ProposerError)) throw error;
  }
  return end();
};

/** Asks each proposer until none of them gains any more. */
const improve = async (
  { proposers }: Contestant,
  program: ModuleProgram,
  tally: Tally,
  options: EvaluationOptions,
): Promise<{ made: ModuleProgram; ms: number }> => {
  const { rounds = 3, memo = new Memo() } = options;
  let made = program;
  let ms = 0;
  const done = new Set<string>();
  for (let round = 0; round < rounds; round++) {
    const before = made;
    for (const proposer of proposers) {
      const id = idOf(made);
      if (done.has(`${proposer.name} ${id}`)) continue;
      done.add(`${proposer.name} ${id}`);
      const known = memo.askedOf(proposer);
      const asked = known.get(id) ?? (await ask(proposer, made, options));
      known.set(id, asked);
      for (const j of asked.judged) tally.count(j.judgement, j.proposer, j.note);
      ms += asked.ms;
      made = asked.program ?? made;
    }
    if (made === before) break;
  }
  return { made, ms };
};

const wordsOf = async (program: ModuleProgram) => {
  const compiled = await jitCompile(program);
  return compiled.ok ? compiled.words.length : 0;
};

/** @throws Error when what was accepted does something else on other inputs than the judge's */
const measure = async (
  program: ModuleProgram,
  made: ModuleProgram,
  { runs = 512, memo }: EvaluationOptions,
): Promise<Measured> => {
  const known = memo?.measured.get(idOf(made));
  if (known) return known;
  const compared = comparePrograms(await loadHost(), program, made, { runs, seed: MEASURING_SEED });
  if (!compared.same) throw new Error(`${program.name}: an accepted program differs in run ${compared.runs}`);
  const measured = {
    executedBefore: compared.stepsBefore / compared.runs,
    executed: compared.stepsAfter / compared.runs,
    words: await wordsOf(made),
  };
  memo?.measured.set(idOf(made), measured);
  return measured;
};

export const evaluateProgram = async (
  contestant: Contestant,
  { group, program }: EvaluationProgram,
  options: EvaluationOptions = {},
): Promise<ProgramResult> => {
  const tally = new Tally();
  const { made, ms } = await improve(contestant, program, tally, options);
  const { executedBefore, executed, words } = await measure(program, made, options);
  const slots = (p: ModuleProgram) => p.code.length / bpf.INSN_BYTES;
  return {
    contestant: contestant.name,
    group,
    program: program.name,
    before: { slots: slots(program), words: await wordsOf(program), executed: executedBefore },
    after: { slots: slots(made), words, executed },
    proposals: tally.proposals,
    accepted: tally.accepted,
    refused: tally.refused,
    proofs: tally.proofs,
    notes: tally.notes,
    ms,
  };
};
