/** One proposer is asked: what it proposes is tried, one after the other, until something is accepted. */
import type { Judgement } from './judge.ts';
import type { Proposal } from './proposer.ts';

/** What became of a proposal. `unproven`: it came as far as the prover, which did not prove it. `skipped`: it was not judged. */
export type Tried = 'accepted' | 'unproven' | 'refused' | 'skipped';

/** Proposals of one proposer whose proof may fail: where a proof fails, those of its like mostly do, and they take longest. */
const UNPROVEN = 2;

export type AskLimits = {
  /** Proposals that are judged at most: the first ones promise most. */
  readonly attempts: number;
  /** Whether it is time to stop. */
  readonly isOver?: () => boolean;
};

export const triedIn = ({ verdict, proof }: Judgement): Tried =>
  verdict === 'accepted' ? verdict : proof ? 'unproven' : 'refused';

/** The first proposal that is accepted; undefined when none is, or the limits are reached. */
export const firstAccepted = async (
  proposals: AsyncIterable<Proposal>,
  tryOne: (proposal: Proposal) => Promise<Tried>,
  { attempts, isOver = () => false }: AskLimits,
): Promise<Proposal | undefined> => {
  let [left, unproven] = [attempts, UNPROVEN];
  if (left <= 0) return undefined;
  for await (const proposal of proposals) {
    if (isOver()) return undefined;
    const tried = await tryOne(proposal);
    if (tried === 'accepted') return proposal;
    if (tried !== 'skipped') left -= 1;
    if (tried === 'unproven') unproven -= 1;
    if (left === 0 || unproven === 0) return undefined;
  }
  return undefined;
};
