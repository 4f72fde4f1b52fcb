/**
 * What vector helpers compute (abi/vectors.ts), as terms over the bytes they read: so a loop is proven equal to the helper that
 * takes its place. Counts must be constant. The CRC is a function of its bytes of which only parity.ts knows more.
 */
import { type Vector, vectors } from '../../abi/index.ts';
import type { Algebra } from './algebra.ts';
import { CRC } from './parity.ts';
import type { State } from './state.ts';
import { place, read, write } from './step.ts';
import { ProofLimit, type Term } from './term.ts';

/** Elements of one call: beyond these the terms become too large to be worth it. */
const MAX_ELEMENTS = 4096;

const names = new Map(Object.entries(vectors).map(([name, v]) => [v.id, name]));

type Element = 'u8' | 'u16' | 'i8' | 'i16' | 'i32';
const bitsOf = (type: Element) => Number(type.slice(1));

/** One call: its arguments, and its elements as terms. */
class Call {
  readonly s: State;
  readonly a: Algebra;
  constructor(s: State) {
    this.s = s;
    this.a = s.world.algebra;
  }

  count(register: number): number {
    const n = this.s.register(register);
    if (n.op !== 'const' || n.value > BigInt(MAX_ELEMENTS))
      throw new ProofLimit('a vector helper is given a count that is not constant, or a large one');
    return Number(n.value);
  }

  low(register: number, bits: number): Term {
    return this.a.extract(this.s.register(register), bits - 1, 0);
  }

  at(register: number, byte: number, size: number): Term {
    return read(this.s, place(this.s, this.s.register(register), byte), size);
  }

  /** Elements from one on, extended to `width` bits. */
  elements(register: number, type: Element, n: number, width: number, from = 0): Term[] {
    const size = bitsOf(type) / 8;
    return Array.from({ length: n }, (_, i) => {
      const value = this.at(register, (from + i) * size, size);
      return type.startsWith('u') ? this.a.zext(value, width) : this.a.sext(value, width);
    });
  }

  put(register: number, values: readonly Term[]): void {
    const target = this.s.register(register);
    values.forEach((value, i) => void write(this.s, place(this.s, target, (i * value.width) / 8), value));
  }

  sum(terms: readonly Term[], width: number): Term {
    return terms.reduce((sum, t) => this.a.add(sum, t), this.a.const(0, width));
  }

  dot(x: readonly Term[], y: readonly Term[], width: number): Term {
    return this.sum(
      x.map((v, i) => this.a.mul(v, y[i]!)),
      width,
    );
  }

  constant(value: bigint | number): Term {
    return this.a.const(value, 64);
  }

  /** Adds 1 to the 32-bit bin of each of these numbers, one after the other: the same may come again. */
  countIn(register: number, numbers: readonly Term[]): void {
    for (const number of numbers) {
      const address = this.a.add(this.s.register(register), this.a.shl(number, this.constant(2)));
      const bin = place(this.s, address, 0);
      write(this.s, bin, this.a.add(read(this.s, bin, 4), this.a.const(1, 32)));
    }
  }
}

type Compute = (c: Call) => Term | undefined;

const memory: Record<string, Compute> = {
  vl_mem_copy: (c) => void c.put(1, c.elements(2, 'u8', c.count(3), 8)),
  vl_mem_fill: (c) => void c.put(1, Array<Term>(c.count(3)).fill(c.low(2, 8))),
  vl_mem_xor: (c) => {
    const from = c.elements(2, 'u8', c.count(3), 8);
    const to = c.elements(1, 'u8', c.count(3), 8);
    c.put(
      1,
      to.map((v, i) => c.a.xor(v, from[i]!)),
    );
    return undefined;
  },
  vl_mem_compare: (c) => {
    const x = c.elements(1, 'u8', c.count(3), 64);
    const y = c.elements(2, 'u8', c.count(3), 64);
    return x.reduceRight((rest, v, i) => c.a.ite(c.a.eq(v, y[i]!), rest, c.a.sub(v, y[i]!)), c.constant(0));
  },
  vl_mem_find: (c) =>
    c
      .elements(1, 'u8', c.count(2), 8)
      .reduceRight((rest, v, i) => c.a.ite(c.a.eq(v, c.low(3, 8)), c.constant(i), rest), c.constant(-1)),
};

/** RFC 1071: three steps fold what is below 2^48. */
const checksum: Compute = (c) => {
  const n = c.count(2);
  const words = c.elements(1, 'u16', Math.floor(n / 2), 64);
  if (n % 2 === 1) words.push(c.a.zext(c.at(1, n - 1, 1), 64));
  let sum = c.sum([...words, c.a.zext(c.low(3, 32), 64)], 64);
  for (let step = 0; step < 3; step += 1)
    sum = c.a.add(c.a.zext(c.a.extract(sum, 15, 0), 64), c.a.lshr(sum, c.constant(16)));
  return sum;
};

const crc32: Compute = (c) => {
  const bytes = c.elements(1, 'u8', c.count(2), 8);
  return c.a.zext(c.a.select(`${CRC}${bytes.length}`, c.a.concat([...bytes, c.low(3, 32)]), 32), 64);
};

const saturate = (c: Call, sum: Term): Term => {
  const rounded = c.a.ashr(c.a.add(c.a.sext(sum, 64), c.constant(1 << 14)), c.constant(15));
  const above = c.a.slt(c.constant(32767), rounded);
  const below = c.a.slt(rounded, c.constant(-32768));
  const cut = c.a.ite(above, c.constant(32767), c.a.ite(below, c.constant(-32768), rounded));
  return c.a.extract(cut, 15, 0);
};

const products: Record<string, Compute> = {
  vl_checksum: checksum,
  vl_crc32: crc32,
  vl_dot_i8: (c) => {
    const n = c.count(3);
    return c.a.sext(c.dot(c.elements(1, 'i8', n, 32), c.elements(2, 'i8', n, 32), 32), 64);
  },
  vl_dot_i16: (c) => {
    const n = c.count(3);
    return c.dot(c.elements(1, 'i16', n, 64), c.elements(2, 'i16', n, 64), 64);
  },
  vl_gemv_i8: (c) => {
    const columns = c.count(5);
    const vector = c.elements(3, 'i8', columns, 32);
    const rows = Array.from({ length: c.count(4) }, (_, r) =>
      c.dot(c.elements(2, 'i8', columns, 32, r * columns), vector, 32),
    );
    return void c.put(1, rows);
  },
  vl_fir_i16: (c) => {
    const taps = c.elements(3, 'i16', c.count(5), 32);
    const outputs = Array.from({ length: c.count(4) }, (_, i) =>
      saturate(c, c.dot(c.elements(2, 'i16', taps.length, 32, i), taps, 32)),
    );
    return void c.put(1, outputs);
  },
};

const typed = (type: 'u8' | 'u16' | 'i32'): Record<string, Compute> => {
  const values = (c: Call) => c.elements(1, type, c.count(2), 64);
  return {
    [`vl_sum_${type}`]: (c) => c.sum(values(c), 64),
    [`vl_min_${type}`]: (c) => values(c).reduce((best, v) => c.a.ite(c.a.slt(v, best), v, best)),
    [`vl_max_${type}`]: (c) => values(c).reduce((best, v) => c.a.ite(c.a.slt(best, v), v, best)),
    [`vl_argmax_${type}`]: (c) =>
      values(c)
        .map((value, i) => ({ value, index: c.constant(i) }))
        .reduce((best, next) => {
          const larger = c.a.slt(best.value, next.value);
          return {
            value: c.a.ite(larger, next.value, best.value),
            index: c.a.ite(larger, next.index, best.index),
          };
        }).index,
  };
};

const counts: Record<string, Compute> = {
  // All elements are read first: the verifier refuses bins that overlap them.
  vl_histogram_u8: (c) => void c.countIn(1, c.elements(2, 'u8', c.count(3), 64)),
};

const computed: Readonly<Record<string, Compute>> = {
  ...memory,
  ...products,
  ...counts,
  ...typed('u8'),
  ...typed('u16'),
  ...typed('i32'),
};

export const isVector = (id: number): boolean => names.has(id);

/** Puts into memory and r0 what the helper does. @throws ProofLimit for counts that are not known, and helpers that have no definition here */
export const callVector = (s: State, id: number): void => {
  const name = names.get(id)!;
  const compute = computed[name];
  if (!compute) throw new ProofLimit(`${name} is not understood`);
  const result = compute(new Call(s));
  s.regs[0] = (vectors[name] as Vector).returns === 'nothing' ? undefined : result;
};
