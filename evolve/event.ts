/** What the loop reports while it works; the command line prints these as they are. */
import type { Detection } from './detect.ts';
import type { Judgement } from './judge.ts';

export type LoopEvent =
  | ({ readonly event: 'detect'; readonly module: string; readonly version: number } & Detection)
  | {
      readonly event: 'proposal';
      readonly module: string;
      readonly proposer: string;
      readonly note: string;
      /** Program hash of the proposal, in hex. */
      readonly candidate: string;
      readonly slots: number;
      readonly verdict: 'accepted' | 'refused';
      readonly layer: string;
      readonly code: string;
      readonly reason: string;
      readonly insn?: number;
      readonly bound_before?: number;
      readonly bound_after?: number;
      readonly words_before?: number;
      readonly words_after?: number;
      readonly proof?: { verdict: string; hash: string; queries: number; ms: number };
    }
  | {
      readonly event: 'swap';
      readonly module: string;
      readonly version: number;
      readonly proposer: string;
      readonly canary: boolean;
      readonly insns: number;
      readonly bound: bigint;
      readonly jit_bytes: number;
    }
  | {
      readonly event: 'promoted' | 'rollback';
      readonly module: string;
      readonly version: number;
      /** Name of the status, e.g. `canary_slower`. */
      readonly reason: string;
      readonly sentence: string;
      /** Cycles per call of the predecessor and of the canary, over the window. */
      readonly cycles_before: bigint;
      readonly cycles_after: bigint;
    }
  | { readonly event: 'rest'; readonly module: string; readonly reason: string };

export type EventListener = (event: LoopEvent) => void;

const defined = <T extends object>(value: T): T =>
  Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined)) as T;

/** The event of one judgement. */
export const proposalEvent = (
  head: { module: string; proposer: string; note: string; candidate: string; slots: number },
  j: Judgement,
): LoopEvent & { event: 'proposal' } => {
  const { proof } = j;
  return defined({
    event: 'proposal',
    ...head,
    verdict: j.verdict,
    layer: j.layer,
    code: j.code,
    reason: j.reason,
    insn: j.insn,
    bound_before: j.before?.bound,
    bound_after: j.after?.bound,
    words_before: j.before?.words,
    words_after: j.after?.words,
    proof: proof && { verdict: proof.verdict, hash: proof.hash, queries: proof.queries, ms: proof.ms },
  } as LoopEvent & { event: 'proposal' });
};
