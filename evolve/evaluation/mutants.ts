/**
 * Wrong proposals by the thousand: single mistakes in right ones, through all layers. Which layer refuses what is counted; what
 * is accepted must do the same as the original on many more inputs than the judge tried.
 */
import { comparePrograms, type Host, loadHost, type ModuleProgram, Reference } from '../../ebpf/index.ts';
import { optimise } from '../../ebpf/optimiser/index.ts';
import { type MutationKind, mutant } from '../../ebpf/prover/index.ts';
import { type JudgePolicy, judge, type Layer } from '../judge.ts';
import { lookingAt } from '../proposer.ts';

export type MutantCounts = {
  count: number;
  /** Programs that differ on some input although they were accepted: none may be. */
  wrong: number;
  accepted: number;
  readonly refused: Partial<Record<Layer, number>>;
  readonly kinds: Partial<Record<MutationKind, number>>;
  /** Of those that passed the differential tests: decided within the time for a proof (`different` among them), and not. */
  readonly proofs: { decided: number; open: number; different: number };
};

export type MutantOptions = {
  readonly count: number;
  readonly seed: number;
  readonly policy?: JudgePolicy;
  readonly signal?: AbortSignal;
  readonly progress?: (counts: MutantCounts) => void;
};

export class WrongPatchError extends Error {
  override name = 'WrongPatchError';
  readonly program: string;
  readonly code: Uint8Array;
  constructor(program: string, code: Uint8Array, what: string) {
    super(`${program}: a wrong proposal was accepted: ${what}`);
    this.program = program;
    this.code = code;
  }
}

/** xorshift32 */
const generator = (seed: number) => {
  let x = seed >>> 0 || 1;
  return (below: number): number => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return (x >>> 0) % below;
  };
};

/** Runs of an accepted mutant, on other inputs than the judge's. */
const CHECK_RUNS = 300;
const SEARCH_MS = 400;
/** Maps are made this small, since each run makes and reads all of them. */
const MAX_ENTRIES = 16;

/** A program and what is proposed for it, where there is something. */
const subjectsOf = (host: Host, programs: readonly ModuleProgram[], runs: number) =>
  programs.map((given) => {
    const maps = given.maps.map((m) => ({ ...m, maxEntries: Math.min(m.maxEntries, MAX_ENTRIES) }));
    const program = { ...given, maps };
    const reference = new Reference(host, program, { runs, seed: 0x51ed27 });
    const [best] = optimise(program.code, {
      maps: program.maps,
      timeMs: SEARCH_MS,
      ...lookingAt(host, program),
    });
    return { program, right: best?.code ?? program.code, reference };
  });

const tally = async (
  host: Host,
  program: ModuleProgram,
  code: Uint8Array,
  counts: MutantCounts,
  policy: JudgePolicy,
  seed: number,
): Promise<void> => {
  const judgement = await judge(program, { code, proposer: 'mutant', note: '' }, policy);
  const { layer, proof, verdict } = judgement;
  if (proof?.verdict === 'unknown') counts.proofs.open++;
  else if (proof) counts.proofs.decided++;
  if (proof?.verdict === 'different') counts.proofs.different++;
  if (verdict === 'refused') {
    counts.refused[layer] = (counts.refused[layer] ?? 0) + 1;
    return;
  }
  counts.accepted++;
  const checked = comparePrograms(host, program, { ...program, code }, { runs: CHECK_RUNS, seed });
  if (checked.same) return;
  counts.wrong++;
  throw new WrongPatchError(program.name, code, `they differ in run ${checked.runs} with seed ${seed}`);
};

/** @throws WrongPatchError when a wrong proposal gets through: the layers are broken */
export const tryMutants = async (
  programs: readonly ModuleProgram[],
  { count, seed, policy = {}, signal, progress }: MutantOptions,
): Promise<MutantCounts> => {
  const host = await loadHost();
  const random = generator(seed);
  const subjects = subjectsOf(host, programs, policy.differentialRuns ?? 128);
  const counts: MutantCounts = {
    count: 0,
    wrong: 0,
    accepted: 0,
    refused: {},
    kinds: {},
    proofs: { decided: 0, open: 0, different: 0 },
  };
  const strict = { ...policy, mustBeCheaper: false };
  while (counts.count < count && !signal?.aborted) {
    const { program, right, reference } = subjects[random(subjects.length)]!;
    const made = mutant(right, random);
    if (!made) continue;
    counts.count++;
    counts.kinds[made.kind] = (counts.kinds[made.kind] ?? 0) + 1;
    await tally(host, program, made.code, counts, { ...strict, reference }, random(2 ** 31));
    progress?.(counts);
  }
  return counts;
};
