/** Loops over buffers at random, as people write them and nearly so, and calls of vector helpers: what the vectoriser and the prover's vectors make much of. */
import { vectors } from '../../abi/index.ts';
import type { Random } from '../../ebpf/random.ts';
import { MEMORY_BYTES } from './c-scope.ts';

const ELEMENTS = ['uint8_t', 'int8_t', 'uint16_t', 'int16_t', 'uint32_t', 'int32_t'] as const;
const NUMBERS = ['uint8_t', 'uint16_t', 'uint32_t', 'int32_t', 'uint64_t', 'int64_t'] as const;
const bytesIn = (type: string) => Number(type.match(/[0-9]+/)![0]) / 8;

/** Turns, and what is done `around` in each of them. */
type Loop = { readonly head: string; readonly index: string };

const loopOf = (random: Random, turns: number): Loop => {
  const rolled = random.pick([
    '_Pragma("clang loop unroll(disable)") ',
    '_Pragma("clang loop unroll(disable)") ',
    '',
    `_Pragma("clang loop unroll_count(${random.pick([2, 4, 8])})") `,
  ]);
  const type = random.pick(['uint32_t', 'int', 'uint64_t']);
  const by = random.pick([1, 1, 1, 1, 2]);
  return random.pick([
    { head: `${rolled}for (${type} i = 0; i < ${turns}; i += ${by})`, index: 'i' },
    { head: `${rolled}for (${type} i = ${turns}; i > 0; i--)`, index: 'i - 1' },
    { head: `${rolled}for (${type} i = ${turns}; i--;)`, index: 'i' },
    { head: `${rolled}for (${type} i = 1; i <= ${turns}; i++)`, index: 'i - 1' },
    { head: `${rolled}for (${type} i = 0; i != ${turns}; i++)`, index: `${turns - 1} - i` },
  ]);
};

/** One loop with what stands before and behind it; `at` is where a buffer begins. */
const loopText = (random: Random): string => {
  const turns = random.pick([2, 3, 4, 7, 8, 12, 15, 16, 17, 20]);
  const [type, other] = [random.pick(ELEMENTS), random.pick(ELEMENTS)];
  const start = (of: string) =>
    random.below(Math.floor((MEMORY_BYTES - turns * bytesIn(of)) / 4)) * 4 +
    (random.once(4) ? random.below(4) : 0);
  const { head, index } = loopOf(random, turns);
  const at = (of: string) =>
    `((${of} *)(m + ${Math.min(start(of), MEMORY_BYTES - turns * bytesIn(of))}))[${index}]`;
  const [x, y] = [at(type), at(random.once(2) ? type : other)];
  const sum = random.pick(NUMBERS);
  const least = random.pick(['<', '>', '<=', '>=']);
  const constant = random.pick(['0', '1', '7', '-1', '127', '255', 'n', '(uint8_t)n', '65535']);
  const first = random
    .pick(['0', '1', 'n', '-1', `${type}_of(0)`])
    .replace(/^.*_of\(0\)$/, `((${type} *)m)[0]`);
  const body = random.pick([
    `a += ${x};`,
    `a += ${x};`,
    `a -= ${x};`,
    `a += ${x} * ${y};`,
    `a += (${random.pick(NUMBERS)})${x} * ${y};`,
    `a ^= ${x};`,
    `a |= ${x} ^ ${y};`,
    `a &= ${x};`,
    `if (${x} ${least} a) { a = ${x}; }`,
    `a = ${x} ${least} (${sum})a ? ${x} : a;`,
    `if (${x} ${least} a) { a = ${x}; n = i; }`,
    `if (${x} == ${constant}) { a++; }`,
    `if (${x} == ${constant}) { n = i; break; }`,
    `if (${x} != ${y}) { a = ${random.pick(['1', 'i', `${x} - ${y}`])}; break; }`,
    `if (${x} != ${y}) { return ${random.pick(['3', 'i', '0'])}; }`,
    `${x} = ${y};`,
    `${x} = ${constant};`,
    `${x} ^= ${y};`,
    `${x} = ${x} + ${constant};`,
    `((uint32_t *)m)[${x} & ${random.pick([7, 15, 31])}]++;`,
    `a = (a >> 1) ^ (${random.pick(['0xedb88320', '0xedb88320', '0x82f63b78'])} & -((a ^ ${x}) & 1));`,
    `a ^= ${x}; for (int k = 0; k < 8; k++) { a = a & 1 ? (a >> 1) ^ 0xedb88320 : a >> 1; }`,
  ]);
  const folded = random.pick(['', '', '', '  a = (a & 0xffff) + (a >> 16);', '  a = ~a;']);
  return [`  ${sum} a = ${first};`, `  ${head} { ${body} }`, folded, `  n = n * 3 + a;`]
    .filter(Boolean)
    .join('\n');
};

/** A call of a vector helper with constant counts, on buffers of the memory that may overlap. */
const callText = (random: Random): string => {
  const [name, vector] = random.pick(Object.entries(vectors));
  const counts: Record<string, number> = {};
  for (const [of, { kind }] of Object.entries(vector.args))
    if (kind.startsWith('count')) counts[of] = 1 + random.below(random.once(3) ? 12 : 5);
  const elementsOf = (text: string): number =>
    text
      .split('+')
      .map((part) =>
        part
          .split('*')
          .map((f) => counts[f] ?? 0)
          .reduce((a, b) => a * b),
      )
      .reduce((a, b) => a + b);
  const args = Object.entries(vector.args).map(([of, argument]) => {
    if (of in counts) return String(counts[of]);
    if (!('elements' in argument)) return random.pick(['n', '0', '7', '~n']);
    const fixed = Number(argument.elements);
    const elements = Number.isNaN(fixed) ? elementsOf(argument.elements.replace('-1', '')) : fixed;
    const room = MEMORY_BYTES - elements * argument.bytes;
    return room < 0 ? '(void *)0' : `(void *)(m + ${random.below(room + 1)})`;
  });
  const call = `${name}(${args.join(', ')})`;
  return vector.returns === 'nothing' ? `  ${call};` : `  n = n * 5 + (uint64_t)${call};`;
};

/** A C file of `count` programs for hook run, each given MEMORY_BYTES bytes. */
export const loopSource = (random: Random, count: number): string =>
  [
    '#include "velocity.h"',
    ...Array.from({ length: count }, (_, i) => {
      const parts = Array.from({ length: 1 + random.below(2) }, () =>
        random.below(4) === 0 ? callText(random) : loopText(random),
      );
      const blocks = parts.map((part) => `  {\n${part}\n  }`);
      return [
        `SEC("run") uint64_t f${i}(unsigned char *m) {`,
        '  uint64_t n = *(uint64_t *)m;',
        ...blocks,
        '  return n;',
        '}',
      ].join('\n');
    }),
  ].join('\n\n');
