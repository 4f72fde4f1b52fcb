/**
 * What a proof may take, counted in work: terms that the prover makes and steps that the solver takes are the same on every machine
 * and whatever else it does, so a verdict hangs on them. Time is only the end of patience.
 */
import { processorMs } from '../processor-time.ts';
import { type Answer, STEPS_PER_MS } from './solver.ts';
import { OUT_OF_TIME, ProofLimit } from './term.ts';

/** Terms made or found in one ms of processor time, about. */
const TERMS_PER_MS = 300;
/** Processor time may be this much longer than the work: caches are shared, and some processors are slower. */
const PATIENCE = 4;

export class Budget {
  readonly #started = processorMs();
  readonly #terms: () => number;
  #solverMs = 0;
  #solverSteps = 0;

  /** @param terms made or found so far */
  constructor(terms: () => number) {
    this.#terms = terms;
  }

  /** Processor time, in ms, the solver's among it. */
  get ms(): number {
    return processorMs() - this.#started + this.#solverMs;
  }

  /** What was done so far, in ms that it takes about. */
  get work(): number {
    return this.#terms() / TERMS_PER_MS + this.#solverSteps / STEPS_PER_MS;
  }

  isOver(limit: number): boolean {
    return this.work > limit || this.ms > limit * PATIENCE;
  }

  /** Steps that are left to the solver. @throws ProofLimit when none are */
  stepsLeft(limit: number): number {
    const left = Math.round((limit - this.work) * STEPS_PER_MS);
    if (left <= 0 || this.isOver(limit)) throw new ProofLimit(OUT_OF_TIME);
    return left;
  }

  spend({ ms, steps }: Pick<Answer, 'ms' | 'steps'>): void {
    this.#solverMs += ms;
    this.#solverSteps += steps;
  }
}
