/** Loops of programs, in the words of the shipped model. */
export { lanesOf, programOfAnswer } from './answer.ts';
export { type AskedLoop, type AskOptions, askAboutLoops } from './ask.ts';
export { loopGrammar } from './grammar.ts';
export { type LoopWindow, loopWindowsOf, type Turn } from './loop.ts';
export { type LoopSpelling, spellLoop, unspellLanes } from './spelling.ts';
export { type Lanes, spliceLoop } from './splice.ts';
export { LOOP_DIALECT, loopAnswerOf, loopIdOf, loopQuestionOf, loopTextOf, loopWords } from './vocabulary.ts';
