/**
 * Wrong proposals by the thousand: single mistakes in right ones, through all layers. Which layer refuses what is counted; what
 * is accepted must do the same as the original on many more inputs than the judge tried.
 */
import { setImmediate } from 'node:timers/promises';
import { mapTypes } from '../../abi/index.ts';
import { comparePrograms, type Host, loadHost, type ModuleProgram, Reference } from '../../ebpf/index.ts';
import { optimise } from '../../ebpf/optimiser/index.ts';
import { type MutationKind, mutant } from '../../ebpf/prover/index.ts';
import { Random } from '../../ebpf/random.ts';
import { codeHash, type JudgePolicy, judge, type Layer } from '../judge.ts';
import { lookingAt } from '../proposer.ts';

export type MutantCounts = {
  /** Different ones: a mistake that comes up twice is tried once. */
  count: number;
  /** Programs that differ on some input although they were accepted: none may be. */
  wrong: number;
  accepted: number;
  readonly refused: Partial<Record<Layer, number>>;
  readonly kinds: Partial<Record<MutationKind, number>>;
  /** Of those that passed the differential tests: decided within the time for a proof (`different` and `easy`, those without a solver, among them), and not. */
  readonly proofs: { decided: number; open: number; different: number; easy: number };
};

/** Which of the programs: those whose place leaves `index` when it is divided by `of`. Counts of different parts add up. */
export type Part = { readonly index: number; readonly of: number };

export type MutantOptions = {
  readonly count: number;
  readonly seed: number;
  /** Proposals at the start of the sequence that were tried before: they are made again, and neither tried nor counted. Default 0. */
  readonly skip?: number;
  readonly part?: Part;
  /**
   * What a proposal is held against: the program as the compiler left it (default), or the right proposal for it, as when that
   * one runs already. The latter asks less of the prover.
   */
  readonly against?: 'original' | 'right';
  readonly policy?: JudgePolicy;
  /** Stops after the mutant in hand; what was counted until then is returned. */
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

/** Runs of an accepted mutant, on other inputs than the judge's. */
const CHECK_RUNS = 300;
const SEARCH_MS = 100;
/** Draws in a row that bring nothing new: then there are no more. */
const MAX_REPEATED = 20_000;
/** Maps are made this small, since each run makes and reads all of them. */
const MAX_ENTRIES = 16;

type Subject = { readonly program: ModuleProgram; readonly right: Uint8Array; readonly reference: Reference };

const found = new WeakMap<Uint8Array, Uint8Array>();

/**
 * What is proposed for a program; the program itself where nothing is. Asked once: how far the search gets hangs a little on the
 * machine, so that other processes may start from other proposals.
 */
const rightOf = (host: Host, program: ModuleProgram): Uint8Array => {
  const options = { maps: program.maps, timeMs: SEARCH_MS, ...lookingAt(host, program) };
  const right = found.get(program.code) ?? optimise(program.code, options)[0]?.code ?? program.code;
  found.set(program.code, right);
  return right;
};
const subjectOf = (
  host: Host,
  given: ModuleProgram,
  runs: number,
  against: 'original' | 'right',
): Subject => {
  const maps = given.maps.map((m) => ({
    ...m,
    maxEntries: m.type === mapTypes.ringbuf ? m.maxEntries : Math.min(m.maxEntries, MAX_ENTRIES),
  }));
  const original = { ...given, maps };
  const right = rightOf(host, original);
  const program = against === 'right' ? { ...original, code: right } : original;
  return { program, right, reference: new Reference(host, program, { runs, seed: 0x51ed27 }) };
};

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
  if (proof && proof.verdict !== 'unknown' && proof.queries === 0) counts.proofs.easy++;
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
  all: readonly ModuleProgram[],
  { count, seed, skip = 0, part = { index: 0, of: 1 }, against = 'original', ...options }: MutantOptions,
): Promise<MutantCounts> => {
  const { policy = {}, signal, progress } = options;
  const host = await loadHost();
  const programs = all.filter((_, i) => i % part.of === part.index);
  const random = new Random(seed);
  const subjects: Subject[] = [];
  const tried = new Set<string>();
  const counts: MutantCounts = {
    count: 0,
    wrong: 0,
    accepted: 0,
    refused: {},
    kinds: {},
    proofs: { decided: 0, open: 0, different: 0, easy: 0 },
  };
  const strict = { ...policy, mustBeCheaper: false };
  let skipped = 0;
  for (let repeated = 0; counts.count < count && repeated < MAX_REPEATED && !signal?.aborted; ) {
    const which = random.below(programs.length);
    subjects[which] ??= subjectOf(host, programs[which]!, policy.differentialRuns ?? 128, against);
    const { program, right, reference } = subjects[which];
    const made = mutant(right, random);
    if (!made || tried.size === tried.add(`${which} ${codeHash(made.code)}`).size) {
      repeated++;
      continue;
    }
    repeated = 0;
    // Drawn for those that are skipped, too, so that the others stay what they are.
    const checkSeed = random.below(2 ** 31);
    if (skipped < skip) {
      skipped++;
      continue;
    }
    // Lets signals in: everything else here may finish without ever waiting.
    await setImmediate();
    counts.count++;
    counts.kinds[made.kind] = (counts.kinds[made.kind] ?? 0) + 1;
    await tally(host, program, made.code, counts, { ...strict, reference }, checkSeed);
    progress?.(counts);
  }
  return counts;
};
