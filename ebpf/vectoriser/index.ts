/** Loops over buffers, and what was unrolled of them, as calls of vector helpers. What comes out is a proposal: verifier, differential runs and proof judge it. */
import { type Code, lift, lower, tidied } from '../optimiser/index.ts';
import { liveAfter } from '../optimiser/liveness.ts';
import type { Context } from '../optimiser/rule.ts';
import { registersOf } from '../prover/flow.ts';
import { checksumPlan } from './crc.ts';
import { replaceLoop } from './emit.ts';
import { turningLoops } from './loop.ts';
import { plansFor } from './patterns.ts';
import { summarisedLoops } from './summary.ts';
import { sumsOfProducts } from './sums.ts';

export type Vectorised = {
  readonly code: Uint8Array;
  /** Helpers that are called now. */
  readonly helpers: readonly string[];
};

export type VectoriseOptions = {
  readonly context?: Context;
  /** A quick look whether a draft can be right. */
  readonly check?: (code: Uint8Array) => boolean;
};

/** Most loops of one program. */
const MAX_LOOPS = 8;

const registersIn = (mask: number) => Array.from({ length: 10 }, (_, r) => r).filter((r) => mask & (1 << r));

/** Every single loop, or sum of products, lifted, each way it can be. */
const lifted = function* (code: Code): Generator<{ code: Code; helpers: readonly string[] }> {
  const live = liveAfter(code);
  const before = (i: number) => {
    const { reads, writes } = registersOf(code[i]!.op);
    return registersIn(reads | (live[i]! & ~writes));
  };
  const checksums = summarisedLoops(code).flatMap((loop) => checksumPlan(code, loop, before) ?? []);
  for (const plan of [...turningLoops(code).flatMap((loop) => plansFor(loop, before)), ...checksums]) {
    const ends = [plan.otherwise, plan.special?.outcome].flatMap((o) => (o ? before(o.to) : []));
    const made = replaceLoop(code, plan, [...before(plan.head), ...ends]);
    if (made) yield { code: made, helpers: plan.calls.map((c) => c.helper) };
  }
  yield* sumsOfProducts(code, before);
};

/**
 * Programs with one loop after the other lifted, the most first.
 * @throws RangeError when the program has undefined instructions or jumps outside itself
 */
export const vectorise = (
  program: Uint8Array,
  { context = { maps: [] }, check = () => true }: VectoriseOptions = {},
): Vectorised[] => {
  const out: Vectorised[] = [];
  let current: { code: Code; helpers: readonly string[] } = { code: lift(program), helpers: [] };
  for (let n = 0; n < MAX_LOOPS; n++) {
    let next: typeof current | undefined;
    for (const made of lifted(current.code)) {
      const code = tidied(made.code, context);
      if (!check(lower(code))) continue;
      next = { code, helpers: [...current.helpers, ...made.helpers] };
      break;
    }
    if (!next) break;
    current = next;
    out.unshift({ code: lower(current.code), helpers: current.helpers });
  }
  return out;
};
