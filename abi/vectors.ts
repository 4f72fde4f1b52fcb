/**
 * Vector helpers: bulk work on memory that the verifier has bounded, compiled to NEON. They are this kernel's own, so their
 * numbers start where Linux' end for good (enum bpf_func_id grows no more; what it has lies below 256).
 *
 * Semantics, the same in interpreter and JIT: elements are little-endian and may lie at any address; sums and products are
 * exact, or wrap where the text says so; a count of 0 does nothing where it is allowed. Buffers that are written may overlap
 * what is read only where the text says so, else the verifier refuses the call unless it sees them apart.
 */

/** Elements of a buffer, from the counts named: `n`, `n*m`, `n+m-1`, or a number. */
type Buffer = { readonly kind: 'in' | 'out' | 'inout'; readonly bytes: 1 | 2 | 4; readonly elements: string };
/** `count`: 0 or more; `count1`: 1 or more. */
type Number_ = { readonly kind: 'number' | 'count' | 'count1' };
export type VectorArgument = Buffer | Number_;

/** What r0 holds. `index`: below the count; `place`: that, or -1. */
export type VectorResult =
  | 'nothing'
  | 'i64'
  | 'u64'
  | 'i32'
  | 'u32'
  | 'u16'
  | 'u8'
  | 'difference'
  | 'index'
  | 'place';

export type Vector = {
  readonly id: number;
  readonly args: Readonly<Record<string, VectorArgument>>;
  readonly returns: VectorResult;
  readonly c: string;
  readonly doc: string;
  /** Buffers that are written may overlap those that are read. */
  readonly overlaps?: true;
  /**
   * Upper bound of executed A64 instructions, which the verifier adds to the program's bound: `call` once, `row` for each of
   * the first count, `block` for each 16 elements, where the elements are the product of both counts.
   */
  readonly cost: { readonly call: number; readonly row: number; readonly block: number };
};

const input = (bytes: 1 | 2 | 4, elements: string) => ({ kind: 'in', bytes, elements }) as const;
const output = (bytes: 1 | 2 | 4, elements: string) => ({ kind: 'out', bytes, elements }) as const;
const updated = (bytes: 1 | 2 | 4, elements: string) => ({ kind: 'inout', bytes, elements }) as const;
const number = { kind: 'number' } as const;
const count = { kind: 'count' } as const;
const count1 = { kind: 'count1' } as const;
const flat = (call: number, block: number) => ({ call, row: 0, block }) as const;

const memory = {
  vl_mem_copy: {
    id: 256,
    args: { to: output(1, 'bytes'), from: input(1, 'bytes'), bytes: count },
    returns: 'nothing',
    c: 'void {}(void *to, const void *from, uint64_t bytes)',
    doc: 'Copies. The buffers may overlap: `to` gets what `from` held before the call.',
    overlaps: true,
    cost: flat(60, 4),
  },
  vl_mem_fill: {
    id: 257,
    args: { to: output(1, 'bytes'), byte: number, bytes: count },
    returns: 'nothing',
    c: 'void {}(void *to, uint64_t byte, uint64_t bytes)',
    doc: 'Sets every byte to the low eight bits of `byte`.',
    cost: flat(50, 3),
  },
  vl_mem_xor: {
    id: 258,
    args: { to: updated(1, 'bytes'), from: input(1, 'bytes'), bytes: count },
    returns: 'nothing',
    c: 'void {}(void *to, const void *from, uint64_t bytes)',
    doc: '`to[i] ^= from[i]`. The buffers may overlap: `from` counts as it was before the call.',
    overlaps: true,
    cost: flat(120, 6),
  },
  vl_mem_compare: {
    id: 259,
    args: { a: input(1, 'bytes'), b: input(1, 'bytes'), bytes: count },
    returns: 'difference',
    c: 'int64_t {}(const void *a, const void *b, uint64_t bytes)',
    doc: '0 when all bytes are equal, else `a[i] - b[i]` of the first that are not, as unsigned bytes: -255..255.',
    cost: flat(120, 8),
  },
  vl_mem_find: {
    id: 260,
    args: { data: input(1, 'bytes'), bytes: count, byte: number },
    returns: 'place',
    c: 'int64_t {}(const void *data, uint64_t bytes, uint64_t byte)',
    doc: 'Index of the first byte that equals the low eight bits of `byte`, or -1.',
    cost: flat(120, 8),
  },
} as const satisfies Record<string, Vector>;

const sums = {
  vl_checksum: {
    id: 261,
    args: { data: input(1, 'bytes'), bytes: count, sum: number },
    returns: 'u16',
    c: 'uint64_t {}(const void *data, uint64_t bytes, uint64_t sum)',
    doc: "Internet checksum (RFC 1071): the ones' complement sum of the low 32 bits of `sum` and of `data` as 16-bit little-endian words, an odd last byte padded with 0, folded to 16 bits: 0 only when everything is 0. Not complemented; the checksum field is `~` of it, stored as it is.",
    cost: flat(80, 4),
  },
  vl_crc32: {
    id: 262,
    args: { data: input(1, 'bytes'), bytes: count, crc: number },
    returns: 'u32',
    c: 'uint64_t {}(const void *data, uint64_t bytes, uint64_t crc)',
    doc: 'CRC-32 of IEEE 802.3 (reflected, polynomial 0xedb88320, inverted before and after, as in zlib and PNG) of what gave the low 32 bits of `crc` (0: nothing) followed by `data`.',
    cost: flat(80, 180),
  },
  vl_sum_u8: {
    id: 263,
    args: { data: input(1, 'n'), n: count },
    returns: 'u64',
    c: 'uint64_t {}(const uint8_t *data, uint64_t n)',
    doc: 'Sum, exact.',
    cost: flat(80, 5),
  },
  vl_sum_u16: {
    id: 264,
    args: { data: input(2, 'n'), n: count },
    returns: 'u64',
    c: 'uint64_t {}(const uint16_t *data, uint64_t n)',
    doc: 'Sum, exact.',
    cost: flat(80, 8),
  },
  vl_sum_i32: {
    id: 265,
    args: { data: input(4, 'n'), n: count },
    returns: 'i64',
    c: 'int64_t {}(const int32_t *data, uint64_t n)',
    doc: 'Sum, exact.',
    cost: flat(80, 14),
  },
} as const satisfies Record<string, Vector>;

const dots = {
  vl_dot_i8: {
    id: 266,
    args: { a: input(1, 'n'), b: input(1, 'n'), n: count },
    returns: 'i32',
    c: 'int64_t {}(const int8_t *a, const int8_t *b, uint64_t n)',
    doc: 'Sum of `a[i] * b[i]`, which wraps at 32 bits and is sign-extended: exact up to 131,071 elements.',
    cost: flat(100, 9),
  },
  vl_dot_i16: {
    id: 267,
    args: { a: input(2, 'n'), b: input(2, 'n'), n: count },
    returns: 'i64',
    c: 'int64_t {}(const int16_t *a, const int16_t *b, uint64_t n)',
    doc: 'Sum of `a[i] * b[i]` in 64 bits, exact.',
    cost: flat(100, 18),
  },
  vl_gemv_i8: {
    id: 268,
    args: {
      out: output(4, 'rows'),
      matrix: input(1, 'rows*columns'),
      vector: input(1, 'columns'),
      rows: count,
      columns: count,
    },
    returns: 'nothing',
    c: 'void {}(int32_t *out, const int8_t *matrix, const int8_t *vector, uint64_t rows, uint64_t columns)',
    doc: 'Matrix, row by row, times vector: `out[r]` is the sum of `matrix[r * columns + c] * vector[c]`, which wraps at 32 bits. `out` must not overlap the others.',
    cost: { call: 100, row: 90, block: 9 },
  },
  vl_fir_i16: {
    id: 269,
    args: {
      out: output(2, 'n'),
      samples: input(2, 'n+taps-1'),
      weights: input(2, 'taps'),
      n: count,
      taps: count1,
    },
    returns: 'nothing',
    c: 'void {}(int16_t *out, const int16_t *samples, const int16_t *weights, uint64_t n, uint64_t taps)',
    doc: 'FIR filter in Q15: `out[i]` is the sum over k of `samples[i + k] * weights[k]`, which wraps at 32 bits, plus 2^14, shifted right by 15 (arithmetic, the addition not wrapping), saturated to -32768..32767. `samples` holds n + taps - 1 elements. `out` must not overlap the others.',
    cost: { call: 120, row: 90, block: 24 },
  },
} as const satisfies Record<string, Vector>;

const types = [
  ['u8', 1],
  ['u16', 2],
  ['i32', 4],
] as const;

const extreme = (what: 'min' | 'max' | 'argmax', first: number, doc: string): Record<string, Vector> =>
  Object.fromEntries(
    types.map(([type, bytes], i) => [
      `vl_${what}_${type}`,
      {
        id: first + i,
        args: { data: input(bytes, 'n'), n: count1 },
        returns: what === 'argmax' ? 'index' : type,
        c: `${what === 'argmax' || type !== 'i32' ? 'uint64_t' : 'int64_t'} {}(const ${type.replace(/^u/, 'uint').replace(/^i/, 'int')}_t *data, uint64_t n)`,
        doc,
        cost: flat(what === 'argmax' ? 200 : 100, (what === 'argmax' ? 10 : 4) * bytes),
      },
    ]),
  );

export const vectors: Readonly<Record<string, Vector>> = {
  ...memory,
  ...sums,
  ...dots,
  ...extreme('min', 270, 'Smallest element.'),
  ...extreme('max', 273, 'Largest element.'),
  ...extreme('argmax', 276, 'Index of the largest element, the first of them when several are.'),
  vl_histogram_u8: {
    id: 279,
    args: { bins: updated(4, '256'), data: input(1, 'n'), n: count },
    returns: 'nothing',
    c: 'void {}(uint32_t *bins, const uint8_t *data, uint64_t n)',
    doc: 'Adds 1 to `bins[data[i]]` for each element; bins wrap at 32 bits. `bins` must not overlap `data`.',
    cost: flat(40, 100),
  },
};

export const VECTOR_ID_FIRST = 256;

/** Where the elements of a buffer come from: rule, and the numbers (1..5) of the arguments that count. */
export const elementsOf = (
  vector: Vector,
  elements: string,
): { rule: 'count' | 'product' | 'window' | 'fixed'; first: number; second: number } => {
  const place = (name: string) => Object.keys(vector.args).indexOf(name) + 1;
  const [, first, operator, second] = /^(\w+)(?:([*+])(\w+))?(?:-1)?$/.exec(elements) ?? [];
  if (/^\d+$/.test(elements)) return { rule: 'fixed', first: Number(elements), second: 0 };
  const rule = operator === '*' ? 'product' : operator === '+' ? 'window' : 'count';
  return { rule, first: place(first!), second: second ? place(second) : 0 };
};
