/** What a model is asked about the loops of a program, and the programs that its answers make. */
import type { Completion } from '../runner.ts';
import { type Answerer, CONTEXT_WORDS } from '../window/rewrite.ts';
import { programOfAnswer } from './answer.ts';
import { loopGrammar } from './grammar.ts';
import { type LoopWindow, loopWindowsOf } from './loop.ts';
import { type LoopSpelling, spellLoop } from './spelling.ts';
import { loopIdOf, loopQuestionOf } from './vocabulary.ts';

export type AskOptions = {
  /** Answers to each question; the first is the likeliest one, the others are sampled. Default 4. */
  readonly samples?: number;
  /** First seed of the samples; default 1. */
  readonly seed?: number;
};

export type AskedLoop = {
  readonly window: LoopWindow;
  /** Programs with the loop replaced, the likeliest first. */
  readonly programs: readonly Uint8Array[];
};

const TEMPERATURE = 0.6;
const MOST_WORDS = 180;

type Question = {
  readonly window: LoopWindow;
  readonly spelling: LoopSpelling;
  readonly tokens: readonly number[];
};

const questionsAbout = (program: Uint8Array): Question[] =>
  loopWindowsOf(program).flatMap((window) => {
    const spelling = spellLoop(window);
    const tokens = loopQuestionOf(spelling.turn, window.size).map(loopIdOf);
    return tokens.length + MOST_WORDS > CONTEXT_WORDS ? [] : [{ window, spelling, tokens }];
  });

const completionOf = ({ spelling, tokens }: Question, sample: number, seed: number): Completion => ({
  tokens,
  grammar: loopGrammar(spelling.names.length),
  maxTokens: MOST_WORDS,
  temperature: sample === 0 ? 0 : TEMPERATURE,
  seed: seed + sample,
});

/** One loop after the other; the model is not asked about a program that has none. */
export async function* askAboutLoops(
  program: Uint8Array,
  answer: Answerer,
  { samples = 4, seed = 1 }: AskOptions = {},
): AsyncGenerator<AskedLoop> {
  for (const question of questionsAbout(program)) {
    const { window, spelling } = question;
    const answers = await answer(Array.from({ length: samples }, (_, i) => completionOf(question, i, seed)));
    const programs = answers.flatMap((words) => programOfAnswer(window, spelling, words) ?? []);
    yield { window, programs };
  }
}
