/**
 * Equality of what is put together by exclusive or: each bit of a term as a set of bits of other terms whose parity it is. Checksums
 * by polynomials are that, however they are written, and a solver does not finish with them.
 */
import { bitLength, isPowerOfTwo, type Term } from './term.ts';

/** Which bits a bit is the exclusive or of: bit 0 stands for the number 1, each other one for a bit that is not taken apart. */
type Form = bigint;

const ZERO: Form = 0n;
const ONE: Form = 1n;

/** Name of the CRC's function, with the number of its bytes behind it (vector.ts). */
export const CRC = 'vl_crc32.';
/** IEEE 802.3, the lowest bit first. */
const POLYNOMIAL = 0xedb88320;

const isSet = (value: number, bit: number): boolean => ((value >>> bit) & 1) === 1;

/** One step of a CRC for each bit of its bytes; lowest bits first. */
const crcOf = (bytes: readonly (readonly Form[])[], start: readonly Form[]): Form[] => {
  let crc = start.map((f) => f ^ ONE);
  for (const byte of bytes) {
    crc = crc.map((f, i) => (i < 8 ? f ^ byte[i]! : f));
    for (let step = 0; step < 8; step++) {
      const [low] = crc;
      crc = crc.map((_, i) => (crc[i + 1] ?? ZERO) ^ (isSet(POLYNOMIAL, i) ? low! : ZERO));
    }
  }
  return crc.map((f) => f ^ ONE);
};

const bitsOf = (value: bigint, width: number): Form[] =>
  Array.from({ length: width }, (_, i) => (value >> BigInt(i)) & 1n);

/** Bits of terms that are looked into, and bits that these may be put together from: beyond these it takes too long. */
const MAX_FORMS = 300_000;
const MAX_ATOMS = 2048;

/** Forms of the terms of one proof. */
export class Parities {
  readonly #known = new Map<Term, readonly Form[]>();
  /** Bits that are not taken apart: the first one stands at bit 1 of a form. */
  readonly atoms: { readonly term: Term; readonly bit: number }[] = [];
  #looked = 0;

  #opaque(term: Term, bit: number): Form {
    return 1n << BigInt(this.atoms.push({ term, bit }));
  }

  #allOpaque(t: Term): Form[] {
    return Array.from({ length: t.width }, (_, i) => this.#opaque(t, i));
  }

  /** One after the other, so that what is left open is the whole's. */
  #bitwise(t: Term, args: readonly (readonly Form[])[]): Form[] {
    const [absorbing, neutral] = t.op === 'and' ? [ZERO, ONE] : [ONE, ZERO];
    return Array.from({ length: t.width }, (_, i) => {
      const open = new Set(args.map((forms) => forms[i]!).filter((f) => f !== neutral));
      if (open.has(absorbing)) return absorbing;
      if (open.size === 0) return neutral;
      return open.size === 1 ? [...open][0]! : this.#opaque(t, i);
    });
  }

  #choice(t: Term, condition: Form, a: readonly Form[], b: readonly Form[]): Form[] {
    if (condition === ZERO || condition === ONE) return [...(condition === ONE ? a : b)];
    return a.map((x, i) => {
      const apart = x ^ b[i]!;
      if (apart === ZERO) return x;
      return apart === ONE ? b[i]! ^ condition : this.#opaque(t, i);
    });
  }

  #equal(t: Term, a: readonly Form[], b: readonly Form[]): Form[] {
    const apart = a.map((x, i) => x ^ b[i]!).filter((x) => x !== ZERO);
    if (apart.includes(ONE)) return [ZERO];
    if (apart.length === 0) return [ONE];
    return [apart.length === 1 ? apart[0]! ^ ONE : this.#opaque(t, 0)];
  }

  /** A number and terms at places of their own: nothing is carried. */
  #apart(t: Term, args: readonly (readonly Form[])[], value: bigint, coefficients: readonly bigint[]) {
    const forms = bitsOf(value, t.width);
    let taken = value;
    for (const [n, arg] of t.args.entries()) {
      const by = coefficients[n]!;
      const all = (1n << BigInt(bitLength(arg.max))) - 1n;
      if (!isPowerOfTwo(by) || taken & (all * by)) return undefined;
      taken |= all * by;
      const from = bitLength(by) - 1;
      for (let i = from; i < t.width && i - from < arg.width; i++) forms[i] = forms[i]! ^ args[n]![i - from]!;
    }
    return forms;
  }

  #sum(t: Term, args: readonly (readonly Form[])[]): Form[] {
    const [only, more] = t.args;
    const { value, coefficients, width } = t;
    if (!more && only!.max === 1n)
      return this.#choice(t, args[0]![0]!, bitsOf(value + coefficients[0]!, width), bitsOf(value, width));
    const inverted = () => {
      const minus = coefficients.map((c) => BigInt.asUintN(width, -c));
      return this.#apart(t, args, BigInt.asUintN(width, ~value), minus)?.map((f) => f ^ ONE);
    };
    return this.#apart(t, args, value, coefficients) ?? inverted() ?? this.#allOpaque(t);
  }

  /** The bytes, the first one highest, and what they follow. */
  #crc(input: readonly Form[]): Form[] {
    const count = input.length / 8 - 4;
    const from = (n: number) => input.length - 8 * (n + 1);
    const bytes = Array.from({ length: count }, (_, n) => input.slice(from(n), from(n) + 8));
    return crcOf(bytes, input.slice(0, 32));
  }

  #formsOf(t: Term, args: readonly (readonly Form[])[]): readonly Form[] {
    switch (t.op) {
      case 'const':
        return bitsOf(t.value, t.width);
      case 'concat':
        return [...args].reverse().flat();
      case 'extract':
        return args[0]!.slice(t.lo, t.hi + 1);
      case 'sext':
        return Array.from({ length: t.width }, (_, i) => args[0]![i] ?? args[0]!.at(-1)!);
      case 'xor':
        return args.reduce((a, b) => a.map((x, i) => x ^ b[i]!));
      case 'and':
      case 'or':
        return this.#bitwise(t, args);
      case 'ite':
        return this.#choice(t, args[0]![0]!, args[1]!, args[2]!);
      case 'eq':
        return this.#equal(t, args[0]!, args[1]!);
      case 'sum':
        return this.#sum(t, args);
      default:
        return t.op === 'select' && t.name.startsWith(CRC) ? this.#crc(args[0]!) : this.#allOpaque(t);
    }
  }

  /** Lowest bit first; undefined when there is too much to look into. */
  forms(root: Term): readonly Form[] | undefined {
    const stack = [root];
    while (stack.length > 0) {
      const t = stack.at(-1)!;
      const missing = this.#known.has(t) ? [] : t.args.filter((a) => !this.#known.has(a));
      if (missing.length > 0) {
        stack.push(...missing);
        continue;
      }
      stack.pop();
      if (this.#known.has(t)) continue;
      this.#looked += t.width;
      if (this.#looked > MAX_FORMS || this.atoms.length > MAX_ATOMS) return undefined;
      const args = t.args.map((a) => this.#known.get(a)!);
      this.#known.set(t, this.#formsOf(t, args));
    }
    return this.#known.get(root);
  }

  /** Whether both terms are the same exclusive ors of the same bits; false says nothing. */
  areEqual(a: Term, b: Term): boolean {
    const x = this.forms(a);
    const y = x && this.forms(b);
    return y !== undefined && y.length === x!.length && y.every((f, i) => f === x![i]);
  }
}
