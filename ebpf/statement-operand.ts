/** Registers, immediates and offsets of eBPF assembly; each refuses what does not fit with words for the author. */
import type { Operand, Size, Width } from './operation.ts';

/** Why a line was refused; the assembler adds where. */
export class StatementError extends Error {}

export const fail = (why: string): never => {
  throw new StatementError(why);
};

export const integer = (text: string): bigint => {
  const negative = text.startsWith('-');
  const value = BigInt(text.replace(/^[+-]/, ''));
  return negative ? -value : value;
};

export const within = (value: bigint, low: bigint, high: bigint, what: string): number =>
  value < low || value > high ? fail(`${what} ${value} is not in ${low}..${high}`) : Number(value);

export const register = (text: string): number => {
  const index = Number(text.slice(1));
  return index > 10 ? fail(`there is no register ${text}; use ${text[0]}0..${text[0]}10`) : index;
};

export const pointer = (text: string): number =>
  text.startsWith('r') ? register(text) : fail(`an address is 64 bits wide; use r${text.slice(1)}`);

export const widthOf = (text: string): Width => (text.startsWith('r') ? 64 : 32);

/** A 32-bit operation takes its immediate signed or unsigned; a 64-bit one sign-extends it, so only signed. */
export const immediate = (text: string, width: Width): number => {
  const value = integer(text);
  const high = width === 64 ? 0x7fffffffn : 0xffffffffn;
  if (value > high && width === 64)
    return fail(`${text} does not fit in 31 bits and a sign; load it with \`ll\``);
  return within(value, -0x80000000n, high, 'immediate') | 0;
};

export const operand = (text: string, width: Width): Operand => {
  if (!/^[rw]\d/.test(text)) return { kind: 'imm', imm: immediate(text, width) };
  if (widthOf(text) !== width)
    fail(`${text} has the wrong width; use ${width === 64 ? 'r' : 'w'}${text.slice(1)}`);
  return { kind: 'reg', reg: register(text) };
};

export const offset = (sign: string, text: string): number =>
  within(integer(text) * (sign === '-' ? -1n : 1n), -0x8000n, 0x7fffn, 'offset');

export const sizeOf = (bits: string): Size => (Number(bits) / 8) as Size;

export const sameRegister = (a: string, b: string) =>
  a === b || fail(`both registers must be the same: ${a}, ${b}`);
