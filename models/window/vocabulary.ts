/**
 * The words of the shipped model: whole operators, registers and small numbers of the assembler's syntax, so that an
 * instruction takes three or four of them. Their order is the order in the model's file; a change needs a new model.
 */
import { aluSymbols } from '../../ebpf/index.ts';
import type { Operand } from '../../ebpf/instruction.ts';
import { registersIn } from './evaluate.ts';
import type { PlainOperation, Window } from './window.ts';

const range = <T>(count: number, make: (i: number) => T) => Array.from({ length: count }, (_, i) => make(i));
const hex = (n: number) => `0x${n.toString(16)}`;

/** What a model's file says it speaks (`velocity.dialect`); a change of words or of the question needs a new one. */
export const DIALECT = 'window-1';

export const SPECIAL = { pad: '<pad>', start: '<s>', end: '</s>' } as const;
/** Ends the question. */
export const ARROW = '=>\n';
/** The answer that nothing is to be gained. */
export const SAME = 'same\n';

const DIGITS = [...'0123456789abcdef'];
/** Immediates that are one word each; an immediate ends its line. */
const IMMEDIATES = [...range(65, (i) => hex(i)), ...range(32, (i) => `-${hex(i + 1)}`)];
const MASKS = [
  ...['0x7f', '0x80', '0xff', '0x100', '0x1ff', '0x3ff', '0xfff', '0xff00', '0xffff', '0xff0000', '0xffffff'],
  ...['0x7fffffff', '-0x80000000', '-0x100', '-0x10000', '-0x1000000'],
];
const OFFSETS = [...range(64, (i) => ` + ${hex(i)}`), ...range(16, (i) => ` - ${hex(i + 1)}`)];
const REGISTERS = ['r', 'w'].flatMap((kind) => range(11, (r) => `${kind}${r}`));
const SIZES = [8, 16, 32, 64];
const LINE = '\n';
/** What follows the offset of a load, and of a store. */
const LOADED = ')\n';
const STORED = ') = ';

export const words: readonly string[] = [
  ...Object.values(SPECIAL),
  ARROW,
  SAME,
  LINE,
  ...range(10, (r) => `live r${r}\n`),
  ...REGISTERS,
  ...REGISTERS.map((r) => `${r}${LINE}`),
  ...Object.values(aluSymbols).map((s) => ` ${s} `),
  ' = -',
  ...[8, 16, 32].map((bits) => ` = (s${bits})`),
  ...['le', 'be', 'bswap'].flatMap((order) => [16, 32, 64].map((bits) => ` = ${order}${bits} `)),
  ...SIZES.map((bits) => ` = *(u${bits} *)(`),
  ...[8, 16, 32].map((bits) => ` = *(s${bits} *)(`),
  ...SIZES.map((bits) => `*(u${bits} *)(`),
  LOADED,
  STORED,
  ...[LOADED, STORED].flatMap((close) => OFFSETS.map((off) => `${off}${close}`)),
  ' + 0x',
  ' - 0x',
  ...[...IMMEDIATES, ...MASKS].map((n) => `${n}${LINE}`),
  '0x',
  '-0x',
  ...DIGITS,
];

const ids = new Map(words.map((word, id) => [word, id]));

export const idOf = (word: string): number => {
  const id = ids.get(word);
  if (id === undefined) throw new RangeError(`"${word}" is not a word of the model`);
  return id;
};

/** A number and what closes it as one word, or as a head, its digits and the close. */
const spelled = (whole: string, head: string, close: string): string[] =>
  ids.has(whole + close) ? [whole + close] : [head, ...whole.slice(head.length), close];

export const immediateWords = (imm: number): string[] =>
  imm < 0 ? spelled(`-${hex(-imm)}`, '-0x', LINE) : spelled(hex(imm), '0x', LINE);
const place = (off: number, close: string): string[] =>
  off < 0 ? spelled(` - ${hex(-off)}`, ' - 0x', close) : spelled(` + ${hex(off)}`, ' + 0x', close);

export const registerWord = (width: number, r: number) => `${width === 64 ? 'r' : 'w'}${r}`;

/** The last operand of a line. */
const operand = (width: number, src: Operand) =>
  src.kind === 'reg' ? [`${registerWord(width, src.reg)}${LINE}`] : immediateWords(src.imm);

/** The words of one line; together they are the disassembler's text. */
export const wordsOf = (op: PlainOperation): string[] => {
  switch (op.kind) {
    case 'alu':
      return [registerWord(op.width, op.dst), ` ${aluSymbols[op.op]} `, ...operand(op.width, op.src)];
    case 'neg':
      return [registerWord(op.width, op.dst), ' = -', `${registerWord(op.width, op.dst)}${LINE}`];
    case 'movsx':
      return [registerWord(op.width, op.dst), ` = (s${op.bits})`, `${registerWord(op.width, op.src)}${LINE}`];
    case 'swap': {
      const order = op.order === 'swap' ? 'bswap' : op.order;
      return [`r${op.dst}`, ` = ${order}${op.bits} `, `r${op.dst}${LINE}`];
    }
    case 'load': {
      const dst = registerWord(op.signed || op.size === 8 ? 64 : 32, op.dst);
      const type = `${op.signed ? 's' : 'u'}${op.size * 8}`;
      return [dst, ` = *(${type} *)(`, `r${op.src}`, ...place(op.off, LOADED)];
    }
    case 'store': {
      const value = operand(op.size === 8 ? 64 : 32, op.src);
      return [`*(u${op.size * 8} *)(`, `r${op.dst}`, ...place(op.off, STORED), ...value];
    }
  }
};

/** What the model is asked about a window in canonical spelling. */
export const questionOf = (window: Window): string[] => [
  SPECIAL.start,
  ...window.operations.flatMap(wordsOf),
  ...registersIn(window.liveOut).map((r) => `live r${r}\n`),
  ARROW,
];

export const answerOf = (ops: readonly PlainOperation[]): string[] => [...ops.flatMap(wordsOf), SPECIAL.end];

export const textOf = (tokens: readonly number[]): string =>
  tokens
    .map((id) => words[id] ?? '')
    .filter((w) => !(Object.values(SPECIAL) as string[]).includes(w))
    .join('');
