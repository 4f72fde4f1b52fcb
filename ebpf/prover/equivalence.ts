/**
 * Proves that one program may replace another: same result, same effects on memory and maps, same helper calls in the same
 * order, for every input. Both programs must have passed the verifier; what they may not do is not considered here.
 */
import { createHash } from 'node:crypto';
import type { Counterexample } from './counterexample.ts';
import { type Outcome, type ProofOptions, type Question, Session, type Verdict } from './session.ts';
import { ProofLimit } from './term.ts';

export type Proof = {
  readonly verdict: Verdict;
  /** One sentence. */
  readonly reason: string;
  readonly counterexample?: Counterexample;
  /** Questions the solver was asked. */
  readonly queries: number;
  /** Paths of the old program. */
  readonly paths: number;
  /** Processor time, the solver's among it. */
  readonly ms: number;
  /** What it cost of `timeoutMs`: the same on every machine, but for questions that were refuted before. */
  readonly work: number;
  /** SHA-256 over both programs, the setting, the verdict and every question asked: what `proof_hash` of a patch names. */
  readonly hash: string;
};

/** Pairs that were decided, by hash: proposals come up again. */
const decided = new Map<string, Proof>();
const MAX_DECIDED = 4096;

const pairOf = (before: Uint8Array, after: Uint8Array, options: ProofOptions): string => {
  const { hook, memorySize, maxPaths, maxSteps } = options;
  const maps = options.maps.map((m) => ({ ...m, init: m.init && Buffer.from(m.init).toString('hex') }));
  const setting = JSON.stringify({ hook, memorySize, maxPaths, maxSteps, maps, bytes: before.length });
  return createHash('sha256').update(setting).update(before).update(after).digest('hex');
};

/**
 * A pair that was decided before is not proven again, unless somebody wants to see the questions.
 * @param before @param after code of the two programs, 8 bytes per slot, for the same hook and maps.
 */
export const proveEquivalent = async (
  before: Uint8Array,
  after: Uint8Array,
  options: ProofOptions,
): Promise<Proof> => {
  const pair = pairOf(before, after, options);
  const known = options.onQuestion ? undefined : decided.get(pair);
  if (known) return known;
  const proof = await prove(before, after, options);
  if (proof.verdict === 'unknown') return proof;
  if (decided.size >= MAX_DECIDED) decided.delete(decided.keys().next().value!);
  decided.set(pair, proof);
  return proof;
};

type Attempt = { readonly proof: Proof; readonly isFinal: boolean };

const attempt = async (
  before: Uint8Array,
  after: Uint8Array,
  options: ProofOptions,
  writesAreUnknown: boolean,
): Promise<Attempt> => {
  const session = new Session(options, before, after, writesAreUnknown);
  const outcome = await session.prove(before, after).catch((error: unknown): Outcome => {
    if (error instanceof ProofLimit || error instanceof RangeError)
      return { verdict: 'unknown', reason: error.message };
    throw error;
  });
  const { queries, paths } = session;
  const ms = Math.round(session.ms);
  const work = Math.round(session.work * 100) / 100;
  return {
    proof: { ...outcome, queries, paths, ms, work, hash: session.hash(outcome.verdict) },
    isFinal: outcome.verdict === 'proven' || !session.askedMore,
  };
};

/**
 * First with contents after writes at unknown offsets left unknown: enough where both programs write the same, and cheap. If that
 * fails, in full. Questions of an attempt that decided nothing are not told.
 */
const prove = async (before: Uint8Array, after: Uint8Array, options: ProofOptions): Promise<Proof> => {
  const { timeoutMs = 20_000, onQuestion } = options;
  const asked: Question[] = [];
  const rough = { ...options, onQuestion: (q: Question) => asked.push(q) };
  const first = await attempt(before, after, rough, true);
  if (first.isFinal) {
    for (const question of asked) onQuestion?.(question);
    return first.proof;
  }
  const { ms, work } = first.proof;
  const { proof } = await attempt(before, after, { ...options, timeoutMs: timeoutMs - work }, false);
  return { ...proof, ms: proof.ms + ms, work: proof.work + work };
};
