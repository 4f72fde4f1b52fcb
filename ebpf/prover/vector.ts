/**
 * What vector helpers compute (abi/vectors.ts), as terms over the bytes they read: so a loop is proven equal to the helper that
 * takes its place. Where a count is not constant, each element that there may be counts if there are so many. The CRC is a function
 * of its bytes of which only parity.ts knows more.
 */
import { type Vector, vectors } from '../../abi/index.ts';
import type { Algebra } from './algebra.ts';
import { copyMemory, type Filling, type Source, writeSpan } from './memory.ts';
import { CRC } from './parity.ts';
import type { State } from './state.ts';
import { type Place, place, read, write } from './step.ts';
import { ProofLimit, type Term } from './term.ts';
import { MAX_FRAME_BYTES, type Region } from './world.ts';

/** Elements of one call: beyond these the terms become too large to be worth it. */
const MAX_ELEMENTS = 4096;
const TOP = 1n << 64n;
/** Name of the function of a count, bytes no more than those in the name, and what they follow. */
export const OPEN_CRC = 'vl_crc32 of up to ';

const names = new Map(Object.entries(vectors).map(([name, v]) => [v.id, name]));

type Element = 'u8' | 'u16' | 'i8' | 'i16' | 'i32';
const bitsOf = (type: Element) => Number(type.slice(1));

/** Elements that there are: of the first `most` each one whose condition holds. */
type Count = { readonly most: number; readonly term: Term; readonly has: (i: number) => Term };

/** Bytes from a place on that may be used, whatever the path: the verifier has seen that no more are. */
const roomAt = ({ world }: State, { region, offset }: Place): bigint => {
  if (region.kind === 'packet') return MAX_FRAME_BYTES;
  if (region.kind === 'map') return BigInt(world.setting.maps[region.map]!.valueSize);
  if (region.size === undefined) return TOP;
  const size = BigInt(region.size);
  if (region.kind === 'stack') return offset.min >= TOP - size ? TOP - offset.min : size;
  return offset.min < size ? size - offset.min : 0n;
};

/** One call: its arguments, and its elements as terms. */
class Call {
  readonly s: State;
  readonly a: Algebra;
  readonly #vector: Vector;
  /** Whether a count was not known. */
  isOpen = false;
  constructor(s: State, vector: Vector) {
    this.s = s;
    this.a = s.world.algebra;
    this.#vector = vector;
  }

  /** What a count can't be above, from where the buffers lie that have so many elements. */
  #room(register: number): bigint {
    const name = Object.keys(this.#vector.args)[register - 1];
    return Object.values(this.#vector.args).reduce((least, arg, i) => {
      if (!('elements' in arg) || arg.elements !== name) return least;
      const room = roomAt(this.s, place(this.s, this.s.register(i + 1), 0)) / BigInt(arg.bytes);
      return room < least ? room : least;
    }, TOP);
  }

  count(register: number): Count {
    const { a, s } = this;
    const term = s.register(register);
    const { min, max } = s.facts.range(term);
    const room = this.#room(register);
    const most = max < room ? max : room;
    if (most > MAX_ELEMENTS)
      throw new ProofLimit('a vector helper is given a count that nothing bounds, or a large one');
    if (min === max) return { most: Number(max), term: a.const(max, 64), has: () => a.true };
    this.isOpen = true;
    return { most: Number(most), term, has: (i) => a.ult(a.const(i, 64), term) };
  }

  constantCount(register: number): number {
    const { most, term } = this.count(register);
    if (term.op !== 'const') throw new ProofLimit('a vector helper is given a count that is not constant');
    return most;
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

  /** Those that there are, and 0 for those that are not. */
  present({ has }: Count, values: readonly Term[]): Term[] {
    return values.map((v, i) => this.a.ite(has(i), v, this.a.const(0, v.width)));
  }

  put(register: number, values: readonly Term[]): void {
    const target = this.s.register(register);
    values.forEach((value, i) => void write(this.s, place(this.s, target, (i * value.width) / 8), value));
  }

  /** Bytes as they are now. */
  source(register: number): Source {
    const { region, offset } = place(this.s, this.s.register(register), 0);
    const name = this.s.world.contentsName(region, this.s.version(region));
    return { name, offset, memory: copyMemory(this.s.memory(region)), initial: this.s.initial(region) };
  }

  /** Writes as many bytes as r3 says to where r1 points: those given for a constant number, or what fills any. */
  fill(bytes: (n: number) => readonly Term[], filling: () => Filling): void {
    const count = this.s.register(3);
    const { min, max } = this.s.facts.range(count);
    if (min === max && max <= MAX_ELEMENTS) {
      this.put(1, bytes(Number(max)));
      return;
    }
    const { region, offset } = place(this.s, this.s.register(1), 0);
    if (region.kind === 'context') throw new ProofLimit('writes to the context');
    const room = this.#room(3);
    const most = count.max < room ? count.max : room;
    const span = { offset, count, most };
    const put = (to: Region, what: Filling) =>
      this.s.memories.set(to.name, writeSpan(this.s.memory(to), { ...span, filling: what }));
    put(region, filling());
    const stored = this.s.world.storedIn(region);
    if (stored) put(stored, { kind: 'value', value: this.a.const(1, 8) });
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

  /** Adds 1 to the 32-bit bin of each of these numbers that there are, one after the other: the same may come again. */
  countIn(register: number, numbers: readonly Term[], { has }: Count): void {
    for (const [i, number] of numbers.entries()) {
      const address = this.a.add(this.s.register(register), this.a.shl(number, this.constant(2)));
      const bin = place(this.s, address, 0);
      write(this.s, bin, this.a.add(read(this.s, bin, 4), this.a.zext(has(i), 32)), has(i));
    }
  }
}

type Compute = (c: Call) => Term | undefined;

const memory: Record<string, Compute> = {
  vl_mem_copy: (c) =>
    void c.fill(
      (n) => c.elements(2, 'u8', n, 8),
      () => ({ kind: 'copy', from: c.source(2) }),
    ),
  vl_mem_fill: (c) =>
    void c.fill(
      (n) => Array<Term>(n).fill(c.low(2, 8)),
      () => ({ kind: 'value', value: c.low(2, 8) }),
    ),
  vl_mem_xor: (c) =>
    void c.fill(
      (n) => {
        const from = c.elements(2, 'u8', n, 8);
        return c.elements(1, 'u8', n, 8).map((v, i) => c.a.xor(v, from[i]!));
      },
      () => ({ kind: 'xor', from: c.source(2) }),
    ),
  vl_mem_compare: (c) => {
    const { most, has } = c.count(3);
    const x = c.elements(1, 'u8', most, 64);
    const y = c.elements(2, 'u8', most, 64);
    const isSame = (i: number) => c.a.or(c.a.not(has(i)), c.a.eq(x[i]!, y[i]!));
    return x.reduceRight((rest, v, i) => c.a.ite(isSame(i), rest, c.a.sub(v, y[i]!)), c.constant(0));
  },
  vl_mem_find: (c) => {
    const { most, has } = c.count(2);
    const isIt = (v: Term, i: number) => c.a.and(has(i), c.a.eq(v, c.low(3, 8)));
    return c
      .elements(1, 'u8', most, 8)
      .reduceRight((rest, v, i) => c.a.ite(isIt(v, i), c.constant(i), rest), c.constant(-1));
  },
};

/** RFC 1071: three steps fold what is below 2^48. */
const checksum: Compute = (c) => {
  const count = c.count(2);
  const bytes = c.present(count, c.elements(1, 'u8', count.most, 8));
  const words = bytes.flatMap((byte, i) =>
    i % 2 === 1 ? [] : [c.a.zext(c.a.concat([bytes[i + 1] ?? c.a.const(0, 8), byte]), 64)],
  );
  let sum = c.sum([...words, c.a.zext(c.low(3, 32), 64)], 64);
  for (let step = 0; step < 3; step += 1)
    sum = c.a.add(c.a.zext(c.a.extract(sum, 15, 0), 64), c.a.lshr(sum, c.constant(16)));
  return sum;
};

const crc32: Compute = (c) => {
  const count = c.count(2);
  const bytes = c.present(count, c.elements(1, 'u8', count.most, 8));
  const input = [...bytes, c.low(3, 32)];
  const crc =
    count.term.op === 'const'
      ? c.a.select(`${CRC}${bytes.length}`, c.a.concat(input), 32)
      : c.a.select(`${OPEN_CRC}${bytes.length}`, c.a.concat([count.term, ...input]), 32);
  return c.a.zext(crc, 64);
};

const saturate = (c: Call, sum: Term): Term => {
  const rounded = c.a.ashr(c.a.add(c.a.sext(sum, 64), c.constant(1 << 14)), c.constant(15));
  const above = c.a.slt(c.constant(32767), rounded);
  const below = c.a.slt(rounded, c.constant(-32768));
  const cut = c.a.ite(above, c.constant(32767), c.a.ite(below, c.constant(-32768), rounded));
  return c.a.extract(cut, 15, 0);
};

const products = (c: Call, type: Element, width: number): Term => {
  const count = c.count(3);
  const x = c.elements(1, type, count.most, width);
  return c.dot(c.present(count, x), c.elements(2, type, count.most, width), width);
};

const sums: Record<string, Compute> = {
  vl_checksum: checksum,
  vl_crc32: crc32,
  vl_dot_i8: (c) => c.a.sext(products(c, 'i8', 32), 64),
  vl_dot_i16: (c) => products(c, 'i16', 64),
  vl_gemv_i8: (c) => {
    const columns = c.constantCount(5);
    const vector = c.elements(3, 'i8', columns, 32);
    const rows = Array.from({ length: c.constantCount(4) }, (_, r) =>
      c.dot(c.elements(2, 'i8', columns, 32, r * columns), vector, 32),
    );
    return void c.put(1, rows);
  },
  vl_fir_i16: (c) => {
    const taps = c.elements(3, 'i16', c.constantCount(5), 32);
    const outputs = Array.from({ length: c.constantCount(4) }, (_, i) =>
      saturate(c, c.dot(c.elements(2, 'i16', taps.length, 32, i), taps, 32)),
    );
    return void c.put(1, outputs);
  },
};

const typed = (type: 'u8' | 'u16' | 'i32'): Record<string, Compute> => {
  const values = (c: Call, { most }: Count) => c.elements(1, type, most, 64);
  /** The best one so far and its index; the first is always there. */
  const best = (c: Call, isBetter: (v: Term, than: Term) => Term) => {
    const count = c.count(2);
    return values(c, count)
      .map((value, i) => ({ value, index: c.constant(i) }))
      .reduce((than, next, i) => {
        const takes = c.a.and(count.has(i), isBetter(next.value, than.value));
        return {
          value: c.a.ite(takes, next.value, than.value),
          index: c.a.ite(takes, next.index, than.index),
        };
      });
  };
  return {
    [`vl_sum_${type}`]: (c) => {
      const count = c.count(2);
      return c.sum(c.present(count, values(c, count)), 64);
    },
    [`vl_min_${type}`]: (c) => best(c, (v, than) => c.a.slt(v, than)).value,
    [`vl_max_${type}`]: (c) => best(c, (v, than) => c.a.slt(than, v)).value,
    [`vl_argmax_${type}`]: (c) => best(c, (v, than) => c.a.slt(than, v)).index,
  };
};

const counts: Record<string, Compute> = {
  // All elements are read first: the verifier refuses bins that overlap them.
  vl_histogram_u8: (c) => {
    const count = c.count(3);
    return void c.countIn(1, c.elements(2, 'u8', count.most, 64), count);
  },
};

const computed: Readonly<Record<string, Compute>> = {
  ...memory,
  ...sums,
  ...counts,
  ...typed('u8'),
  ...typed('u16'),
  ...typed('i32'),
};

export const isVector = (id: number): boolean => names.has(id);

/** Puts into memory and r0 what the helper does. @throws ProofLimit for counts that are not bounded, and helpers that have no definition here */
export const callVector = (s: State, id: number): void => {
  const name = names.get(id)!;
  const compute = computed[name];
  if (!compute) throw new ProofLimit(`${name} is not understood`);
  const vector = vectors[name]!;
  const call = new Call(s, vector);
  const result = compute(call);
  const isLeftOpen = result && call.isOpen;
  s.regs[0] = vector.returns === 'nothing' ? undefined : isLeftOpen ? s.world.leftOpen(name, result) : result;
};
