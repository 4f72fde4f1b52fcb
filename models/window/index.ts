/** Windows of programs, in the words of the shipped model. */
export { operationsOf, type Reading, readAnswer } from './answer.ts';
export { type Spelling, SpellingError, spell, unspell } from './canonical.ts';
export { agree, registersIn, windowsAgree } from './evaluate.ts';
export { windowGrammar } from './grammar.ts';
export { ordered, registerDependences } from './order.ts';
export {
  type Answerer,
  CONTEXT_WORDS,
  compatible,
  type Replacement,
  type RewriteOptions,
  type Rewritten,
  rewritten,
  splice,
} from './rewrite.ts';
export { answerOf, DIALECT, idOf, questionOf, SAME, textOf, words, wordsOf } from './vocabulary.ts';
export {
  isPlain,
  MAX_WINDOW,
  type PlacedWindow,
  type PlainOperation,
  slotsIn,
  type Window,
  windowsOf,
} from './window.ts';
