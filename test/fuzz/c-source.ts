/** C at random, of the kinds that compilers make much of: arrays on the stack, indices cut to size, loops, switches, functions of its own. */
import type { Random } from '../../ebpf/random.ts';

/** Bytes at the address that each function is given; as many as runs of the oracle have. */
export const MEMORY_BYTES = 192;

const TYPES = [8, 16, 32, 64].flatMap((bits) => [`uint${bits}_t`, `int${bits}_t`]);
const UNSIGNED = ['uint32_t', 'uint64_t'] as const;
const BINARY = ['+', '-', '*', '&', '|', '^'] as const;
const COMPARISONS = ['<', '<=', '>', '>=', '==', '!='] as const;
const ASSIGNMENTS = ['=', '=', '+=', '-=', '^=', '|=', '&=', '*='] as const;
const CONSTANTS = [
  ...[0, 1, 2, 3, 5, 7, 8, 15, 16, 31, 32, 33, 63, 100, 127, 128, 255, 256, 257, 4095, 4096, 65535],
  ...['65536u', '0x7fffffff', '0x80000000u', '0xffffffffu', '0x100000000', '0x123456789abcdef0', '~0ull'],
].map(String);

type Array = { readonly name: string; readonly type: string; readonly length: number };

/** One program under way. */
class Writer {
  readonly #random: Random;
  readonly #index: number;
  readonly #locals: string[] = [];
  readonly #arrays: Array[] = [];
  /** Of the loops around what is written. */
  readonly #counters: string[] = [];
  readonly #calls: boolean;
  #names = 0;

  constructor(random: Random, index: number) {
    this.#random = random;
    this.#index = index;
    this.#calls = random.below(3) === 0;
  }

  #once(percent: number): boolean {
    return this.#random.below(100) < percent;
  }

  #pick<T>(from: readonly T[]): T {
    return this.#random.pick(from);
  }

  #memory(): string {
    const type = this.#pick(TYPES);
    if (this.#counters.length > 0 && this.#once(50)) {
      const index = `(${this.#pick(this.#counters)} & ${this.#pick([3, 7, 15])}) * ${this.#pick([1, 2, 4, 8])}`;
      return `(*(${type} *)(m + ${8 * this.#random.below(4)} + ${index}))`;
    }
    return `(*(${type} *)(m + ${8 * this.#random.below(MEMORY_BYTES / 8)}))`;
  }

  #element(): string {
    const { name, length } = this.#pick(this.#arrays);
    const kind = this.#random.below(3);
    if (kind === 0) return `${name}[${this.#random.below(length)}]`;
    const index = kind === 1 && this.#counters.length > 0 ? this.#pick(this.#counters) : this.#value(1);
    return `${name}[(${index}) & ${length - 1}]`;
  }

  #place(): string {
    const kind = this.#random.below(10);
    if (kind < 3 && this.#arrays.length > 0) return this.#element();
    return kind < 6 ? this.#pick(this.#locals) : this.#memory();
  }

  #leaf(): string {
    const kind = this.#random.below(10);
    if (kind < 4) return this.#pick(this.#locals);
    if (kind < 5 && this.#counters.length > 0) return this.#pick(this.#counters);
    return kind < 8 ? this.#place() : this.#pick(CONSTANTS);
  }

  #condition(depth: number): string {
    const cast = () => this.#pick(['', '(int32_t)', '(int64_t)', '(uint32_t)', '(uint64_t)']);
    return `${cast()}(${this.#value(depth)}) ${this.#pick(COMPARISONS)} ${cast()}(${this.#value(depth)})`;
  }

  #call(depth: number): string {
    const number = this.#value(depth);
    return this.#pick([
      `h${this.#index}(${number}, ${this.#value(depth)})`,
      `g${this.#index}(m, ${number})`,
      'bpf_ktime_get_ns()',
    ]);
  }

  #value(depth: number): string {
    if (depth <= 0 || this.#once(12)) return this.#leaf();
    const value = () => this.#value(depth - 1);
    const unsigned = () => `(${this.#pick(UNSIGNED)})(${value()})`;
    switch (this.#random.below(this.#calls ? 15 : 14)) {
      case 0:
        return `((${value()}) ${this.#pick(['<<', '>>'])} ${this.#random.below(31)})`;
      case 1:
        return `((${value()}) ${this.#pick(['<<', '>>'])} ((${value()}) & 31))`;
      case 2:
        return `(${this.#pick(TYPES)})(${value()})`;
      case 3:
        return `(${unsigned()} ${this.#pick(['/', '%'])} ${this.#pick([3, 5, 7, 10, 16, 60, 255, 1000])}u)`;
      case 4:
        return `(${unsigned()} ${this.#pick(['/', '%'])} (${unsigned()} | 1))`;
      case 5:
        return `__builtin_bswap${this.#pick([16, 32, 64])}(${value()})`;
      case 6:
        return `${this.#pick(['~', '-', '!'])}(${value()})`;
      case 7:
        return `((${this.#condition(depth - 1)}) ? ${value()} : ${value()})`;
      case 8:
        return `(${this.#condition(depth - 1)})`;
      case 9: {
        const by = 1 + this.#random.below(31);
        return `(((uint32_t)(${value()}) << ${by}) | ((uint32_t)(${value()}) >> ${32 - by}))`;
      }
      case 14:
        return this.#call(depth - 1);
      default:
        return `((${value()}) ${this.#pick(BINARY)} (${value()}))`;
    }
  }

  #loop(depth: number): string {
    const i = `i${this.#names++}`;
    const turns = this.#pick([2, 3, 4, 5, 7, 8, 9, 16, 20]);
    const head = this.#pick([
      `for (uint32_t ${i} = 0; ${i} < ${turns}; ${i}++)`,
      `for (int ${i} = ${turns}; ${i} > 0; ${i}--)`,
      `for (uint64_t ${i} = 0; ${i} < ((uint64_t)${this.#place()} & ${this.#pick([3, 7, 15])}); ${i}++)`,
      `for (uint32_t ${i} = 0; ${i} < ${turns * 4}; ${i} += ${this.#pick([2, 4])})`,
    ]);
    this.#counters.push(i);
    const body = this.#block(depth - 1);
    const leaves = this.#once(30)
      ? ` if (${this.#condition(1)}) { ${this.#pick(['break', 'continue'])}; }`
      : '';
    this.#counters.pop();
    const rolled = this.#once(50) ? '_Pragma("clang loop unroll(disable)") ' : '';
    return `${rolled}${head} { ${body}${leaves} }`;
  }

  #choice(): string {
    const cases = this.#random.shuffle([0, 1, 2, 3, 4, 5, 6, 7]).slice(0, 2 + this.#random.below(5));
    const texts = cases.map((n) => `case ${n}: ${this.#block(0)} ${this.#once(80) ? 'break;' : ''}`);
    return `switch ((${this.#value(1)}) & 7) { ${texts.join(' ')} default: ${this.#block(0)} }`;
  }

  #bulk(): string {
    const { name } = this.#pick(this.#arrays);
    const place = `m + ${8 * this.#random.below(8)}`;
    return this.#pick([
      `__builtin_memcpy_inline(${name}, ${place}, sizeof(${name}));`,
      `__builtin_memset_inline(${name}, ${this.#random.below(256)}, sizeof(${name}));`,
      `__builtin_memcpy_inline(${place}, ${name}, sizeof(${name}));`,
    ]);
  }

  #lookup(): string {
    const key = `uint32_t k = ${this.#value(1)};`;
    const use = `*p += ${this.#value(1)}; ${this.#pick(this.#locals)} ^= *p;`;
    return `{ ${key} uint64_t *p = bpf_map_lookup_elem(&values, &k); if (p) { ${use} } }`;
  }

  #statement(depth: number): string {
    const kind = this.#random.below(100);
    if (kind < 45 || depth <= 0)
      return `${this.#place()} ${this.#pick(ASSIGNMENTS)} ${this.#value(1 + this.#random.below(3))};`;
    if (kind < 60) {
      const other = this.#once(50) ? ` else { ${this.#block(depth - 1)} }` : '';
      return `if (${this.#condition(1)}) { ${this.#block(depth - 1)} }${other}`;
    }
    if (kind < 78) return this.#loop(depth);
    if (kind < 86) return this.#choice();
    if (kind < 92 && this.#arrays.length > 0) return this.#bulk();
    if (kind < 95)
      return `__sync_fetch_and_add((uint64_t *)(m + ${8 * this.#random.below(24)}), ${this.#value(1)});`;
    if (kind < 98 && this.#calls) return this.#lookup();
    return `if (${this.#condition(1)}) { return ${this.#value(1)}; }`;
  }

  #block(depth: number): string {
    const count = 1 + this.#random.below(depth > 0 ? 3 : 1);
    return Array.from({ length: count }, () => this.#statement(depth)).join(' ');
  }

  /** Functions that are called, not inlined. */
  #callees(): string[] {
    const by = this.#pick(['+', '-', '^', '*']);
    const [type, length] = [this.#pick(TYPES), this.#pick([2, 4, 8])];
    return [
      `static __attribute__((noinline)) uint64_t h${this.#index}(uint64_t a, uint32_t b) {`,
      `  uint64_t r = a ${by} b;`,
      `  if (a ${this.#pick(COMPARISONS)} b) { r ${this.#pick(['+=', '^=', '>>='])} ${1 + this.#random.below(30)}; }`,
      '  return r;',
      '}',
      `static __attribute__((noinline)) uint64_t g${this.#index}(unsigned char *m, uint32_t b) {`,
      `  ${type} q[${length}];`,
      `  for (int i = 0; i < ${length}; i++) { q[i] = m[i * ${this.#pick([1, 3, 8])}]; }`,
      `  q[b & ${length - 1}] ${this.#pick(['=', '+=', '^='])} b;`,
      `  m[b & 63] ^= q[${this.#random.below(length)}];`,
      `  return q[(b >> 3) & ${length - 1}];`,
      '}',
    ];
  }

  #declareLocal(): string {
    const declared = `${this.#pick(TYPES)} n${this.#names} = ${this.#memory()};`;
    this.#locals.push(`n${this.#names++}`);
    return declared;
  }

  #declareArray(): string {
    const type = this.#pick(TYPES);
    const array = { name: `t${this.#names++}`, type, length: this.#pick([2, 4, 8]) };
    const { name, length } = array;
    this.#arrays.push(array);
    const place = `m + ${8 * this.#random.below(8)} + i * ${this.#pick([1, 2, 4, 8])}`;
    const filled = `for (int i = 0; i < ${length}; i++) { ${name}[i] = *(${type} *)(${place}); }`;
    return `${type} ${name}[${length}]; ${filled}`;
  }

  text(): string {
    const declared = [
      ...Array.from({ length: 2 + this.#random.below(5) }, () => this.#declareLocal()),
      ...Array.from({ length: this.#random.below(4) }, () => this.#declareArray()),
    ];
    const body = Array.from({ length: 1 + this.#random.below(7) }, () => this.#statement(2));
    const result = [
      ...this.#locals.map((name, i) => `(uint64_t)${name} * ${2 * i + 3}`),
      ...this.#arrays.map(({ name, length }) => `${name}[${this.#random.below(length)}]`),
    ];
    return [
      ...(this.#calls ? this.#callees() : []),
      `SEC("run") uint64_t f${this.#index}(unsigned char *m) {`,
      ...[...declared, ...body, `return ${result.join(' ^ ')};`].map((line) => `  ${line}`),
      '}',
    ].join('\n');
  }
}

const HEAD = `#include "velocity.h"
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 4);
  __type(key, uint32_t);
  __type(value, struct { uint64_t words[3]; });
} values SEC(".maps");`;

/** A C file of `count` programs for hook run, each given MEMORY_BYTES bytes. */
export const sourceText = (random: Random, count: number): string =>
  [HEAD, ...Array.from({ length: count }, (_, i) => new Writer(random, i).text())].join('\n\n');
