/** The statements of eBPF assembly, one row each: what a line looks like and the operation it makes. */
import { helpers, vectors } from '../abi/index.ts';
import { aluSymbols, branchSymbols } from './disassembler.ts';
import type { AluOp, BranchOp, Operand, Operation, Width } from './operation.ts';
import {
  fail,
  immediate,
  integer,
  offset,
  operand,
  pointer,
  register,
  sameRegister,
  sizeOf,
  widthOf,
  within,
} from './statement-operand.ts';

/** Distance from this instruction to a label or a literal one; 0 for a label in the first pass. */
export type Resolve = (target: string) => number;
export type Scope = { resolve: Resolve; hasLabel: (name: string) => boolean };

const INT = '[+-]?(?:0x[0-9a-f]+|\\d+)';
const REG = '[rw]\\d+';
const PLACE = `(${REG})([+-])(${INT})`;

const invert = <K extends string>(table: Readonly<Record<K, string>>) =>
  new Map((Object.entries(table) as [K, string][]).map(([name, symbol]) => [symbol, name]));
const aluBySymbol: ReadonlyMap<string, AluOp> = invert(aluSymbols);
const branchBySymbol: ReadonlyMap<string, BranchOp> = invert(branchSymbols);

const helperId = (name: string): number | undefined => {
  const key = name.replace(/^bpf_/, '');
  return key in helpers ? helpers[key as keyof typeof helpers].id : vectors[name]?.id;
};

const call = (target: string, scope: Scope): Operation => {
  if (/^[+-]?\d/.test(target))
    return {
      kind: 'call',
      form: 'helper',
      imm: within(integer(target), -0x80000000n, 0x7fffffffn, 'helper number'),
    };
  const id = helperId(target);
  if (id !== undefined && !scope.hasLabel(target)) return { kind: 'call', form: 'helper', imm: id };
  if (scope.hasLabel(target)) return { kind: 'call', form: 'local', imm: scope.resolve(target) };
  return fail(`\`${target}\` is neither a helper nor a label of this program`);
};

const wide = (form: 'number' | 'map' | 'function', dst: string, text: string): Operation => {
  const value = integer(text);
  if (value < -(1n << 63n) || value >= 1n << 64n) fail(`${text} does not fit in 64 bits`);
  return { kind: 'ld_imm64', form, dst: pointer(dst), imm: BigInt.asUintN(64, value) };
};

const atomic = (parts: readonly string[], op: 'add' | 'or' | 'and' | 'xor', fetch: boolean): Operation => {
  const [bits, base, sign, off, src] = parts as [string, string, string, string, string];
  if (bits !== '32' && bits !== '64') fail(`atomics are 32 or 64 bits wide, not ${bits}`);
  const width = Number(bits) as Width;
  const value = operand(src, width);
  const size = width === 64 ? 8 : 4;
  const at = { dst: pointer(base), off: offset(sign, off) };
  return value.kind === 'reg'
    ? { kind: 'atomic', size, op, fetch, ...at, src: value.reg }
    : fail('atomics take a register');
};

const exchange = (op: 'xchg' | 'cmpxchg', parts: readonly string[]): Operation => {
  const [result, suffix, base, sign, off, expected, src] = parts as string[];
  const width: Width = suffix === '_64' ? 64 : 32;
  if (op === 'xchg') sameRegister(result!, src!);
  else if (result !== expected || register(result!) !== 0) fail('cmpxchg compares and returns r0 (w0)');
  if (widthOf(result!) !== width || widthOf(src!) !== width)
    fail(`use ${width === 64 ? 'r' : 'w'} registers here`);
  const at = { dst: pointer(base!), off: offset(sign!, off!) };
  return { kind: 'atomic', size: width === 64 ? 8 : 4, op, fetch: true, ...at, src: register(src!) };
};

const load = (dst: string, type: string, base: string, sign: string, off: string): Operation => {
  const size = sizeOf(type.slice(1));
  const signed = type.startsWith('s');
  if (signed && (size === 8 || widthOf(dst) === 32))
    fail('a sign-extending load is `rN = *(s8|s16|s32 *)(…)`');
  if (size === 8 && widthOf(dst) === 32) fail(`64 bits do not fit in ${dst}; use r${dst.slice(1)}`);
  return { kind: 'load', size, signed, dst: register(dst), src: pointer(base), off: offset(sign, off) };
};

const store = (bits: string, base: string, sign: string, off: string, value: string): Operation => {
  const size = sizeOf(bits);
  const src: Operand = /^[rw]\d/.test(value)
    ? { kind: 'reg', reg: size === 8 ? pointer(value) : register(value) }
    : { kind: 'imm', imm: immediate(value, size === 8 ? 64 : 32) };
  return { kind: 'store', size, dst: pointer(base), off: offset(sign, off), src };
};

const raw = (text: string): Operation => {
  const value = BigInt.asUintN(64, integer(text));
  const field = (at: bigint, bits: bigint) => Number((value >> at) & ((1n << bits) - 1n));
  return {
    kind: 'invalid',
    opcode: field(0n, 8n),
    dst: field(8n, 4n),
    src: field(12n, 4n),
    off: (field(16n, 16n) << 16) >> 16,
    imm: field(32n, 32n) | 0,
  };
};

const moveSigned = (dst: string, bits: string, src: string): Operation => {
  const width = widthOf(dst);
  if (widthOf(src) !== width || (bits === '32' && width === 32))
    fail('the two registers must have the same width, above the source’s');
  return { kind: 'movsx', width, bits: Number(bits) as 8 | 16 | 32, dst: register(dst), src: register(src) };
};

const branch = (dst: string, symbol: string, src: string, target: string, scope: Scope): Operation => {
  const width = widthOf(dst);
  const op = branchBySymbol.get(symbol) ?? fail(`\`${symbol}\` is not a comparison`);
  return {
    kind: 'branch',
    width,
    op,
    dst: register(dst),
    src: operand(src, width),
    off: scope.resolve(target),
  };
};

const alu = (dst: string, symbol: string, src: string): Operation => {
  const width = widthOf(dst);
  const op = aluBySymbol.get(symbol)!;
  return { kind: 'alu', width, op, dst: register(dst), src: operand(src, width) };
};

const skb = (dst: string, bits: string, index: string, more: string | undefined): Operation => {
  if (register(dst) !== 0) fail('packet loads go to r0');
  const size = sizeOf(bits) as 1 | 2 | 4;
  return index.startsWith('r')
    ? { kind: 'ld_packet', size, src: register(index), imm: more ? immediate(more, 32) : 0 }
    : { kind: 'ld_packet', size, src: null, imm: immediate(index, 32) };
};

const negate = (dst: string, src: string): Operation => {
  sameRegister(dst, src);
  return { kind: 'neg', width: widthOf(dst), dst: register(dst) };
};

const swap = (dst: string, order: string, bits: string, src: string): Operation => {
  sameRegister(dst, src);
  const name = order === 'bswap' ? 'swap' : (order as 'be' | 'le');
  return { kind: 'swap', order: name, bits: Number(bits) as 16 | 32 | 64, dst: register(dst) };
};

type Row = readonly [RegExp, (scope: Scope, ...parts: (string | undefined)[]) => Operation];
const row = (pattern: string, make: Row[1]): Row => [new RegExp(`^${pattern}$`), make];
const TARGET = '([+-]?[\\w.$]+)';
const atomicOps = { '+=': 'add', '|=': 'or', '&=': 'and', '^=': 'xor' } as const;

/** Matched against the line with single spaces between words and none around punctuation. */
const rows: readonly Row[] = [
  row('exit', () => ({ kind: 'exit' })),
  row(`(goto|gotol) ?${TARGET}`, (scope, word, target) => ({
    kind: 'jump',
    long: word === 'gotol',
    off: scope.resolve(target!),
  })),
  row(`if (${REG}) ?(s?[<>]=?|[=!]=|&)(${REG}|${INT}) goto ?${TARGET}`, (scope, dst, symbol, src, target) =>
    branch(dst!, symbol!, src!, target!, scope),
  ),
  row(`call local ?${TARGET}`, (scope, target) => ({
    kind: 'call',
    form: 'local',
    imm: scope.resolve(target!),
  })),
  row('call btf (\\d+)', (_, id) => ({ kind: 'call', form: 'btf', imm: Number(id) | 0 })),
  row(`callx (${REG})`, (_, target) => ({ kind: 'callx', dst: pointer(target!) })),
  row(`call ?${TARGET}`, (scope, target) => call(target!, scope)),
  row(`(${REG})=(map |function )?(${INT}) ?ll`, (_, dst, form, value) =>
    wide(form ? (form.trim() as 'map' | 'function') : 'number', dst!, value!),
  ),
  row(`(${REG})=map_value (\\w+)\\+(\\w+) ll`, (_, dst, map, off) => ({
    kind: 'ld_imm64',
    form: 'map_value',
    dst: pointer(dst!),
    imm: (BigInt.asUintN(32, integer(off!)) << 32n) | BigInt.asUintN(32, integer(map!)),
  })),
  row(`(${REG})=-(${REG})`, (_, dst, src) => negate(dst!, src!)),
  row(`(${REG})=(be|le|bswap)(16|32|64) (${REG})`, (_, dst, order, bits, src) =>
    swap(dst!, order!, bits!, src!),
  ),
  row(`(${REG})=\\(s(8|16|32)\\)(${REG})`, (_, dst, bits, src) => moveSigned(dst!, bits!, src!)),
  row(`(${REG})=\\*\\((u8|u16|u32|u64|s8|s16|s32|s64)\\*\\)\\(${PLACE}\\)`, (_, dst, type, base, sign, off) =>
    load(dst!, type!, base!, sign!, off!),
  ),
  row(
    `(${REG})=\\*\\(u(8|16|32)\\*\\)skb\\[(${REG}|${INT})(?:\\+(${INT}))?\\]`,
    (_, dst, bits, index, more) => skb(dst!, bits!, index!, more),
  ),
  row(`\\*\\(u(8|16|32|64)\\*\\)\\(${PLACE}\\)=(${REG}|${INT})`, (_, bits, base, sign, off, value) =>
    store(bits!, base!, sign!, off!, value!),
  ),
  row(
    `lock ?\\*\\(u(\\d+)\\*\\)\\(${PLACE}\\)(\\+=|\\|=|&=|\\^=)(${REG})`,
    (_, bits, base, sign, off, symbol, src) =>
      atomic([bits!, base!, sign!, off!, src!], atomicOps[symbol as keyof typeof atomicOps], false),
  ),
  row(
    `(${REG})=atomic_fetch_(add|or|and|xor)\\(\\(u(\\d+)\\*\\)\\(${PLACE}\\),(${REG})\\)`,
    (_, dst, op, bits, base, sign, off, src) => {
      sameRegister(dst!, src!);
      return atomic([bits!, base!, sign!, off!, src!], op as 'add', true);
    },
  ),
  row(`(${REG})=xchg(_64|32_32)\\(${PLACE},(${REG})\\)`, (_, dst, suffix, base, sign, off, src) =>
    exchange('xchg', [dst!, suffix!, base!, sign!, off!, '', src!]),
  ),
  row(`(${REG})=cmpxchg(_64|32_32)\\(${PLACE},(${REG}),(${REG})\\)`, (_, ...parts) =>
    exchange('cmpxchg', parts as string[]),
  ),
  row(`(${REG}) ?(s?(?:>>|\\/|%)=|<<=|[-+*|&^]?=)(${REG}|${INT})`, (_, dst, symbol, src) =>
    alu(dst!, symbol!, src!),
  ),
  row(`\\.8byte (${INT})`, (_, value) => raw(value!)),
];

/** Single spaces between words, none around punctuation. */
const normalise = (line: string) =>
  line
    .trim()
    .toLowerCase()
    .replace(/\s+/g, ' ')
    .replace(/ ?([=+\-*/()<>&|^%,![\]]) ?/g, '$1');

/**
 * The operation of one statement.
 * @throws StatementError saying what is wrong with it.
 */
export const parseStatement = (line: string, scope: Scope): Operation => {
  const text = normalise(line);
  for (const [pattern, make] of rows) {
    const match = pattern.exec(text);
    if (match) return make(scope, ...match.slice(1));
  }
  return fail('this is not an eBPF instruction; see the syntax of clang --target=bpf');
};
