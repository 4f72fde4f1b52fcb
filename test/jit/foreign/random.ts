/** Random C for Linux: functions of test/fuzz/c-source.ts, called back by each kind of helper, on values of maps and in an arena. */
import type { Random } from '../../../ebpf/random.ts';
import { sourceText } from '../../fuzz/c-source.ts';

/** As that source writes them; those that call what only boards have are left out. */
const HEAD = /SEC\("run"\) uint64_t f(\d+)\(unsigned char \*m\)/;

const HEADER = `#include "random.h"
unsigned char ARENA SEC(".addr_space.1") lent[4096];
struct pair { uint64_t words[2]; };
MAP(values, BPF_MAP_TYPE_ARRAY, uint32_t, struct triple { uint64_t words[3]; }, 4);
MAP(pairs, BPF_MAP_TYPE_HASH, uint64_t, struct pair, 4);
struct box { uint64_t sum, turns; unsigned char *m; };`;

const bodies = (random: Random, count: number): string[] =>
  sourceText(random, count, { atomics: true })
    .split('\n\n')
    .filter((text) => HEAD.test(text) && !/vl_|trace_printk|&records/.test(text));

/** How the function of this number comes to be called. */
const callers = (random: Random, n: string): string => {
  const turns = random.pick(['7', '20', 'bpf_get_prandom_u32() & 15', 'load_byte(skb, 20) & 31']);
  const stops = random.pick(['0', 'b->sum % 7 == 0', 'b->sum >> 63']);
  const before = random.pick(['0', 'load_half(skb, 12)', 'load_word(skb, bpf_get_prandom_u32() & 127)']);
  const found =
    'uint32_t key = bpf_get_prandom_u32() & 3; struct cell *cell = bpf_map_lookup_elem(&cells, &key); if (!cell) { return 1; }';
  const after = 'return a ^ b.sum ^ b.turns ^ done;';
  return random.pick([
    `static long c${n}(uint32_t i, struct box *b) { b->turns += i; b->sum += body${n}(b->m) ^ i; return ${stops}; }
SEC("tc") int f${n}(struct __sk_buff *skb) { ${found} uint64_t a = ${before}; struct box b = {a, 1, (unsigned char *)cell};
  long done = bpf_loop(${turns}, c${n}, &b, 0); ${after} }`,
    `static long c${n}(void *map, const uint32_t *key, unsigned char *m, struct box *b) { b->sum = b->sum * 3 + body${n}(m) + *key; return ${stops}; }
SEC("tc") int f${n}(struct __sk_buff *skb) { uint64_t a = ${before}; struct box b = {a, 2};
  long done = bpf_for_each_map_elem(&cells, c${n}, &b, 0); ${after} }`,
    `static long c${n}(uint32_t i, struct box *b) { b->sum += body${n}((unsigned char *)(lent + 1024 + i * 64)); return ${stops}; }
SEC("tc") int f${n}(struct __sk_buff *skb) { uint64_t a = ${before}; struct box b = {a, 3};
  long done = bpf_loop(${turns}, c${n}, &b, 0); ${after} }`,
    `SEC("tc") int f${n}(struct __sk_buff *skb) { uint64_t a = ${before}; unsigned char *m = (unsigned char *)(lent + 1024);
  uint64_t b = body${n}(m + (a & 248)); return b ^ body${n}(m) ^ load_byte(skb, 3) ^ a; }`,
  ]);
};

/** A C file of about half as many programs. */
export const foreignSource = (random: Random, count: number): string =>
  [
    HEADER,
    ...bodies(random, count).flatMap((text) => {
      const n = HEAD.exec(text)![1]!;
      const kept = random.once(2) ? '__attribute__((noinline))' : '';
      return [text.replace(HEAD, `static ${kept} uint64_t body${n}(unsigned char *m)`), callers(random, n)];
    }),
  ].join('\n\n');
