/** Sets of pairs, and the files in which the training script finds them. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Random } from '../../ebpf/random.ts';
import { answerOf, idOf, questionOf, SAME, SPECIAL } from '../window/vocabulary.ts';
import type { Window } from '../window/window.ts';
import type { Family } from './families/index.ts';
import { makePair, type Pair } from './pair.ts';
import { syntheticWebs } from './synthetic.ts';
import { websOf } from './webs.ts';

export type SetOptions = {
  readonly count: number;
  /** Families that the pairs are made with. */
  readonly families: readonly Family[];
  /** Every pair holds one of these; default: of `families`. */
  readonly first?: readonly Family[];
  /** One in this many pairs has nothing to gain. Default none. */
  readonly sameEvery?: number;
  /** Pairs must not ask one of these questions. */
  readonly without?: ReadonlySet<string>;
};

export const questionText = (pair: Pair): string => questionOf(pair.slow).join('');

const TRIES = 60;

const byWeight = (families: readonly Family[]): Family[] =>
  families.flatMap((f) => Array.from({ length: f.weight }, () => f));

const onePair = (
  corpus: readonly Window[],
  random: Random,
  options: SetOptions,
  first: Family | undefined,
) => {
  for (let i = 0; i < TRIES; i++) {
    const webs = random.once(2) || corpus.length === 0 ? syntheticWebs(random) : websOf(random.pick(corpus));
    if (webs.operations.length < 2) continue;
    const times = first ? 1 + (random.once(2) ? 0 : 1 + random.below(3)) : 0;
    const pair = makePair(webs, random, { families: options.families, times, ...(first ? { first } : {}) });
    if (pair) return pair;
  }
  return undefined;
};

/** Pairs with different questions, each family as often as its weight says. */
export const makeSet = (corpus: readonly Window[], random: Random, options: SetOptions): Pair[] => {
  const firsts = byWeight(options.first ?? options.families);
  const seen = new Set<string>(options.without);
  const out: Pair[] = [];
  for (let tries = 0; out.length < options.count && tries < options.count * 20; tries++) {
    const isSame = options.sameEvery !== undefined && random.once(options.sameEvery);
    const pair = onePair(corpus, random, options, isSame ? undefined : random.pick(firsts));
    if (!pair) continue;
    const question = questionText(pair);
    if (seen.has(question)) continue;
    seen.add(question);
    out.push(pair);
  }
  return out;
};

export const tokensOf = (pair: Pair): { question: number[]; answer: number[] } => ({
  question: questionOf(pair.slow).map(idOf),
  answer: (pair.families.length === 0 ? [SAME, SPECIAL.end] : answerOf(pair.fast)).map(idOf),
});

type Tokens = { readonly question: readonly number[]; readonly answer: readonly number[] };

/** NAME.tokens: 16-bit token ids of all pairs; NAME.index: for each pair, 32-bit start, start of its answer, end. */
export const writeTokens = (folder: string, name: string, pairs: readonly Tokens[]): void => {
  mkdirSync(folder, { recursive: true });
  const tokens: (readonly number[])[] = [];
  const index = new Uint32Array(pairs.length * 3);
  let at = 0;
  for (const [i, { question, answer }] of pairs.entries()) {
    index.set([at, at + question.length, at + question.length + answer.length], i * 3);
    at += question.length + answer.length;
    tokens.push(question, answer);
  }
  writeFileSync(join(folder, `${name}.tokens`), Uint16Array.from(tokens.flat()));
  writeFileSync(join(folder, `${name}.index`), index);
};

export const writeSet = (folder: string, name: string, pairs: readonly Pair[]): void =>
  writeTokens(folder, name, pairs.map(tokensOf));
