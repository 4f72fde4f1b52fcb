/** Calls in random C: of functions of the program's own, of helpers, of maps, and atomics. */
import type { Scope } from './c-scope.ts';

const COMPARISONS = ['<', '<=', '>', '>=', '==', '!='] as const;

/** Helpers that read `n` elements, with the bytes that each has. */
const REDUCTIONS = [
  ...(['sum', 'min', 'max', 'argmax'] as const).flatMap((name) =>
    (
      [
        ['u8', 1],
        ['u16', 2],
        ['i32', 4],
      ] as const
    ).map(([type, bytes]) => [`vl_${name}_${type}`, bytes] as const),
  ),
] as const;

/** A count below a power of two that `least` is added to, or a constant. */
const countOf = (s: Scope, most: number, least: number): string =>
  s.once(60) ? String(least + s.below(most)) : `(((${s.value(1)}) & ${most - 1}) + ${least})`;

const reduction = (s: Scope): string => {
  const [name, bytes] = s.pick(REDUCTIONS);
  return `${s.local()} ${s.pick(['=', '+=', '^='])} ${name}((void *)(${s.address(16 * bytes)}), ${countOf(s, 16, name.includes('sum') ? 0 : 1)});`;
};

/** Of memory and an array that lie apart. */
const bulk = (s: Scope): string => {
  const t = s.array();
  if (!t) return reduction(s);
  const bytes = `sizeof(${t.name})`;
  const place = s.address(64);
  const some = s.once(50) ? bytes : `((${s.value(1)}) & (${bytes} - 1))`;
  return s.pick([
    `vl_mem_copy(${t.name}, ${place}, ${some});`,
    `vl_mem_copy(${place}, ${t.name}, ${s.pick([some, '2'])});`,
    `vl_mem_fill(${t.name}, ${s.value(1)}, ${s.pick([some, '1'])});`,
    `vl_mem_fill(${place}, ${s.value(1)}, ${some});`,
    `vl_mem_xor(${t.name}, ${place}, ${some});`,
    `${s.local()} ^= vl_mem_compare(${t.name}, ${place}, ${some});`,
    `${s.local()} = vl_mem_find(${place}, ${countOf(s, 32, 0)}, ${s.value(1)});`,
    `${s.local()} ^= vl_checksum(${place}, ${countOf(s, 32, 0)}, ${s.value(0)});`,
    `${s.local()} ^= vl_crc32(${place}, ${countOf(s, 16, 0)}, ${s.value(0)});`,
    `${s.local()} += vl_dot_i8((void *)${t.name}, (void *)(${place}), ${s.pick([bytes, '2'])});`,
    `${s.local()} += vl_dot_i16((void *)${t.name}, (void *)(${place}), sizeof(${t.name}) / 2);`,
  ]);
};

const lookup = (s: Scope): string => {
  const hash = s.once(40);
  const [k, p] = [s.name('k'), s.name('p')];
  const type = hash ? 'uint64_t' : 'uint32_t';
  const map = hash ? 'pairs' : 'values';
  const last = hash ? 1 : 2;
  const missing = s.once(30) ? ` else { ${s.local()}++; }` : '';
  const use = s.pick([
    `*${p} += ${s.value(1)}; ${s.local()} ^= *${p};`,
    `${p}[1] = ${p}[0] + ${p}[${last}]; ${p}[${last}] ^= ${s.local()};`,
    `if (${p}[0] > ${s.value(1)}) { ${p}[0] = 0; ${s.local()} -= ${p}[1]; }`,
    `__sync_fetch_and_add(&${p}[1], ${s.value(1)});`,
  ]);
  return `{ ${type} ${k} = ${s.value(1)}; uint64_t *${p} = bpf_map_lookup_elem(&${map}, &${k}); if (${p}) { ${use} }${missing} }`;
};

const update = (s: Scope): string => {
  const [k, v] = [s.name('k'), s.name('v')];
  const value = `struct { uint64_t words[3]; } ${v} = {{${s.value(1)}, ${s.value(1)}, ${s.local()}}};`;
  return s.pick([
    `{ uint64_t ${k} = ${s.value(1)}; ${value} ${s.local()} ^= bpf_map_update_elem(&pairs, &${k}, &${v}, 0); }`,
    `{ uint64_t ${k} = ${s.value(1)}; ${s.local()} += bpf_map_delete_elem(&pairs, &${k}); }`,
    `{ uint32_t ${k} = ${s.value(1)}; ${value} bpf_map_update_elem(&values, &${k}, &${v}, 0); }`,
  ]);
};

/** Of memory, an array, numbers, or the value of a map; packets are no place for a record. */
const record = (s: Scope): string => {
  const t = s.array();
  const output = (data: string, size: string) =>
    `${s.local()} ${s.pick(['=', '+=', '^='])} bpf_ringbuf_output(&records, ${data}, ${size}, ${s.pick(['0', '0', '1', '3', '4', s.value(0)])});`;
  const [r, k, p] = [s.name('r'), s.name('k'), s.name('p')];
  const size = s.once(50) ? `sizeof(${r})` : countOf(s, 16, 1);
  return s.pick([
    ...(s.packet
      ? []
      : [output(s.address(32), countOf(s, 32, 1)), output(s.address(128), countOf(s, 128, 1))]),
    ...(t
      ? [
          output(t.name, `sizeof(${t.name})`),
          output(t.name, `((${s.value(1)}) & (sizeof(${t.name}) - 1)) + 1`),
        ]
      : []),
    `{ struct { uint64_t words[2]; } ${r} = {{${s.value(1)}, ${s.local()}}}; ${output(`&${r}`, size)} }`,
    `{ uint32_t ${k} = ${s.value(1)}; uint64_t *${p} = bpf_map_lookup_elem(&values, &${k}); if (${p}) { ${output(p, countOf(s, 16, 1))} } }`,
  ]);
};

/** Where `callees` are there. */
export const callStatement = (s: Scope): string => {
  const t = s.array();
  const kind = s.below(12);
  if (kind >= 10) return record(s);
  if (kind < 2) return lookup(s);
  if (kind < 3) return update(s);
  if (kind < 4)
    return `${s.local()} ${s.pick(['=', '^='])} ${s.pick(['bpf_ktime_get_ns', 'bpf_get_prandom_u32', 'bpf_get_smp_processor_id'])}();`;
  if (kind < 6) return bulk(s);
  if (kind < 7 || !t) return reduction(s);
  if (kind < 8)
    return `bpf_trace_printk((void *)${t.name}, sizeof(${t.name}), ${s.local()}, ${s.value(1)}, ${s.value(1)});`;
  return `${s.local()} ${s.pick(['=', '+=', '^='])} s${s.index}((void *)${t.name}, ${s.value(1)});`;
};

export const atomic = (s: Scope): string => {
  const results = s.outside.atomics;
  const type = results ? s.pick(['uint32_t', 'uint64_t', 'int32_t', 'int64_t']) : 'uint64_t';
  const place = `(${type} *)(m + ${8 * s.below(16)})`;
  if (!results) return `__sync_fetch_and_add(${place}, ${s.local()} | 1);`; // of 0 it would become another one
  const operation = s.pick(['add', 'sub', 'or', 'and', 'xor']);
  return s.pick([
    `__sync_fetch_and_add(${place}, ${s.value(1)});`,
    `${s.local()} ^= __sync_fetch_and_${operation}(${place}, ${s.value(1)});`,
    `__sync_fetch_and_${operation}(${place}, ${s.value(1)});`,
    `${s.local()} = __sync_lock_test_and_set(${place}, ${s.value(1)});`,
    `${s.local()} ^= __sync_val_compare_and_swap(${place}, ${s.value(1)}, ${s.value(1)});`,
  ]);
};

/** Functions that are called, not inlined. */
export const callees = (s: Scope): readonly string[] => {
  const { index } = s;
  const [type, length, small] = [s.type(), s.pick([2, 4, 8]), s.type()];
  const noinline = 'static __attribute__((noinline)) uint64_t';
  return [
    `${noinline} h${index}(uint64_t a, uint32_t b) {`,
    `  uint64_t r = a ${s.pick(['+', '-', '^', '*'])} b;`,
    `  if (a ${s.pick(COMPARISONS)} b) { r ${s.pick(['+=', '^=', '>>='])} ${1 + s.below(30)}; }`,
    '  return r;',
    '}',
    `${noinline} g${index}(unsigned char *m, uint32_t b) {`,
    `  ${type} q[${length}];`,
    `  for (int i = 0; i < ${length}; i++) { q[i] = m[i * ${s.pick([1, 3, 8])}]; }`,
    `  q[b & ${length - 1}] ${s.pick(['=', '+=', '^='])} b;`,
    `  m[b & 63] ^= q[${s.below(length)}];`,
    ...(s.once(40) ? [`  if (b & 1) { q[0] += h${index}(b, q[1]); }`] : []),
    `  return q[(b >> 3) & ${length - 1}];`,
    '}',
    `${noinline} s${index}(void *given, uint64_t b) {`,
    `  ${small} *q = given; uint64_t r = 0;`,
    `  for (int i = 0; i < ${16 / (Number(small.replace(/\D/g, '')) || 8) || 1}; i++) { r = r * 3 + q[i]; q[i] ${s.pick(['=', '+=', '^='])} b >> i; }`,
    '  return r;',
    '}',
  ];
};
