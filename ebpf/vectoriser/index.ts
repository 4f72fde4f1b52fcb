/** Loops over buffers, and what was unrolled of them, as calls of vector helpers. What comes out is a proposal: verifier, differential runs and proof judge it. */
import { vectors } from '../../abi/index.ts';
import { type Code, lift, lower, tidied } from '../optimiser/index.ts';
import { liveAfter } from '../optimiser/liveness.ts';
import type { Context } from '../optimiser/rule.ts';
import { registersOf } from '../prover/flow.ts';
import { checksumPlan } from './crc.ts';
import { replaceLoop } from './emit.ts';
import { turningLoops } from './loop.ts';
import { helpersFor, replaceByPair } from './pairs.ts';
import { plansFor } from './patterns.ts';
import { summarisedLoops } from './summary.ts';
import { sumsOfProducts } from './sums.ts';
import { byWords } from './words.ts';

export type Vectorised = {
  readonly code: Uint8Array;
  /** Helpers that are called now, and `words` for a loop that is done in plain loads of eight bytes. */
  readonly helpers: readonly string[];
};

export type VectoriseOptions = {
  readonly context?: Context;
  /** A quick look whether a draft can be right. */
  readonly check?: (code: Uint8Array) => boolean;
};

export const WORDS = 'words';

/** Most loops of one program. */
const MAX_LOOPS = 8;

const registersIn = (mask: number) => Array.from({ length: 10 }, (_, r) => r).filter((r) => mask & (1 << r));

type Lifted = { readonly code: Code; readonly helpers: readonly string[] };

/** Every single loop, or sum of products, lifted, each way it can be. */
const lifted = function* (code: Code, inWords: boolean): Generator<Lifted> {
  const live = liveAfter(code);
  const before = (i: number) => {
    const { reads, writes } = registersOf(code[i]!.op);
    return registersIn(reads | (live[i]! & ~writes));
  };
  const loops = turningLoops(code);
  if (inWords)
    for (const made of loops.flatMap((loop) => byWords(code, loop, before)))
      yield { code: made, helpers: [WORDS] };
  const checksums = summarisedLoops(code).flatMap((loop) => checksumPlan(code, loop, before) ?? []);
  for (const plan of [...loops.flatMap((loop) => plansFor(loop, before)), ...checksums]) {
    const ends = [plan.otherwise, plan.special?.outcome].flatMap((o) => (o ? before(o.to) : []));
    const isPair = plan.calls.some((c) => vectors[c.helper] === undefined);
    const made = (isPair ? replaceByPair : replaceLoop)(code, plan, [...before(plan.head), ...ends]);
    if (made) yield { code: made, helpers: plan.calls.flatMap((c) => helpersFor(c.helper)) };
  }
  yield* sumsOfProducts(code, before);
};

/** Programs with one loop after the other lifted, the most first. */
const allLifted = (
  program: Uint8Array,
  { context = { maps: [] }, check = () => true }: VectoriseOptions,
  inWords: boolean,
): Vectorised[] => {
  const out: Vectorised[] = [];
  let current: Lifted = { code: lift(program), helpers: [] };
  for (let n = 0; n < MAX_LOOPS; n++) {
    let next: Lifted | undefined;
    for (const made of lifted(current.code, inWords)) {
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

/**
 * Programs with one loop after the other lifted, the most first: such with words where these do, then such with helpers alone.
 * @throws RangeError when the program has undefined instructions or jumps outside itself
 */
export const vectorise = (program: Uint8Array, options: VectoriseOptions = {}): Vectorised[] => {
  const inWords = allLifted(program, options, true);
  if (!inWords.some(({ helpers }) => helpers.includes(WORDS))) return inWords;
  return [...inWords, ...allLifted(program, options, false)];
};
