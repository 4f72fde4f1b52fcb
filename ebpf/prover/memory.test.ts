/** Memories that are built at random, held against arrays of bytes on which the same was done. */
import test from 'ava';
import { Random } from '../random.ts';
import { Algebra } from './algebra.ts';
import { ChosenReads } from './choices.ts';
import { Evaluator } from './evaluate.ts';
import {
  copyMemory,
  freshMemory,
  type Initial,
  type Memory,
  MemoryNumbers,
  mergeMemory,
  readByte,
  sameMemory,
  writeBytes,
  writeSpan,
  writtenOffsets,
} from './memory.ts';
import type { Term } from './term.ts';

const BYTES = 24;
const first = (at: bigint) => (at * 29n + 3n) & 0xffn;
const at = (n: number) => BigInt(n);

/** A memory as terms, and its bytes in one run. */
type Both = { readonly memory: Memory; readonly bytes: readonly bigint[] };

class Builder {
  readonly a = new Algebra();
  readonly random: Random;
  readonly initial: Initial;
  /** Offsets below 16 and bytes, and what they are. */
  readonly #offsets: readonly (readonly [Term, bigint])[];
  readonly #bytes: readonly (readonly [Term, bigint])[];
  readonly #counts: readonly (readonly [Term, bigint])[];
  readonly #conditions: readonly (readonly [Term, bigint])[];
  readonly values = new Map<string, bigint>();

  constructor(random: Random) {
    this.random = random;
    const { a } = this;
    const input = (name: string, width: number, most: number) => {
      const value = at(random.below(most));
      this.values.set(name, value);
      return [a.variable(name, width, at(most - 1)), value] as const;
    };
    const [p, q, x, y, d] = [
      ...['p', 'q'].map((name) => input(name, 4, 16)),
      ...['x', 'y'].map((name) => input(name, 8, 256)),
      input('d', 1, 2),
    ];
    const c = [a.ult(x![0], y![0]), x![1] < y![1] ? 1n : 0n] as const;
    const wide = ([t, value]: readonly [Term, bigint], by: bigint, times = 1n) =>
      [a.add(a.mul(a.zext(t, 64), a.const(times, 64)), a.const(by, 64)), value * times + by] as const;
    const chosen = [a.ite(c[0], a.const(2, 64), a.const(9, 64)), c[1] ? 2n : 9n] as const;
    this.#offsets = [
      wide(p!, 0n),
      wide(p!, 1n),
      wide(q!, 0n),
      wide(c, 5n, 3n),
      wide(c, 4n, 8n),
      wide(d!, 8n),
      chosen,
    ];
    this.#bytes = [x!, y!, [a.const(7, 8), 7n]];
    this.#conditions = [c, d!];
    this.#counts = [wide(d!, 0n), wide(d!, 3n), wide(input('k', 3, 8), 0n), [a.const(4, 64), 4n]];
    const read = new ChosenReads(a, (offset) => a.select('m', offset, 8));
    this.initial = { byte: (offset) => read.byte(offset) };
  }

  get evaluator(): Evaluator {
    return new Evaluator({ variable: (name) => this.values.get(name)!, select: (_, index) => first(index) });
  }

  fresh(): Both {
    return { memory: freshMemory(), bytes: Array.from({ length: BYTES }, (_, i) => first(at(i))) };
  }

  offset(): readonly [Term, bigint] {
    if (this.random.once(2)) return this.random.pick(this.#offsets);
    const n = this.random.below(16);
    return [this.a.const(n, 64), at(n)];
  }

  written({ memory, bytes }: Both): Both {
    const [offset, from] = this.offset();
    const some = Array.from({ length: this.random.pick([1, 1, 2, 4]) }, () => this.random.pick(this.#bytes));
    const copy = [...bytes];
    for (const [i, [, value]] of some.entries()) copy[Number(from) + i] = value;
    const put = some.map(([t]) => t);
    return { memory: writeBytes(copyMemory(memory), offset, put), bytes: copy };
  }

  /** As many bytes as the input says: one value, or what `other` holds somewhere, by itself or added. */
  spanned({ memory, bytes }: Both, other: Both): Both {
    const [offset, first] = this.offset();
    const [place, from] = this.offset();
    const [value, byte] = this.random.pick(this.#bytes);
    const [count, most] = this.random.pick(this.#counts);
    const kind = this.random.pick(['value', 'copy', 'xor'] as const);
    const source = { name: 'm', initial: this.initial, memory: copyMemory(other.memory), offset: place };
    const filling = kind === 'value' ? ({ kind, value } as const) : ({ kind, from: source } as const);
    const copy = [...bytes];
    for (let i = 0n; i < most; i++) {
      const read = kind === 'value' ? byte : other.bytes[Number(from + i)]!;
      copy[Number(first + i)] = kind === 'xor' ? bytes[Number(first + i)]! ^ read : read;
    }
    const span = { offset, count, most: count.max, filling };
    return { memory: writeSpan(copyMemory(memory), span), bytes: copy };
  }

  merged(yes: Both, no: Both): Both {
    const [condition, value] = this.random.pick(this.#conditions);
    const memory = mergeMemory(this.a, condition, yes.memory, no.memory, this.initial);
    return { memory, bytes: value ? yes.bytes : no.bytes };
  }

  /** Bytes under the topmost layer. */
  below({ below }: Memory): readonly bigint[] {
    const e = this.evaluator;
    const m = { layer: new Map(), below };
    return Array.from({ length: BYTES }, (_, n) =>
      e.value(readByte(this.a, m, this.a.const(n, 64), this.initial)),
    );
  }

  /** Two that may differ in one byte under the same write. */
  twins({ memory, bytes }: Both): readonly Both[] {
    const under = this.random.below(16);
    const [offset, from] = this.random.pick(this.#offsets);
    const [above, value] = this.random.pick(this.#bytes);
    return [this.random.pick(this.#bytes), this.random.pick(this.#bytes)].map(([t, byte]) => {
      const copy = bytes.with(under, byte).with(Number(from), value);
      const first = writeBytes(copyMemory(memory), this.a.const(under, 64), [t]);
      return { memory: writeBytes(first, offset, [above]), bytes: copy };
    });
  }

  /** Several, most of which share parts. */
  pool(): readonly Both[] {
    const all = [this.fresh(), this.fresh()];
    for (let n = 0; n < 14; n++) {
      const [x, y] = [this.random.pick(all), this.random.pick(all)];
      if (this.random.once(6)) all.push(...this.twins(x));
      else if (this.random.once(4)) all.push(this.spanned(x, y));
      else all.push(this.random.once(3) ? this.merged(x, y) : this.written(x));
    }
    return all;
  }
}

const seeds = Array.from({ length: 120 }, (_, n) => n + 1);
const isSame = (a: Both, b: Both) => a.bytes.every((byte, i) => byte === b.bytes[i]);

test('what_is_read_is_what_was_written_last', (t) => {
  for (const seed of seeds) {
    const builder = new Builder(new Random(seed * 32_452_843));
    const e = builder.evaluator;
    for (const { memory, bytes } of builder.pool()) {
      const constant = Array.from(bytes.keys(), (n) => [builder.a.const(n, 64), at(n)] as const);
      for (const [offset, place] of [...constant, builder.offset(), builder.offset()]) {
        const got = e.value(readByte(builder.a, memory, offset, builder.initial));
        if (got !== bytes[Number(place)]) return t.fail(`seed ${seed}: byte ${place} is ${got}`);
      }
    }
  }
  t.pass();
});

test('bytes_that_differ_from_the_first_ones_are_among_those_written', (t) => {
  let constant = 0;
  for (const seed of seeds) {
    const builder = new Builder(new Random(seed * 49_979_687));
    const before = builder.fresh();
    for (const { memory, bytes } of builder.pool()) {
      const { offsets, variable } = writtenOffsets(memory);
      if (variable) continue;
      constant++;
      const missed = bytes.findIndex((byte, i) => byte !== before.bytes[i] && !offsets.has(at(i)));
      if (missed >= 0) return t.fail(`seed ${seed}: byte ${missed}`);
    }
  }
  t.true(constant > 300);
});

test('memories_that_are_built_alike_hold_the_same', (t) => {
  let [alike, numbered] = [0, 0];
  for (const seed of seeds) {
    const builder = new Builder(new Random(seed * 67_867_967));
    const numbers = new MemoryNumbers();
    const pool = builder.pool();
    for (const x of pool)
      for (const y of pool.filter((other) => other !== x)) {
        const isAlike = sameMemory(x.memory, y.memory);
        if (isAlike && !isSame(x, y)) return t.fail(`seed ${seed}: taken for one`);
        alike += Number(isAlike);
        if (x.memory.below === y.memory.below || numbers.of(x.memory.below) !== numbers.of(y.memory.below))
          continue;
        numbered++;
        const [p, q] = [x, y].map(({ memory }) => builder.below(memory));
        if (`${p}` !== `${q}`) return t.fail(`seed ${seed}: have one number`);
      }
  }
  t.log({ alike, numbered });
  t.true(alike > 300 && numbered > 300);
});

test('a_read_among_what_was_written_does_not_hang_on_its_order_or_on_what_is_below', (t) => {
  const a = new Algebra();
  const initial: Initial = { byte: (offset) => a.select('m', offset, 8) };
  const bytes = Array.from({ length: 8 }, (_, i) => a.variable(`b${i}`, 8));
  const frame = a.const(-8, 64);
  const written = (start: Memory, order: readonly number[]): Memory =>
    order.reduce((m, i) => writeBytes(m, a.add(frame, a.const(i, 64)), [bytes[i]!]), start);
  const older = writeBytes(freshMemory(), a.variable('anywhere', 64), [a.variable('old', 8)]);
  const offset = a.add(frame, a.mul(a.zext(a.variable('i', 1), 64), a.const(4, 64)));
  const read = (m: Memory, how: Initial) => readByte(a, m, offset, how);
  const whole = read(written(freshMemory(), [0, 1, 2, 3, 4, 5, 6, 7]), initial);
  t.is(read(written(older, [4, 0]), initial), whole);
  const part = [written(freshMemory(), [4]), written(older, [4])];
  t.true(part.every((m) => read(m, initial) !== bytes[4]));
  const unread = { ...initial, isNeverRead: true };
  t.is(read(part[0]!, unread), bytes[4]!);
  t.not(read(part[1]!, unread), bytes[4]!);
});

test('what_is_written_over_the_end_of_all_addresses_may_be_read_at_their_begin', (t) => {
  const a = new Algebra();
  const x = a.variable('x', 64);
  const [p, q] = [a.variable('p', 8), a.variable('q', 8)];
  const memory = writeBytes(freshMemory(), a.or(x, a.const(1, 64)), [p, q]);
  const byte = readByte(a, memory, a.const(0, 64), { byte: (offset) => a.select('m', offset, 8) });
  const values = new Map([
    ['x', 2n ** 64n - 1n],
    ['p', 5n],
    ['q', 6n],
  ]);
  const e = new Evaluator({ variable: (name) => values.get(name)!, select: (_, index) => first(index) });
  t.is(e.value(byte), 6n);
});
