/** Registers, and bytes of the main function's stack, that may still be read after each node. */
import { registersOf } from '../prover/flow.ts';
import { type Code, positionsOf, successors } from './code.ts';
import { frameUses } from './frame.ts';
import type { Context } from './rule.ts';

/** Bit masks of registers live after each node. */
export const liveAfter = (code: Code): number[] => {
  const positions = positionsOf(code);
  const effects = code.map((n) => registersOf(n.op));
  const next = code.map((_, i) => successors(code, i, positions));
  const before: number[] = Array(code.length).fill(0);
  const after: number[] = Array(code.length).fill(0);
  let changed = true;
  while (changed) {
    changed = false;
    for (let i = code.length - 1; i >= 0; i--) {
      let out = 0;
      for (const to of next[i]!) out |= before[to]!;
      const { reads, writes } = effects[i]!;
      const live = reads | (out & ~writes);
      after[i] = out;
      if (live === before[i]) continue;
      before[i] = live;
      changed = true;
    }
  }
  return after;
};

/** Bytes of the frame live after each node; undefined when not all uses of the frame are known. */
export const stackLiveAfter = (code: Code, context: Context): bigint[] | undefined => {
  const uses = frameUses(code, context);
  if (!uses) return undefined;
  const positions = positionsOf(code);
  const next = code.map((_, i) => successors(code, i, positions));
  const before: bigint[] = Array(code.length).fill(0n);
  const after: bigint[] = Array(code.length).fill(0n);
  let changed = true;
  while (changed) {
    changed = false;
    for (let i = code.length - 1; i >= 0; i--) {
      let out = 0n;
      for (const to of next[i]!) out |= before[to]!;
      const live = uses[i]!.reads | (out & ~uses[i]!.writes);
      after[i] = out;
      if (live === before[i]) continue;
      before[i] = live;
      changed = true;
    }
  }
  return after;
};
