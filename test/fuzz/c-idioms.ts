/** What programs that people write are full of, with everything in it left to chance: fields of packets, hashes, searches, sorts, filters. Long: a list of them. */
import type { Scope } from './c-scope.ts';

type Idiom = (s: Scope) => string;

const COMBINED = ['+=', '^=', '-=', '|=', '*='] as const;
const NUMBERS = ['uint32_t', 'uint64_t', 'int', 'long', 'uint16_t', 'uint8_t'] as const;

/** Head of a loop over 0 to n - 1, in one order or the other, with a counter of any type. */
const over = (s: Scope, i: string, n: number | string): string => {
  const type = s.pick(NUMBERS);
  const rolled = s.once(50) ? '_Pragma("clang loop unroll(disable)") ' : '';
  if (typeof n === 'number' && s.once(20)) return `${rolled}for (int ${i} = ${n - 1}; ${i} >= 0; ${i}--)`;
  return `${rolled}for (${type} ${i} = 0; ${i} ${s.pick(['<', '<', '!='])} ${n}; ${i}++)`;
};

const bytesTogether: Idiom = (s) => {
  const [count, swapped] = [s.pick([2, 3, 4, 4, 8]), s.once(70)];
  const p = s.name('p');
  const type = count > 4 ? 'uint64_t' : 'uint32_t';
  const parts = Array.from({ length: count }, (_, i) => {
    const by = 8 * (swapped ? count - 1 - i : i);
    return by ? `(${type})${p}[${i}] << ${by}` : `${p}[${i}]`;
  });
  const signed = count > 4 ? 'int64_t' : 'int32_t';
  const whole = `(${parts.join(s.pick([' | ', ' | ', ' + ']))})`;
  const value = s.once(25) ? `(${signed})${whole} >> ${s.pick([8, 16, 24])}` : whole;
  return `{ const uint8_t *${p} = ${s.address(8)}; ${s.local()} ${s.pick(['=', ...COMBINED])} ${value}; }`;
};

const bytesApart: Idiom = (s) => {
  const [count, swapped, v, p] = [s.pick([2, 4, 8]), s.once(60), s.name('v'), s.name('p')];
  const stores = Array.from(
    { length: count },
    (_, i) => `${p}[${i}] = ${v} >> ${8 * (swapped ? count - 1 - i : i)};`,
  );
  return `{ uint64_t ${v} = ${s.value(1)}; uint8_t *${p} = ${s.address(8)}; ${stores.join(' ')} }`;
};

const crc: Idiom = (s) => {
  const [c, i, b] = [s.name('c'), s.name('i'), s.name('i')];
  const turn = s.pick([
    `${c} = ${c} & 1 ? ${c} >> 1 ^ 0xedb88320u : ${c} >> 1;`,
    `${c} = ${c} >> 1 ^ (0xedb88320u & -(${c} & 1));`,
  ]);
  const inner = `${over(s, b, 8)} { ${turn} }`;
  const p = s.name('p');
  return `{ uint32_t ${c} = ${s.value(0)}; const uint8_t *${p} = ${s.address(16)}; ${over(s, i, s.pick([1, 3, 4, 8, 16]))} { ${c} ^= ${p}[${i}]; ${inner} } ${s.place()} ^= ${c}; }`;
};

const hash: Idiom = (s) => {
  const [h, i, p] = [s.name('h'), s.name('i'), s.name('p')];
  const step = s.pick([
    `${h} ^= ${p}[${i}]; ${h} *= 16777619u;`,
    `${h} = ${h} * 31 + ${p}[${i}];`,
    `${h} = (${h} << 5 | ${h} >> 27) ^ ${p}[${i}];`,
    `${h} += ${p}[${i}]; ${h} += ${h} << 10; ${h} ^= ${h} >> 6;`,
  ]);
  return `{ ${s.pick(['uint32_t', 'uint64_t'])} ${h} = 2166136261u; const ${s.pick(['uint8_t', 'int8_t'])} *${p} = (void *)(${s.address(16)}); ${over(s, i, s.pick([2, 5, 8, 13, 16]))} { ${step} } ${s.local()} ${s.pick(COMBINED)} ${h}; }`;
};

const handedOn: Idiom = (s) => {
  const [a, b, t, i, n] = ['a', 'b', 't', 'i', 'k'].map((letter) => s.name(letter));
  const type = s.pick(['uint32_t', 'uint64_t', 'int16_t', 'uint8_t']);
  const turn = s.pick([
    `${type} ${t} = ${a} + ${b}; ${a} = ${b}; ${b} = ${t};`,
    `${type} ${t} = ${a}; ${a} = ${b} ${s.pick(['-', '^', '*'])} ${s.local()}; ${b} = ${t};`,
    `${a} += ${b}; ${b} ^= ${a};`,
  ]);
  return `{ ${type} ${a} = ${s.value(0)}, ${b} = ${s.value(0)}; uint32_t ${n} = ${s.place()} & ${s.pick([3, 7, 15, 31])}; ${over(s, i!, n!)} { ${turn} } ${s.local()} ^= ${a} - ${b}; }`;
};

const greatestDivisor: Idiom = (s) => {
  const [a, b, t, i] = ['a', 'b', 't', 'i'].map((letter) => s.name(letter));
  const type = s.pick(['uint32_t', 'uint64_t', 'uint16_t']);
  return `{ ${type} ${a} = ${s.value(1)}, ${b} = ${s.value(1)}; for (int ${i} = 0; ${i} < 9 && ${b}; ${i}++) { ${type} ${t} = ${a} % ${b}; ${a} = ${b}; ${b} = ${t}; } ${s.local()} += ${a}; }`;
};

const countedBits: Idiom = (s) => {
  const [x, n] = [s.name('x'), s.name('k')];
  return `{ uint32_t ${x} = ${s.value(1)} & 0xffff, ${n} = 0; for (; ${n} < 16 && ${x}; ${n}++) { ${x} ${s.pick(['>>= 1', `&= ${x} - 1`, `= ${x} & 1 ? ${x} * 3 + 1 : ${x} >> 1`])}; } ${s.local()} ^= ${n}; }`;
};

const numberOfGroups: Idiom = (s) => {
  const [v, i, b, p] = ['v', 'i', 'b', 'p'].map((letter) => s.name(letter));
  return `{ uint64_t ${v} = 0; const uint8_t *${p} = ${s.address(10)}; for (uint32_t ${i} = 0; ${i} < ${s.pick([3, 5, 10])}; ${i}++) { uint8_t ${b} = ${p}[${i}]; ${v} |= (uint64_t)(${b} & 127) << 7 * ${i}; if (!(${b} & 128)) { break; } } ${s.local()} = ${v}; }`;
};

const sorted: Idiom = (s) => {
  const t = s.array();
  if (!t) return '';
  const [i, k, x] = [s.name('i'), s.name('i'), s.name('x')];
  const compare = `${t.name}[${k}] ${s.pick(['<', '>'])} ${t.name}[${k} + 1]`;
  const swap = `${t.type} ${x} = ${t.name}[${k}]; ${t.name}[${k}] = ${t.name}[${k} + 1]; ${t.name}[${k} + 1] = ${x};`;
  return `${over(s, i, t.length - 1)} { for (uint32_t ${k} = 0; ${k} < ${t.length - 1}${s.once(50) ? '' : ` - ${i}`}; ${k}++) { if (${compare}) { ${swap} } } }`;
};

const inserted: Idiom = (s) => {
  const t = s.array();
  if (!t) return '';
  const [i, k, x] = [s.name('i'), s.name('i'), s.name('x')];
  return `for (int ${i} = 1; ${i} < ${t.length}; ${i}++) { ${t.type} ${x} = ${t.name}[${i}]; int ${k} = ${i}; for (; ${k} > 0 && ${t.name}[(${k} - 1) & ${t.length - 1}] > ${x}; ${k}--) { ${t.name}[${k} & ${t.length - 1}] = ${t.name}[(${k} - 1) & ${t.length - 1}]; } ${t.name}[${k} & ${t.length - 1}] = ${x}; }`;
};

const extreme: Idiom = (s) => {
  const t = s.array();
  if (!t) return '';
  const [i, best, at] = [s.name('i'), s.name('b'), s.name('k')];
  return `{ ${t.type} ${best} = ${t.name}[0]; uint32_t ${at} = 0; ${over(s, i, t.length)} { if (${t.name}[${i}] ${s.pick(['<', '>', '<=', '>='])} ${best}) { ${best} = ${t.name}[${i}]; ${s.once(60) ? `${at} = ${i};` : ''} } } ${s.local()} ${s.pick(COMBINED)} ${best} + ${at}; }`;
};

const movedOver: Idiom = (s) => {
  const t = s.array();
  if (!t) return '';
  const [i, x] = [s.name('i'), s.name('x')];
  return s.pick([
    `for (uint32_t ${i} = 0; ${i} < ${t.length - 1}; ${i}++) { ${t.name}[${i}] = ${t.name}[${i} + 1]; }`,
    `for (uint32_t ${i} = 1; ${i} < ${t.length}; ${i}++) { ${t.name}[${i}] ${s.pick(COMBINED)} ${t.name}[${i} - 1]; }`,
    `for (int ${i} = ${t.length - 1}; ${i} > 0; ${i}--) { ${t.name}[${i}] = ${t.name}[${i} - 1]; } ${t.name}[0] = ${s.value(1)};`,
    `for (uint32_t ${i} = 0; ${i} < ${t.length / 2}; ${i}++) { ${t.type} ${x} = ${t.name}[${i}]; ${t.name}[${i}] = ${t.name}[${t.length - 1} - ${i}]; ${t.name}[${t.length - 1} - ${i}] = ${x}; }`,
  ]);
};

const counts: Idiom = (s) => {
  const t = s.array();
  if (!t) return '';
  const [i, p] = [s.name('i'), s.name('p')];
  return `{ const uint8_t *${p} = ${s.address(20)}; ${over(s, i, s.pick([4, 10, 20]))} { ${t.name}[${p}[${i}] & ${t.length - 1}]${s.pick(['++', ` += ${i}`, ` ^= ${p}[${i}]`])}; } }`;
};

const search: Idiom = (s) => {
  const [i, p, n] = [s.name('i'), s.name('p'), s.name('k')];
  const limit = s.once(50) ? String(s.pick([4, 7, 16])) : n;
  const type = s.pick(['uint8_t', 'uint16_t', 'int8_t', 'uint32_t']);
  return `{ uint32_t ${i}, ${n} = ${s.place()} & 15; const ${type} *${p} = (void *)(${s.address(64)}); for (${i} = 0; ${i} < ${limit}; ${i}++) { if (${p}[${i}] == ${s.pick([s.local(), '0', '255', '17'])}) { ${s.pick(['break;', 'break;', `${s.local()}++; break;`])} } } ${s.local()} ${s.pick(['=', ...COMBINED])} ${i}; }`;
};

/** By a pointer, up or down. */
const walk: Idiom = (s) => {
  const [p, e, type] = [s.name('p'), s.name('e'), s.type()];
  const turns = s.pick([2, 3, 5, 8, 9]);
  const sum = s.pick([
    `${s.local()} ${s.pick(COMBINED)} *${p}`,
    `*${p} ${s.pick(COMBINED)} ${s.local()}`,
    `${s.place()} += *${p}`,
  ]);
  const leaves = s.once(30) ? ` if (${s.condition(1)}) { break; }` : '';
  const begin = `${type} *${p} = (void *)(${s.address(8 * turns)})`;
  return s.pick([
    `{ ${begin}, *${e} = ${p} + ${turns}; for (; ${p} ${s.pick(['<', '!='])} ${e}; ${p}++) { ${sum};${leaves} } }`,
    `{ ${begin}, *${e} = ${p} + ${turns}; while (${e} != ${p}) { ${e}--; ${sum.replaceAll(`*${p}`, `*${e}`)};${leaves} } }`,
    `{ ${begin}; uint32_t ${e} = ${turns}; do { ${sum};${leaves} ${p}++; } while (--${e}); }`,
  ]);
};

const copied: Idiom = (s) => {
  const [i, type, n] = [s.name('i'), s.type(), s.pick([2, 3, 4, 7, 8])];
  const [a, b] = [s.address(8 * n), s.address(8 * n)];
  const change = s.pick(['', '', ` ^ ${s.local()}`, ' + 1']);
  return `${over(s, i, n)} { ((${type} *)(${a}))[${i}] = ((${type} *)(${b}))[${i}]${change}; }`;
};

const checksum: Idiom = (s) => {
  const [sum, i, p] = [s.name('s'), s.name('i'), s.name('p')];
  const fold = `${sum} = (${sum} & 0xffff) + (${sum} >> 16);`;
  return `{ uint32_t ${sum} = 0; const uint16_t *${p} = (void *)(${s.address(40)}); ${over(s, i, s.pick([4, 10, 20]))} { ${sum} += ${s.once(40) ? `__builtin_bswap16(${p}[${i}])` : `${p}[${i}]`}; } ${fold} ${fold} ${s.local()} = ~${sum} & 0xffff; }`;
};

const filtered: Idiom = (s) => {
  const [i, k, sum, type] = [s.name('i'), s.name('i'), s.name('s'), s.pick(['int8_t', 'int16_t', 'uint8_t'])];
  const [n, taps] = [s.pick([2, 4, 6]), s.pick([2, 3, 4, 8])];
  const [a, b] = [s.address(2 * (n + taps)), s.address(2 * taps)];
  const out = s.pick([s.local(), `((int32_t *)(${s.address(24)}))[${i}]`]);
  return `${over(s, i, n)} { int32_t ${sum} = ${s.pick(['0', '1 << 14'])}; ${over(s, k, taps)} { ${sum} += ((${type} *)(${a}))[${i} + ${k}] * ((${type} *)(${b}))[${k}]; } ${out} ${s.pick(['=', '+=', '^='])} ${s.pick([sum, `${sum} >> 15`])}; }`;
};

const multiplied: Idiom = (s) => {
  const [i, j, k] = [s.name('i'), s.name('i'), s.name('i')];
  const [type, n] = [s.type(), s.pick([2, 3])];
  const [a, b, c] = [s.address(72), s.address(72), s.address(72)].map((at) => `((${type} *)(${at}))`);
  return `${over(s, i, n)} { ${over(s, j, n)} { ${type} x = 0; ${over(s, k, n)} { x += ${a}[${i} * ${n} + ${k}] * ${b}[${k} * ${n} + ${j}]; } ${c}[${i} * ${n} + ${j}] = x; } }`;
};

const machine: Idiom = (s) => {
  const [state, i, p] = [s.name('s'), s.name('i'), s.name('p')];
  const to = () => s.below(4);
  const row = (n: number) =>
    `case ${n}: ${state} = ${p}[${i}] ${s.pick(['>', '==', '<'])} ${s.pick([0, 64, 128, 200])} ? ${to()} : ${to()}; ${s.once(40) ? `${s.local()} += ${i};` : ''} break;`;
  return `{ uint32_t ${state} = ${to()}; const uint8_t *${p} = ${s.address(16)}; ${over(s, i, s.pick([4, 9, 16]))} { switch (${state}) { ${[0, 1, 2].map(row).join(' ')} default: ${state} = 0; } } ${s.local()} ^= ${state}; }`;
};

const halved: Idiom = (s) => {
  const t = s.array();
  if (!t) return '';
  const [low, high, mid] = [s.name('a'), s.name('b'), s.name('k')];
  return `{ uint32_t ${low} = 0, ${high} = ${t.length}; for (int i = 0; i < 4 && ${low} < ${high}; i++) { uint32_t ${mid} = (${low} + ${high}) / 2; if (${t.name}[${mid} & ${t.length - 1}] < ${s.local()}) { ${low} = ${mid} + 1; } else { ${high} = ${mid}; } } ${s.local()} ^= ${low}; }`;
};

const saturated: Idiom = (s) => {
  const [v, type] = [s.name('v'), s.pick(['int', 'long', 'int16_t'])];
  const [low, high] = s.pick([
    [-128, 127],
    [0, 255],
    [-32768, 32767],
    [-10, 10],
  ] as const);
  return `{ ${type} ${v} = ${s.value(1)}; ${v} = ${v} > ${high} ? ${high} : ${v} < ${low} ? ${low} : ${v}; ${s.place()} ${s.pick(['=', '+='])} ${v}; }`;
};

/** Structs on the stack, whole and by members. */
const struct: Idiom = (s) => {
  const [a, b] = [s.name('u'), s.name('u')];
  const width = () => 1 + s.below(24);
  const members = s.pick([
    'uint8_t a; uint16_t b; uint32_t c; uint64_t d;',
    'uint32_t a; uint32_t b; uint16_t c; uint16_t d;',
    `uint32_t a : ${width()}; int32_t b : ${width()}; uint64_t c : ${width()}; uint32_t d;`,
    'uint64_t a; int8_t b; int8_t c; int32_t d;',
  ]);
  const member = () => s.pick(['a', 'b', 'c', 'd']);
  const set = ['a', 'b', 'c', 'd'].map((name) => `${a}.${name} = ${s.value(1)};`).join(' ');
  return `{ ${s.pick(['', '', 'volatile '])}struct { ${members} } ${a}, ${b}; ${set} ${b}.a = ${b}.b = ${b}.c = ${b}.d = 0; if (${s.condition(1)}) { ${b} = ${a}; } ${b}.${member()} ${s.pick(COMBINED)} ${a}.${member()}; ${s.local()} ^= ${b}.${member()} + ${a}.${member()}; }`;
};

/** How far it came is wanted only where something was found. */
const found: Idiom = (s) => {
  const [p, n, k, at] = [s.name('p'), s.name('k'), s.name('k'), s.name('v')];
  const stride = s.pick([1, 2, 5]);
  return `{ const uint8_t *${p} = ${s.address(80)}; uint32_t ${k} = 0, ${n} = ${s.place()} & 15, ${at} = ${s.pick([0, 77])}; for (; ${k} < ${n}; ${k}++) { if (*${p} == ${s.pick([s.local(), '0', '255'])}) { ${at} = ${k}; break; } ${p} += ${stride}; } ${s.local()} ${s.pick(COMBINED)} ${at}; }`;
};

/** Counts only in some turns. */
const someTurns: Idiom = (s) => {
  const [p, n, k, i] = [s.name('p'), s.name('k'), s.name('k'), s.name('i')];
  return `{ const uint8_t *${p} = ${s.address(20)}; uint32_t ${k} = 0, ${n} = ${s.place()} & 7; for (uint32_t ${i} = 0; ${i} < 20 && ${k} < ${n}; ${i}++) { if (${p}[${i}] ${s.pick(['& 1', '> 100', '== 0'])}) { ${k}++; } ${s.once(40) ? `${s.local()} += ${p}[${i}];` : ''} } ${s.once(50) ? `${s.local()} ^= ${k};` : ''} }`;
};

/** The same number of turns in turns. */
const nested: Idiom = (s) => {
  const [i, k, n, x] = [s.name('i'), s.name('i'), s.name('k'), s.name('x')];
  const type = s.pick(['uint32_t', 'uint64_t']);
  const turn = s.pick([
    `${x} = ${x} * 0x9e3779b1u + ${s.local()};`,
    `${x} += ${x} >> 3;`,
    `${x} ^= ${s.place()};`,
  ]);
  return `{ ${type} ${n} = ${s.place()} & 7, ${x} = ${s.value(0)}; for (${type} ${i} = 0; ${i} < ${n}; ${i}++) { _Pragma("clang loop unroll(disable)") for (${type} ${k} = 0; ${k} < ${n}; ${k}++) { ${turn} } ${s.once(50) ? `${s.local()} -= ${x};` : ''} } ${s.local()} ^= ${x}; }`;
};

/** Up to numbers that may need more than 32 bits. */
const wideLimit: Idiom = (s) => {
  const [i, n, x] = [s.name('i'), s.name('k'), s.name('x')];
  return `{ uint64_t ${n} = ${s.value(0)}, ${x} = 0, ${i} = 0; for (; ${i} < ${s.pick([9, 20, 33])}; ${i}${s.pick(['++', ' += 2'])}) { if (${i} ${s.pick(['>=', '==', '>'])} ${n}) { break; } ${x} = ${x} * 5 + ${s.pick([i, s.local()])}; } ${s.local()} ^= ${x} + ${i}; }`;
};

/** Products with a constant that no instruction holds, added up. */
const weighted: Idiom = (s) => {
  const [i, x, p] = [s.name('i'), s.name('x'), s.name('p')];
  const type = s.pick(['uint64_t', 'uint32_t', 'int64_t']);
  return `{ ${type} ${x} = 0; const ${s.type()} *${p} = (void *)(${s.address(72)}); ${over(s, i, s.pick([3, 6, 9]))} { ${x} += ${p}[${i}] * ${s.pick(['(uint64_t)1000003', '2654435761u', '0x9e3779b97f4a7c15', '37'])}; } ${s.local()} ${s.pick(COMBINED)} ${x}; }`;
};

export const idioms: readonly Idiom[] = [
  ...[found, someTurns, nested, wideLimit, weighted],
  ...[bytesTogether, bytesApart, crc, hash, handedOn, greatestDivisor, countedBits, numberOfGroups, sorted],
  ...[inserted, extreme, movedOver, counts, search, walk, walk, copied, checksum, filtered, multiplied],
  ...[machine, halved, saturated, struct, bytesTogether, handedOn],
];
