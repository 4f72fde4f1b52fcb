/** C at random, of the kinds that compilers make much of: arrays on the stack, indices cut to size, loops, switches, functions of its own. */
import type { Random } from '../../ebpf/random.ts';
import { atomic, callees, callStatement } from './c-calls.ts';
import { idioms } from './c-idioms.ts';
import { GLOBALS, type Outside, Scope } from './c-scope.ts';

/** Names of the maps that there are, in the order of the fuzzers' world (test/jit/emulator/world.h). */
export const MAPS = ['values', 'pairs', 'records'];

const ASSIGNMENTS = ['=', '=', '+=', '-=', '^=', '|=', '&=', '*='] as const;

/** Declarations before a loop, and its head: over a number that is known, or that is read before it or at each turn. */
const loopHead = (s: Scope, i: string): readonly [string, string] => {
  const turns = s.pick([2, 3, 4, 5, 7, 8, 9, 16, 20]);
  const mask = s.pick([3, 7, 15]);
  const n = s.name('k');
  const read = `uint32_t ${n} = ${s.place()} & ${mask};`;
  const up = s.pick(['uint32_t', 'uint64_t', 'int', 'uint16_t']);
  const signed = s.pick(['int', 'long', 'int16_t']);
  return s.pick<readonly [string, string]>([
    ['', `for (uint32_t ${i} = 0; ${i} < ${turns}; ${i}++)`],
    ['', `for (int ${i} = ${turns}; ${i} > 0; ${i}--)`],
    ['', `for (uint64_t ${i} = 0; ${i} < ((uint64_t)${s.place()} & ${mask}); ${i}++)`],
    ['', `for (uint32_t ${i} = 0; ${i} < ${turns * 4}; ${i} += ${s.pick([2, 3, 4])})`],
    [
      '',
      `for (uint32_t ${i} = 1; ${i} < ${s.pick([16, 200, 5000])}; ${i} ${s.pick(['<<= 1', '*= 3', '+= 64'])})`,
    ],
    [read, `for (${up} ${i} = 0; ${i} < ${n}; ${i}++)`],
    [read, `for (uint32_t ${i} = 0; ${i} != ${n}; ${i}++)`],
    [read, `for (${signed} ${i} = ${n}; ${i} >= 0; ${i} -= ${s.pick([1, 1, 2])})`],
    [read, `for (uint64_t ${i} = 1; ${i} <= ${n}; ${i} += ${s.pick([1, 1, 2])})`],
  ]);
};

const bulk = (s: Scope): string => {
  const name = s.pick(s.arrays).name;
  const place = `m + ${8 * s.below(8)}`;
  return s.pick([
    `__builtin_memcpy_inline(${name}, ${place}, sizeof(${name}));`,
    `__builtin_memset_inline(${name}, ${s.below(256)}, sizeof(${name}));`,
    `__builtin_memcpy_inline(${place}, ${name}, sizeof(${name}));`,
  ]);
};

/** A part of the frame that lies where a number says, and may not be there at all. */
const part = (s: Scope): string => {
  const [p, type, bytes] = [s.name('p'), s.type(), s.pick([8, 20])];
  const at = s.pick([`((${s.value(1)}) & ${s.pick([15, 60, 255])})`, `(m[${s.below(8)}] & 15) * 4`]);
  const use = s.pick([
    `${s.local()} ^= *(${type} *)(${p} + ${s.below(bytes - 7)});`,
    `*(${type} *)(${p} + ${s.below(bytes - 7)}) ${s.pick(ASSIGNMENTS)} ${s.value(1)};`,
    `for (int i = 0; i < ${bytes}; i++) { ${s.local()} += ${p}[i]; }`,
  ]);
  const missing = s.once(30) ? ` else { return ${s.value(0)}; }` : '';
  return `{ unsigned char *${p} = m + ${at}; if (${p} + ${bytes} <= end) { ${use} }${missing} }`;
};

/** One program under way. */
class Writer {
  readonly #scope: Scope;

  constructor(scope: Scope) {
    this.#scope = scope;
  }

  #loop(depth: number): string {
    const s = this.#scope;
    const i = s.name('i');
    const [before, head] = loopHead(s, i);
    s.counters.push(i);
    const leave = () => ` if (${s.condition(1)}) { ${s.pick(['break', 'break', 'continue'])}; } `;
    const early = s.once(15) ? leave() : '';
    const body = this.#block(depth - 1);
    const leaves = s.once(30) ? `${leave()}${s.once(40) ? this.#block(0) : ''}` : '';
    s.counters.pop();
    const rolled = s.once(50) ? '_Pragma("clang loop unroll(disable)") ' : '';
    return `{ ${before} ${rolled}${head} { ${early}${body}${leaves} } }`;
  }

  #choice(): string {
    const s = this.#scope;
    const first = s.below(8);
    const cases = Array.from({ length: 2 + s.below(5) }, (_, i) => (first + 3 * i) & 7); // 3 and 8 have no divisor in common
    const texts = cases.map((n) => `case ${n}: ${this.#block(0)} ${s.once(80) ? 'break;' : ''}`);
    return `switch ((${s.value(1)}) & 7) { ${texts.join(' ')} default: ${this.#block(0)} }`;
  }

  #statement(depth: number): string {
    const s = this.#scope;
    const { calls = 0 } = s.outside;
    if (s.calls && calls > 0 && s.once(calls)) return callStatement(s);
    const kind = s.below(100);
    if (kind < 45 || depth <= 0) return `${s.place()} ${s.pick(ASSIGNMENTS)} ${s.value(1 + s.below(3))};`;
    if (kind < 57) {
      const other = s.once(50) ? ` else { ${this.#block(depth - 1)} }` : '';
      return `if (${s.condition(1)}) { ${this.#block(depth - 1)} }${other}`;
    }
    if (kind < 70) return this.#loop(depth);
    if (kind < 74 && s.packet) return part(s);
    if (kind < 82) return s.pick(idioms)(s);
    if (kind < 87) return this.#choice();
    if (kind < 91 && s.arrays.length > 0) return bulk(s);
    if (kind < 93) return atomic(s);
    if (kind < 98 && s.calls) return callStatement(s);
    return `if (${s.condition(1)}) { return ${s.value(1)}; }`;
  }

  #block(depth: number): string {
    const count = 1 + this.#scope.below(depth > 0 ? 3 : 1);
    return Array.from({ length: count }, () => this.#statement(depth)).join(' ');
  }

  #declareLocal(): string {
    const s = this.#scope;
    const declared = `${s.type()} n${s.locals.length} = ${s.memory()};`;
    s.locals.push(`n${s.locals.length}`);
    return declared;
  }

  #declareArray(): string {
    const s = this.#scope;
    const [name, type, length] = [s.name('t'), s.type(), s.pick([2, 4, 8])];
    s.arrays.push({ name, type, length });
    const place = `m + ${8 * s.below(8)} + i * ${s.pick([1, 2, 4, 8])}`;
    const filled = `for (int i = 0; i < ${length}; i++) { ${name}[i] = *(${type} *)(${place}); }`;
    return `${s.once(8) ? 'volatile ' : ''}${type} ${name}[${length}]; ${filled}`;
  }

  #head(): readonly string[] {
    const { index, packet, line, bytes } = this.#scope;
    if (!packet) return [`SEC("run") uint64_t f${index}(unsigned char *m) {`];
    const hook = line ? 'uart_line' : 'packet';
    return [
      `SEC("${hook}") uint64_t f${index}(struct ${hook}_context *c) {`,
      '  unsigned char *m = c->data, *end = c->data_end;',
      `  if (m + ${bytes} > end) { return c->len; }`,
    ];
  }

  text(): string {
    const s = this.#scope;
    const large = s.once(8); // more than there are registers for
    const declared = [
      ...Array.from({ length: 2 + s.below(large ? 20 : 5) }, () => this.#declareLocal()),
      ...Array.from({ length: s.below(4) }, () => this.#declareArray()),
    ];
    const statements = 1 + s.below(large ? 16 : 7);
    const body = Array.from({ length: statements }, () => this.#statement(s.once(15) ? 3 : 2));
    const result = [
      ...s.locals.map((name, i) => `(uint64_t)${name} * ${2 * i + 3}`),
      ...s.arrays.map(({ name, length }) => `${name}[${s.below(length)}]`),
    ];
    return [
      ...(s.calls ? callees(s) : []),
      ...this.#head(),
      ...[...declared, ...body, `return ${result.join(' ^ ')};`].map((line) => `  ${line}`),
      '}',
    ].join('\n');
  }
}

const head = (percpu: boolean): string => `#include "velocity.h"
struct {
  __uint(type, BPF_MAP_TYPE_${percpu ? 'PERCPU_ARRAY' : 'ARRAY'});
  __uint(max_entries, 4);
  __type(key, uint32_t);
  __type(value, struct { uint64_t words[3]; });
} values SEC(".maps");
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 4);
  __type(key, uint64_t);
  __type(value, struct { uint64_t words[2]; });
} pairs SEC(".maps");
struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, 128);
} records SEC(".maps");`;

const LEGACY = ['byte', 'half', 'word']
  .map((size) => `uint64_t load_${size}(void *context, uint64_t at) asm("llvm.bpf.load.${size}");`)
  .join('\n');

const globals = (random: Random): string => {
  const [kept, table] = [random, random].map((r) => r.pick(['uint8_t', 'int16_t', 'uint32_t', 'int64_t']));
  const numbers = Array.from({ length: GLOBALS }, () => random.below(random.pick([2, 100, 0x8000])));
  return `static ${kept} kept[${GLOBALS}];\nstatic const ${table} table[${GLOBALS}] = {${numbers}};`;
};

/** A C file of `count` programs for the hooks run, packet and, where there are `lines`, uart_line. */
export const sourceText = (random: Random, count: number, outside: Outside): string =>
  [
    head(outside.percpu === true),
    ...(outside.legacy ? [LEGACY] : []),
    ...(outside.globals ? [globals(random)] : []),
    ...Array.from({ length: count }, (_, i) => new Writer(new Scope(random, i, outside)).text()),
  ].join('\n\n');
