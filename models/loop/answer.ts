/** What a model answered about a loop, as the program that it would make. Nothing in it is believed. */
import { AssemblyError, assembleOperations } from '../../ebpf/index.ts';
import type { Operation } from '../../ebpf/instruction.ts';
import { SpellingError } from '../window/canonical.ts';
import { isPlain } from '../window/window.ts';
import type { LoopWindow } from './loop.ts';
import { type LoopSpelling, unspellLanes } from './spelling.ts';
import { type Lanes, spliceLoop } from './splice.ts';
import { AFTER, loopTextOf, TURN } from './vocabulary.ts';

const operationsOf = (text: string): Operation[] => {
  const operations = assembleOperations(text);
  const isKnown = (op: Operation) => isPlain(op) || (op.kind === 'ld_imm64' && op.form === 'number');
  if (!operations.every(isKnown)) throw new RangeError('it holds more than plain instructions');
  return operations;
};

/** @throws AssemblyError, RangeError */
export const lanesOf = (text: string): Lanes => {
  const [before, rest, more] = text.split(TURN);
  const [turn, after, other] = rest?.split(AFTER) ?? [];
  if (before === undefined || !turn || after === undefined || more !== undefined || other !== undefined)
    throw new RangeError('it is not made of a piece before the loop, a turn, and a piece behind it');
  return { before: operationsOf(before), turn: operationsOf(turn), after: operationsOf(after) };
};

/** @param tokens the model's words, without the end; undefined when they make no program. */
export const programOfAnswer = (
  window: LoopWindow,
  spelling: LoopSpelling,
  tokens: readonly number[],
): Uint8Array | undefined => {
  try {
    return spliceLoop(window, unspellLanes(spelling, lanesOf(loopTextOf(tokens))));
  } catch (error) {
    if (error instanceof AssemblyError || error instanceof SpellingError || error instanceof RangeError)
      return undefined;
    throw error;
  }
};
