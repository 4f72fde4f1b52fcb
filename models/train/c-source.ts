/** C functions in the style of drivers, filters and parsers, with random fields and formulas: what clang makes of them is the raw material. */
import type { Random } from '../../ebpf/random.ts';

const TYPES = [
  'uint8_t',
  'uint16_t',
  'uint32_t',
  'uint64_t',
  'int8_t',
  'int16_t',
  'int32_t',
  'int64_t',
] as const;
const BINARY = ['+', '+', '-', '*', '&', '|', '^', '^'] as const;
const CONSTANTS = [
  '1',
  '3',
  '5',
  '7',
  '8',
  '10',
  '15',
  '16',
  '0x3f',
  '0x7f',
  '0xff',
  '0xfff',
  '0xffff',
  '0xff00',
  '100',
  '255',
  '1000',
];

const field = (random: Random): string => `${random.pick(['a', 'b'])}->${random.pick('stuvwxyz'.split(''))}`;
const local = (random: Random): string => `n${random.below(3)}`;
const constant = (random: Random): string => random.pick(CONSTANTS);

const leaf = (random: Random): string => {
  const kind = random.below(6);
  if (kind < 3) return field(random);
  return kind < 5 ? local(random) : constant(random);
};

const formula = (random: Random, depth: number): string => {
  if (depth === 0) return leaf(random);
  const a = () => formula(random, depth - 1 - random.below(2 > depth ? 1 : 2));
  switch (random.below(9)) {
    case 0:
      return `((${a()}) ${random.pick(['<<', '>>'])} ${1 + random.below(15)})`;
    case 1:
      return `(${random.pick(TYPES)})(${a()})`;
    case 2:
      return `((${a()}) & ${constant(random)})`;
    case 3:
      return `((${a()}) * ${constant(random)})`;
    case 4:
      return `__builtin_bswap${random.pick(['16', '32'])}(${a()})`;
    case 5:
      return `${random.pick(['~', '-'])}(${a()})`;
    default:
      return `((${a()}) ${random.pick(BINARY)} (${leaf(random)}))`;
  }
};

const statement = (random: Random): string => {
  const value = formula(random, 1 + random.below(3));
  const kind = random.below(12);
  if (kind < 5) return `${field(random)} = ${value};`;
  if (kind < 9) return `${local(random)} ${random.pick(['=', '+=', '^=', '|='])} ${value};`;
  if (kind === 9) return `${field(random)} += ${leaf(random)};`;
  if (kind === 10) return `if ((${value}) > ${constant(random)}) { ${local(random)} += ${leaf(random)}; }`;
  return `if ((${leaf(random)}) == ${constant(random)}) { return ${local(random)}; }`;
};

const structure = (random: Random, name: string): string => {
  const fields = random.shuffle('stuvwxyz'.split('')).map((f) => `  ${random.pick(TYPES)} ${f};`);
  return `struct ${name} {\n${fields.join('\n')}\n};`;
};

const functionText = (random: Random, index: number): string => {
  const [a, b] = [`a${index}`, `b${index}`];
  const body = Array.from({ length: 2 + random.below(7) }, () => `  ${statement(random)}`);
  return [
    structure(random, a),
    structure(random, b),
    `SEC("run") uint64_t f${index}(unsigned char *m) {`,
    `  struct ${a} *a = (void *)m;`,
    `  struct ${b} *b = (void *)(m + 64);`,
    '  uint64_t n0 = *(uint64_t *)(m + 128), n1 = *(uint32_t *)(m + 136), n2 = *(uint16_t *)(m + 140);',
    ...body,
    '  return n0 + n1 + n2;',
    '}',
  ].join('\n');
};

/** A C file of `count` programs. */
export const sourceText = (random: Random, count: number): string =>
  ['#include "velocity.h"', ...Array.from({ length: count }, (_, i) => functionText(random, i))].join('\n\n');
