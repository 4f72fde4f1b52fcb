/** Conditions on neighbouring slices of one term that hold together, as one condition on the joined slice. */
import type { Term } from './term.ts';

type Literal = {
  readonly base: Term;
  readonly hi: number;
  readonly lo: number;
  readonly value: bigint;
  readonly isEqual: boolean;
};

const sliceOf = (t: Term) =>
  t.op === 'extract' ? { base: t.args[0]!, hi: t.hi, lo: t.lo } : { base: t, hi: t.width - 1, lo: 0 };

const isNegation = (t: Term) =>
  t.op === 'xor' && t.width === 1 && t.args.at(-1)!.op === 'const' && t.args.length === 2;

const literalOf = (t: Term): Literal | undefined => {
  if (t.op === 'eq' && t.args[1]!.op === 'const')
    return { ...sliceOf(t.args[0]!), value: t.args[1]!.value, isEqual: true };
  if (t.op === 'extract') return { ...sliceOf(t), value: 1n, isEqual: false };
  const inner = isNegation(t) ? t.args[0]! : undefined;
  return inner?.op === 'extract' ? { ...sliceOf(inner), value: 0n, isEqual: false } : undefined;
};

const joined = (a: Literal, b: Literal): Literal | undefined => {
  if (a.base !== b.base || !(a.isEqual || b.isEqual)) return undefined;
  const [high, low] = a.lo > b.lo ? [a, b] : [b, a];
  if (high.lo !== low.hi + 1) return undefined;
  const value = (high.value << BigInt(low.hi - low.lo + 1)) | low.value;
  return { base: a.base, hi: high.hi, lo: low.lo, value, isEqual: true };
};

export type Joined = { readonly rest: readonly Term[]; readonly equal: readonly Literal[] };

/** Whether two of them are about one term. */
const sharesBase = (literals: readonly (Literal | undefined)[]): boolean => {
  const seen = new Set<Term>();
  return literals.some((l) => l && seen.size === seen.add(l.base).size);
};

/** Which of the conditions, all of which hold, are one; undefined when none are. */
export const joinLiterals = (conditions: readonly Term[]): Joined | undefined => {
  const single = conditions.map(literalOf);
  if (!sharesBase(single)) return undefined;
  const literals = conditions.map((t, i) => ({ from: [t], literal: single[i] }));
  let found = false;
  for (let i = 0; i < literals.length; i++) {
    for (let j = i + 1; j < literals.length; j++) {
      const [a, b] = [literals[i]!, literals[j]!];
      const both = a.literal && b.literal && joined(a.literal, b.literal);
      if (!both) continue;
      literals.splice(j, 1);
      literals[i] = { from: [...a.from, ...b.from], literal: both };
      found = true;
      j = i;
    }
  }
  if (!found) return undefined;
  const isJoined = (l: { from: readonly Term[] }) => l.from.length > 1;
  return {
    rest: literals.filter((l) => !isJoined(l)).map((l) => l.from[0]!),
    equal: literals.filter(isJoined).map((l) => l.literal!),
  };
};
