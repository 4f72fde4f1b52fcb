/** Measures proposers on the evaluation set: what each gains on each program, and which layer refused what. */
import { bpf } from '../../abi/index.ts';
import { comparePrograms, jitCompile, loadHost, type ModuleProgram } from '../../ebpf/index.ts';
import type { EvaluationProgram } from '../../models/evaluation/set.ts';
import { type Judgement, type JudgePolicy, judge, type Layer } from '../judge.ts';
import type { Proposer } from '../proposer.ts';

/** A row of the table: proposers asked one after the other, each starting from what the ones before it reached. */
export type Contestant = { readonly name: string; readonly proposers: readonly Proposer[] };

export type Figures = {
  readonly slots: number;
  /** A64 instructions, compiled. */
  readonly words: number;
  /** eBPF instructions executed, mean over the runs. */
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
  readonly signal?: AbortSignal;
};

/** Inputs of the figures are others than those that the judge's differential runs used. */
const MEASURING_SEED = 0x7a11;

class Tally {
  proposals = 0;
  accepted = 0;
  readonly refused: Partial<Record<Layer, number>> = {};
  readonly proofs = { asked: 0, decided: 0, proven: 0, ms: [] as number[] };
  readonly notes: string[] = [];

  count(judgement: Judgement, proposer: string, note: string): void {
    const { verdict, layer, proof } = judgement;
    this.proposals++;
    if (proof) {
      this.proofs.asked++;
      this.proofs.ms.push(proof.ms);
      if (proof.verdict !== 'unknown') this.proofs.decided++;
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

/** The first accepted proposal of one proposer, as a program; undefined when none was. */
const ask = async (
  proposer: Proposer,
  program: ModuleProgram,
  tally: Tally,
  tried: Set<string>,
  options: EvaluationOptions,
): Promise<ModuleProgram | undefined> => {
  const { attempts = 6, policy = {}, signal } = options;
  let left = attempts;
  const objective = policy.objective ?? 'speed';
  for await (const proposal of proposer.propose({
    program,
    detection: DETECTION,
    refused: [],
    objective,
    ...(signal ? { signal } : {}),
  })) {
    const id = Buffer.from(proposal.code).toString('hex');
    if (tried.has(id)) continue;
    tried.add(id);
    const judgement = await judge(program, proposal, policy);
    tally.count(judgement, proposal.proposer, proposal.note);
    if (judgement.verdict === 'accepted') return { ...program, code: proposal.code };
    if (--left === 0 || signal?.aborted) return undefined;
  }
  return undefined;
};

const improve = async (
  { proposers }: Contestant,
  program: ModuleProgram,
  tally: Tally,
  options: EvaluationOptions,
): Promise<ModuleProgram> => {
  let current = program;
  const tried = new Set<string>();
  for (let round = 0; round < (options.rounds ?? 3); round++) {
    const before = current;
    for (const proposer of proposers)
      current = (await ask(proposer, current, tally, tried, options)) ?? current;
    if (current === before) break;
  }
  return current;
};

const wordsOf = async (program: ModuleProgram) => {
  const compiled = await jitCompile(program);
  return compiled.ok ? compiled.words.length : 0;
};

export const evaluateProgram = async (
  contestant: Contestant,
  { group, program }: EvaluationProgram,
  options: EvaluationOptions = {},
): Promise<ProgramResult> => {
  const started = Date.now();
  const tally = new Tally();
  const made = await improve(contestant, program, tally, options);
  const ms = Date.now() - started;
  const runs = options.runs ?? 512;
  const measured = comparePrograms(await loadHost(), program, made, { runs, seed: MEASURING_SEED });
  if (!measured.same) throw new Error(`${program.name}: an accepted program differs in run ${measured.runs}`);
  const figures = async (p: ModuleProgram, steps: number): Promise<Figures> => ({
    slots: p.code.length / bpf.INSN_BYTES,
    words: await wordsOf(p),
    executed: steps / measured.runs,
  });
  return {
    contestant: contestant.name,
    group,
    program: program.name,
    before: await figures(program, measured.stepsBefore),
    after: await figures(made, measured.stepsAfter),
    proposals: tally.proposals,
    accepted: tally.accepted,
    refused: tally.refused,
    proofs: tally.proofs,
    notes: tally.notes,
    ms,
  };
};
