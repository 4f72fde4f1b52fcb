/** The words of the loop model: those of windows, and what loops need besides. */
import { branchSymbols } from '../../ebpf/index.ts';
import type { Operation } from '../../ebpf/instruction.ts';
import { registersIn } from '../window/evaluate.ts';
import { ARROW, immediateWords, registerWord, SPECIAL, words, wordsOf } from '../window/vocabulary.ts';
import type { PlainOperation } from '../window/window.ts';
import type { Turn } from './loop.ts';
import type { Lanes } from './splice.ts';

export const LOOP_DIALECT = 'loop-1';

/** The same number in every lane. */
export const LANE_CONSTANTS = [8n, 16n, 32n].flatMap((bits) => {
  const ones = ((1n << 64n) - 1n) / ((1n << bits) - 1n);
  const high = ones << (bits - 1n);
  return [ones, high, high - ones, ones * ((1n << (bits / 2n)) - 1n)];
});

const constantWord = (value: bigint) => `0x${value.toString(16)} ll\n`;
const LABELS = ['L1', 'L2', 'L3', 'L4'];
export const TURN = 'turn\n';
export const AFTER = 'after\n';
/** What is asked: bytes of an element. */
const ELEMENT = 'element ';
const LINE = '\n';

/** Numbers digit by digit: so one that was never seen can be copied all the same. */
const inDigits = (word: string): string[] => {
  const [, head, digits, close] = /^( [+-] 0x|-?0x)([0-9a-f]+)(\)\n|\) = |\n)$/.exec(word) ?? [];
  return head === undefined ? [word] : [head, ...digits!, close!];
};

export const loopWords: readonly string[] = [
  ...words,
  TURN,
  AFTER,
  ELEMENT,
  'if ',
  ...Object.values(branchSymbols)
    .map((s) => ` ${s} `)
    .filter((w) => !words.includes(w)),
  ...LABELS.flatMap((l) => [`goto ${l}\n`, `${l}:\n`]),
  ...[...new Set(LANE_CONSTANTS)].map(constantWord),
];

const ids = new Map(loopWords.map((word, id) => [word, id]));

export const loopIdOf = (word: string): number => {
  const id = ids.get(word);
  if (id === undefined) throw new RangeError(`"${word}" is not a word of the model`);
  return id;
};

export const loopTextOf = (tokens: readonly number[]): string =>
  tokens.map((id) => loopWords[id] ?? '').join('');

/** @throws RangeError when the turn branches to more places than there are labels */
export const loopQuestionOf = ({ operations, known, liveOut }: Turn, size: number): string[] => {
  const targets = [...new Set(operations.flatMap((op) => (op.kind === 'turn-branch' ? [op.to] : [])))];
  targets.sort((a, b) => a - b);
  const label = (to: number) => LABELS[targets.indexOf(to)] ?? 'none';
  const mark = (at: number) => (targets.includes(at) ? [`${label(at)}:\n`] : []);
  const lines = operations.flatMap((op, i) => {
    if (op.kind !== 'turn-branch') return [...mark(i), ...wordsOf(op)];
    const { width, dst, src, op: test } = op.branch;
    const right = src.kind === 'reg' ? [`${registerWord(width, src.reg)}\n`] : immediateWords(src.imm);
    const left = registerWord(width, dst);
    return [...mark(i), 'if ', left, ` ${branchSymbols[test]} `, ...right, `goto ${label(op.to)}\n`];
  });
  const values = [...known].flatMap(([r, value]) => [`r${r}`, ' = ', ...immediateWords(value)]);
  const live = registersIn(liveOut).map((r) => `live r${r}\n`);
  const asked = [...values, TURN, ...lines, ...mark(operations.length), ...live].flatMap(inDigits);
  return [SPECIAL.start, ELEMENT, `${size}`, LINE, ...asked, ARROW];
};

const linesOf = (ops: readonly Operation[]): string[] =>
  ops.flatMap((op) =>
    op.kind === 'ld_imm64'
      ? [`r${op.dst}`, ' = ', constantWord(BigInt.asUintN(64, op.imm))]
      : wordsOf(op as PlainOperation),
  );

export const loopAnswerOf = ({ before, turn, after }: Lanes): string[] => [
  ...[...linesOf(before), TURN, ...linesOf(turn), AFTER, ...linesOf(after)].flatMap(inDigits),
  SPECIAL.end,
];
