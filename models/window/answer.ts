/** What a model answered about a window: read, put back into the program's registers, and tried. Nothing in it is believed. */
import { AssemblyError, assembleOperations } from '../../ebpf/index.ts';
import { registersOf } from '../../ebpf/prover/flow.ts';
import { type Spelling, SpellingError, unspell } from './canonical.ts';
import { windowsAgree } from './evaluate.ts';
import { SAME, textOf } from './vocabulary.ts';
import { bytesOf, isPlain, type PlainOperation, slotsIn, type Window } from './window.ts';

export type Reading =
  | { readonly kind: 'same' }
  | { readonly kind: 'garbled'; readonly why: string }
  /** It clobbers a register, is not shorter, or does something else. */
  | { readonly kind: 'wrong'; readonly why: string; readonly operations: readonly PlainOperation[] }
  | { readonly kind: 'shorter'; readonly operations: readonly PlainOperation[] };

const writesOf = (ops: readonly PlainOperation[]) =>
  ops.reduce((mask, op) => mask | registersOf(op).writes, 0);

/** Random runs of an answer; a wrong one that survives these still meets verifier, differential runs and proof. */
const RUNS = 48;

/** Operations of an answer's text in canonical spelling. @throws AssemblyError, RangeError */
export const operationsOf = (text: string): PlainOperation[] => {
  const operations = assembleOperations(text);
  if (!operations.every(isPlain)) throw new RangeError('it holds more than plain instructions');
  return operations;
};

/** @throws RangeError for what has no place in an instruction, as an offset that the window's own is added to */
const judge = (window: Window, operations: readonly PlainOperation[]): Reading => {
  bytesOf(operations);
  if (slotsIn(operations) >= slotsIn(window.operations))
    return { kind: 'wrong', why: 'not shorter', operations };
  if ((writesOf(operations) & ~writesOf(window.operations)) !== 0)
    return { kind: 'wrong', why: 'writes a register that the window does not', operations };
  if (!windowsAgree(window, operations, RUNS))
    return { kind: 'wrong', why: 'does something else', operations };
  return { kind: 'shorter', operations };
};

/**
 * @param window as it stands in the program; `spelling` is what the model was asked.
 * @param tokens the model's words, without the end.
 */
export const readAnswer = (window: Window, spelling: Spelling, tokens: readonly number[]): Reading => {
  const text = textOf(tokens);
  if (text === SAME) return { kind: 'same' };
  try {
    return judge(window, unspell(spelling, operationsOf(text)));
  } catch (error) {
    if (error instanceof AssemblyError || error instanceof SpellingError || error instanceof RangeError)
      return { kind: 'garbled', why: error.message };
    throw error;
  }
};
