/** C programs of one loop each, in other people's manners. */
import type { Random } from '../../../ebpf/random.ts';
import type { LoopFamily } from './family.ts';

export type LoopSource = {
  readonly family: LoopFamily;
  readonly size: 1 | 2 | 4;
  readonly k: number;
  readonly text: string;
};

const MAP = `#include "velocity.h"
struct buffers { uint8_t raw[4096]; };
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 1); __type(key, uint32_t); __type(value, struct buffers); } buffers SEC(".maps");
`;

/** Three places apart, for at most 256 bytes each. */
const places = (random: Random) => {
  const at = random.shuffle([0, 1, 2]).map((i) => 64 + i * 1024 + 8 * random.below(64));
  return at as [number, number, number];
};

const loopText = (random: Random, turn: string, count: number, neighbour: boolean): string => {
  const from = neighbour ? 1 : 0;
  const [px, py] = ['*p', neighbour ? 'p[-1]' : '*q'];
  const step = neighbour ? 'p++; r++;' : 'p++; q++; r++;';
  const named = (x: string, yy: string, z: string) =>
    turn.replaceAll(/\bx\b/g, x).replaceAll(/\by\b/g, yy).replaceAll(/\bz\b/g, z);
  const indexed = named('a[i]', neighbour ? `a[i - 1]` : 'b[i]', 'c[i]');
  const walked = named(px, py, '*r');
  const roll = '_Pragma("clang loop unroll(disable)")';
  const walk = `T *p = a + ${from}, *q = b, *r = c + ${from};`;
  switch (random.below(6)) {
    case 0:
      return `${roll} for (uint32_t i = ${from}; i < ${count}; i++) { ${indexed} }`;
    case 1:
      return `${roll} for (int i = ${from}; i != ${count}; ++i) { ${indexed} }`;
    case 2:
      return `${walk} ${roll} for (int left = ${count - from}; left > 0; left--) { ${walked} ${step} }`;
    case 3:
      return `${walk} T *end = a + ${count}; ${roll} while (p != end) { ${walked} ${step} }`;
    case 4:
      return `${walk} unsigned left = ${count - from}; ${roll} do { ${walked} ${step} } while (--left);`;
    default:
      return `uint64_t i = ${from}; ${roll} while (i < ${count}) { ${indexed} i++; }`;
  }
};

export const loopSource = (random: Random, family: LoopFamily, index: number): LoopSource => {
  const size = random.pick(family.elements);
  const k = family.k ? family.k(size, (n) => random.below(n)) : 0;
  const type = `${family.isSigned ? '' : 'u'}int${size * 8}_t`;
  const lanes = 8 / size;
  const count =
    (random.once(3)
      ? lanes * 2 + random.below(256 / size - lanes * 2)
      : lanes * (2 + random.below(256 / 8 - 2))) + (family.isNeighbour && random.once(2) ? 1 : 0);
  const [a, b, c] = places(random);
  const fold = /n [&|^]=/.test(family.c(0)) && random.once(2);
  const sum = fold ? `u${type.replace('u', '')}` : random.pick(['uint32_t', 'uint32_t', 'int', 'uint64_t']);
  const text = `SEC("timer/f${index}") uint64_t f${index}(struct timer_context *ctx) {
  typedef ${type} T; uint32_t zero = 0; struct buffers *m = bpf_map_lookup_elem(&buffers, &zero); if (!m) { return 0; }
  T *a = (T *)(m->raw + ${a}), *b = (T *)(m->raw + ${b}), *c = (T *)(m->raw + ${c}); (void)a; (void)b; (void)c;
  ${sum} n = ${family.start ?? '0'}; ${loopText(random, family.c(k), count, family.isNeighbour === true)} return n; }`;
  return { family, size, k, text };
};

export const loopFile = (sources: readonly LoopSource[]): string =>
  MAP + sources.map((s) => s.text).join('\n');
