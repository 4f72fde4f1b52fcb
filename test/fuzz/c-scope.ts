/** What a function of random C has by now, and values and conditions made of that, as texts of C. */
import { UART_LINE_BYTES } from '../../abi/index.ts';
import type { Random } from '../../ebpf/random.ts';

/** Bytes at the address that each function is given; as many as runs of the oracle have. */
export const MEMORY_BYTES = 192;
/** Bytes that a frame has at least, where a program is given one; the runs of the oracle have up to 32 more. */
export const FRAME_BYTES = 152;

const TYPES = [8, 16, 32, 64].flatMap((bits) => [`uint${bits}_t`, `int${bits}_t`]);
const UNSIGNED = ['uint32_t', 'uint64_t'] as const;
const BINARY = ['+', '-', '*', '&', '|', '^'] as const;
const COMPARISONS = ['<', '<=', '>', '>=', '==', '!='] as const;
const CONSTANTS = [
  ...[0, 1, 2, 3, 5, 7, 8, 15, 16, 31, 32, 33, 63, 100, 127, 128, 255, 256, 257, 4095, 4096, 65535],
  ...['65536u', '0x7fffffff', '0x80000000u', '0xffffffffu', '0x100000000', '0x123456789abcdef0', '~0ull'],
].map(String);

/** `length` is a power of two. */
type Array = { readonly name: string; readonly type: string; readonly length: number };

/** What there is around the functions of a file. */
export type Outside = {
  /** The CPU has atomics that give a result. */
  readonly atomics: boolean;
  /** Each core has an array of its own. */
  readonly percpu?: boolean;
  /** There are variables of the file: `kept`, and `table`, which is never written. */
  readonly globals?: boolean;
  /** Every other one that would be given a frame is given the room of a typed line. */
  readonly lines?: boolean;
  /** Packets may be read by legacy loads. */
  readonly legacy?: boolean;
  /** Percent of what a program does that calls anything at all are more calls. */
  readonly calls?: number;
};

/** Elements of `kept` and of `table`. */
export const GLOBALS = 8;

export class Scope {
  readonly #random: Random;
  readonly outside: Outside;
  /** Of the function: part of the names of those that it calls. */
  readonly index: number;
  readonly calls: boolean;
  /** Given a frame, or the room of a line, not memory. */
  readonly packet: boolean;
  readonly line: boolean;
  /** Of memory, frame or room. */
  readonly bytes: number;
  readonly locals: string[] = [];
  readonly arrays: Array[] = [];
  /** Of the loops around what is written. */
  readonly counters: string[] = [];
  #names = 0;

  constructor(random: Random, index: number, outside: Outside) {
    this.#random = random;
    this.index = index;
    this.outside = outside;
    this.calls = random.below(3) === 0;
    this.packet = random.below(4) === 0;
    this.line = this.packet && outside.lines === true && index % 2 === 0;
    this.bytes = this.line ? UART_LINE_BYTES : this.packet ? FRAME_BYTES : MEMORY_BYTES;
  }

  below(limit: number): number {
    return this.#random.below(limit);
  }

  once(percent: number): boolean {
    return this.#random.below(100) < percent;
  }

  pick<T>(from: readonly T[]): T {
    return this.#random.pick(from);
  }

  /** One that nobody has yet. */
  name(letter: string): string {
    return `${letter}${this.#names++}`;
  }

  type(): string {
    return this.pick(TYPES);
  }

  local(): string {
    return this.pick(this.locals);
  }

  array(): Array | undefined {
    return this.arrays.length > 0 ? this.pick(this.arrays) : undefined;
  }

  /** With so many bytes of memory behind it, as `m + 5`. */
  address(bytes: number): string {
    const last = this.bytes - bytes;
    if (this.counters.length > 0 && last >= 8 && this.once(25))
      return `m + ${this.below(last - 6)} + (${this.pick(this.counters)} & 7)`;
    return `m + ${this.once(60) ? 8 * this.below(last / 8 + 1) : this.below(last + 1)}`;
  }

  memory(): string {
    const type = this.type();
    if (this.counters.length > 0 && this.once(50)) {
      const index = `(${this.pick(this.counters)} & ${this.pick(this.line ? [3, 7] : [3, 7, 15])}) * ${this.pick([1, 2, 4, 8])}`;
      return `(*(${type} *)(m + ${8 * this.below(4)} + ${index}))`;
    }
    return `(*(${type} *)(m + ${8 * this.below(this.bytes / 8)}))`;
  }

  #element(): string {
    const { name, length } = this.pick(this.arrays);
    const kind = this.below(3);
    if (kind === 0) return `${name}[${this.below(length)}]`;
    const index = kind === 1 && this.counters.length > 0 ? this.pick(this.counters) : this.value(1);
    return `${name}[(${index}) & ${length - 1}]`;
  }

  #global(name: 'kept' | 'table'): string {
    return `${name}[(${this.value(1)}) & ${GLOBALS - 1}]`;
  }

  /** What may be assigned to. */
  place(): string {
    if (this.outside.globals && this.once(5)) return this.#global('kept');
    const kind = this.below(10);
    if (kind < 3 && this.arrays.length > 0) return this.#element();
    return kind < 6 ? this.local() : this.memory();
  }

  #call(depth: number): string {
    return this.pick([
      `h${this.index}(${this.value(depth)}, ${this.value(depth)})`,
      `g${this.index}(m, ${this.value(depth)})`,
      'bpf_ktime_get_ns()',
    ]);
  }

  #leaf(): string {
    if (this.outside.globals && this.once(5)) return this.#global('table');
    if (this.outside.legacy && this.packet && !this.line && this.once(5))
      return `load_${this.pick(['byte', 'half', 'word'])}(c, (${this.value(0)}) & ${this.pick([31, 127, 255])})`;
    const kind = this.below(10);
    if (kind < 4) return this.local();
    if (kind < 5 && this.counters.length > 0) return this.pick(this.counters);
    return kind < 8 ? this.place() : this.pick(CONSTANTS);
  }

  condition(depth: number): string {
    const cast = () => this.pick(['', '(int32_t)', '(int64_t)', '(uint32_t)', '(uint64_t)']);
    return `${cast()}(${this.value(depth)}) ${this.pick(COMPARISONS)} ${cast()}(${this.value(depth)})`;
  }

  value(depth: number): string {
    if (depth <= 0 || this.once(12)) return this.#leaf();
    const value = () => this.value(depth - 1);
    const unsigned = () => `(${this.pick(UNSIGNED)})(${value()})`;
    switch (this.below(this.calls ? 15 : 14)) {
      case 0:
        return `((${value()}) ${this.pick(['<<', '>>'])} ${this.below(31)})`;
      case 1:
        return `((${value()}) ${this.pick(['<<', '>>'])} ((${value()}) & 31))`;
      case 2:
        return `(${this.type()})(${value()})`;
      case 3:
        return `(${unsigned()} ${this.pick(['/', '%'])} ${this.pick([3, 5, 7, 10, 16, 60, 255, 1000])}u)`;
      case 4:
        return `(${unsigned()} ${this.pick(['/', '%'])} (${unsigned()} | 1))`;
      case 5:
        return `__builtin_bswap${this.pick([16, 32, 64])}(${value()})`;
      case 6:
        return `${this.pick(['~', '-', '!'])}(${value()})`;
      case 7:
        return `((${this.condition(depth - 1)}) ? ${value()} : ${value()})`;
      case 8:
        return `(${this.condition(depth - 1)})`;
      case 9: {
        const by = 1 + this.below(31);
        return `(((uint32_t)(${value()}) << ${by}) | ((uint32_t)(${value()}) >> ${32 - by}))`;
      }
      case 14:
        return this.#call(depth - 1);
      default:
        return `((${value()}) ${this.pick(BINARY)} (${value()}))`;
    }
  }
}
