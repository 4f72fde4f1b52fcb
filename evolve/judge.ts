/** Judges a proposal, layer by layer, cheapest first; the first layer that objects refuses it. Cost is measured in the differential runs. */
import { createHash } from 'node:crypto';
import { bpf, hooks, MAX_PROGRAM_INSNS } from '../abi/index.ts';
import {
  comparePrograms,
  decodeProgram,
  loadHost,
  type ModuleProgram,
  programHash,
  type Reference,
  type Visits,
  verify,
} from '../ebpf/index.ts';
import type { Objective } from '../ebpf/optimiser/index.ts';
import { type Proof, proveEquivalent, type Question } from '../ebpf/prover/index.ts';
import { type Cost, costOf, isCheaper, type RunSize, runsLess } from './cost.ts';
import { sentenceOf } from './differential.ts';
import { type MachineCode, machineCodeOf, machineSteps } from './machine-code.ts';
import type { Proposal } from './proposer.ts';

/** In this order. */
export const layers = ['decode', 'duplicate', 'verifier', 'differential', 'cost', 'equivalence'] as const;
export type Layer = (typeof layers)[number];

export type Judgement = {
  readonly verdict: 'accepted' | 'refused';
  /** Layer that refused it; the last one passed when it was accepted. */
  readonly layer: Layer;
  /** Name of the reason, e.g. `null_dereference`, stable; `ok` when accepted. */
  readonly code: string;
  readonly reason: string;
  readonly insn?: number;
  readonly before?: Cost;
  readonly after?: Cost;
  readonly proof?: Proof;
  /** How sure it is that behaviour is kept: the number that the patch carries (patchKeys.proof). */
  readonly assurance: 0 | 1 | 2;
};

export type JudgePolicy = {
  /** `tested` lets through what the prover could not decide but differential runs did not refute. Default `proven`. */
  readonly assurance?: 'proven' | 'tested';
  /** Refuse what is not cheaper by estimate. Default true; a demonstration of the board's own defence turns it off. */
  readonly mustBeCheaper?: boolean;
  /** Refuse also what is only smaller: a board takes back what does not run faster. Default false. */
  readonly mustRunFaster?: boolean;
  /** What cheaper means. Default `speed`. */
  readonly objective?: Objective;
  readonly proofTimeoutMs?: number;
  /** Told each question of a proof and its answer. */
  readonly onQuestion?: (question: Question) => void;
  /** Runs of the program that runs now, where many candidates are held against it; replaces `differentialRuns`. */
  readonly reference?: Reference;
  /** Runs that compare both programs before the proof; default 128. */
  readonly differentialRuns?: number;
  /** Hook `run`: bytes that r1 points to. */
  readonly memorySize?: number;
};

const refused = (layer: Layer, code: string, reason: string, more: Partial<Judgement> = {}): Judgement => ({
  verdict: 'refused',
  layer,
  code,
  reason,
  assurance: 0,
  ...more,
});

export const hexHash = (program: ModuleProgram): string =>
  Buffer.from(programHash(program.hookId, program.code, program.maps)).toString('hex');

const malformed = (code: Uint8Array): string | undefined => {
  const slots = code.length / bpf.INSN_BYTES;
  if (!Number.isInteger(slots) || slots < 1 || slots > MAX_PROGRAM_INSNS)
    return `it has ${code.length} bytes`;
  const bad = decodeProgram(code).find((i) => i.kind === 'invalid');
  return bad && `slot ${bad.slot} holds no instruction of RFC 9669`;
};

const sizeIn = ({ memorySize }: JudgePolicy): RunSize => (memorySize === undefined ? {} : { memorySize });

/** @param program what runs now; it has passed the verifier before. */
export const judge = async (
  program: ModuleProgram,
  proposal: Proposal,
  policy: JudgePolicy = {},
): Promise<Judgement> => {
  const candidate: ModuleProgram = { ...program, code: proposal.code };
  const wrong = malformed(proposal.code);
  if (wrong) return refused('decode', 'not_a_program', wrong);
  if (Buffer.compare(program.code, proposal.code) === 0)
    return refused('duplicate', 'same_program', 'it is the program that runs already');
  const size = sizeIn(policy);
  const safe = await verify(candidate, size);
  if (!safe.ok) {
    const insn = safe.error.insn === undefined ? {} : { insn: safe.error.insn };
    return refused('verifier', safe.error.code, safe.error.message, insn);
  }
  const tested =
    policy.reference?.compare(candidate) ??
    (await test(program, candidate, { runs: policy.differentialRuns ?? 128, ...size }));
  if (!tested.same) return refused('differential', 'differs', sentenceOf(tested)!);
  const made = { bound: safe.bound, machine: await machineCodeOf(candidate, size) };
  const costs = {
    before: costIn(program, await priced(program, size), tested.stepsBefore, tested.visitsBefore),
    after: costIn(candidate, made, tested.stepsAfter, tested.visitsAfter),
  };
  const dear = policy.mustBeCheaper === false ? undefined : tooDear(program, costs, policy);
  if (dear) return refused('cost', 'not_cheaper', dear, costs);
  return { ...(await equivalence(program, candidate, policy)), ...costs };
};

type Priced = { readonly bound: number; readonly machine: MachineCode | undefined };

const known = new WeakMap<ModuleProgram, Promise<Priced>>();

/** Of the program that runs now: many proposals are held against the same one. */
const priced = (program: ModuleProgram, size: RunSize): Promise<Priced> => {
  const look = async () => {
    const verdict = await verify(program, size);
    const bound = verdict.ok ? verdict.bound : Number.MAX_SAFE_INTEGER;
    return { bound, machine: await machineCodeOf(program, size) };
  };
  const found = known.get(program) ?? look();
  known.set(program, found);
  return found;
};

const costIn = (program: ModuleProgram, { bound, machine }: Priced, steps: number, visits: Visits): Cost => ({
  ...costOf(program, bound, machine),
  steps,
  ...(machine ? { machine: machineSteps(machine, visits) } : {}),
});

/** Every proposal is tried on the same inputs. */
const SEED = 0x51ed27;

const test = async (
  program: ModuleProgram,
  candidate: ModuleProgram,
  options: RunSize & { readonly runs: number },
) => comparePrograms(await loadHost(), program, candidate, { ...options, seed: SEED });

/** Why a candidate is no gain; undefined when it is one. */
const tooDear = (
  program: ModuleProgram,
  { before, after }: { before: Cost; after: Cost },
  { objective = 'speed', mustRunFaster = false }: JudgePolicy,
): string | undefined => {
  const { budget } = hooks[program.hook];
  if (after.bound > budget) return `its worst case of ${after.bound} is above the hook's budget of ${budget}`;
  const gains = !mustRunFaster || runsLess(before, after);
  if (gains && isCheaper(before, after, objective)) return undefined;
  return `${before.steps} → ${after.steps} instructions in the same runs, ${before.slots} → ${after.slots} slots, ${before.words} → ${after.words} of machine code`;
};

const equivalence = async (
  program: ModuleProgram,
  candidate: ModuleProgram,
  policy: JudgePolicy,
): Promise<Judgement> => {
  const timeoutMs = policy.proofTimeoutMs ?? 20_000;
  const { hook, maps } = program;
  const { onQuestion } = policy;
  const options = { hook, maps, timeoutMs, ...sizeIn(policy), ...(onQuestion ? { onQuestion } : {}) };
  const proof = await proveEquivalent(program.code, candidate.code, options);
  const accepted = {
    verdict: 'accepted',
    layer: 'equivalence',
    code: 'ok',
    reason: proof.reason,
    proof,
  } as const;
  if (proof.verdict === 'proven') return { ...accepted, assurance: 1 };
  if (proof.verdict === 'unknown' && policy.assurance === 'tested') return { ...accepted, assurance: 2 };
  const code = proof.verdict === 'different' ? 'not_equivalent' : 'not_proven';
  return refused('equivalence', code, proof.reason, { proof });
};

/** SHA-256 in hex of code alone. */
export const codeHash = (code: Uint8Array): string => createHash('sha256').update(code).digest('hex');
