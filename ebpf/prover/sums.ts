/**
 * Linear arithmetic: a sum is a constant plus coefficients times distinct terms, written at the least width that holds it. One
 * file, since sums, products and concatenations are taken apart by one another.
 */
import { Slices } from './slices.ts';
import { bitLength, isPowerOfTwo, mask, ProofLimit, type Term, trailingZeros } from './term.ts';

/** All bits turned over: 2^n - 1 minus what is turned over, in sums. */
const isComplement = ({ op, args, width }: Term): boolean =>
  op === 'xor' && args.at(-1)!.op === 'const' && args.at(-1)!.value === mask(width);

type Linear = { value: bigint; atoms: Map<Term, bigint> };

/** Sums with more atoms than this are not worth keeping flat. */
const MAX_ATOMS = 1200;

export abstract class Sums extends Slices {
  protected truncate(t: Term, width: number): Term {
    const args = t.args.map((a) => this.extract(a, width - 1, 0));
    if (t.op === 'product') return args.reduce((x, y) => this.mul(x, y));
    const linear: Linear = { value: t.value, atoms: new Map() };
    args.forEach((a, i) => {
      this.#accumulate(linear, a, t.coefficients[i]!, width);
    });
    return this.#fromLinear(linear, width);
  }

  /** Adds coefficient * t to `linear`, taking apart sums, concatenations and constants. */
  #accumulate(linear: Linear, t: Term, coefficient: bigint, width: number): void {
    const c = BigInt.asUintN(width, coefficient);
    if (c === 0n) return;
    if (t.op === 'const') {
      linear.value += t.value * c;
    } else if (t.op === 'sum') {
      linear.value += t.value * c;
      t.args.forEach((a, i) => {
        this.#accumulate(linear, a, t.coefficients[i]! * c, width);
      });
    } else if (t.op === 'concat') {
      this.#accumulateConcat(linear, t, c, width);
    } else if (isComplement(t)) {
      linear.value += mask(t.width) * c;
      this.#accumulate(linear, this.bitwise('xor', t.args.slice(0, -1)), -c, width);
    } else if (t.op === 'sext' && isComplement(t.args[0]!)) {
      const inner = this.bitwise('xor', t.args[0]!.args.slice(0, -1));
      linear.value -= c;
      this.#accumulate(linear, this.sext(inner, width), -c, width);
    } else {
      linear.atoms.set(t, (linear.atoms.get(t) ?? 0n) + c);
    }
  }

  #accumulateConcat(linear: Linear, t: Term, c: bigint, width: number): void {
    const [first, second] = t.args;
    if (t.args.length === 2 && first!.op === 'const' && first!.value === 0n) {
      const wide = this.#widen(second!, width);
      if (isComplement(second!)) {
        linear.value += mask(second!.width) * c;
        this.#accumulate(linear, this.zext(this.bitwise('xor', second!.args.slice(0, -1)), width), -c, width);
      } else if (wide) this.#accumulate(linear, wide, c, width);
      else linear.atoms.set(t, (linear.atoms.get(t) ?? 0n) + c);
      return;
    }
    let at = t.width;
    for (const piece of t.args) {
      at -= piece.width;
      const reachesTop = at + piece.width === width;
      const part = reachesTop ? this.#extendAny(piece, width) : this.zext(piece, width);
      this.#accumulate(linear, part, c << BigInt(at), width);
    }
  }

  /** The zero extension of a sum or product that does not wrap, as a sum or product at the full width. */
  #widen(t: Term, width: number): Term | undefined {
    if (t.op !== 'sum' || !this.#exact(t)) return undefined;
    return this.table.intern({
      op: 'sum',
      width,
      value: t.value,
      args: t.args.map((a) => this.zext(a, width)),
      coefficients: t.coefficients,
      max: t.max,
      min: t.min,
      zeros: t.zeros,
    });
  }

  /** True when the sum, over unbounded integers, always fits its width. */
  #exact(t: Term): boolean {
    let top = t.value;
    t.args.forEach((a, i) => {
      top += a.max * t.coefficients[i]!;
    });
    return top <= mask(t.width);
  }

  /** Some term of this width whose low bits are `t`: what stands above them does not matter to the caller. */
  #extendAny(t: Term, width: number): Term {
    if (t.width === width) return t;
    if (t.op === 'extract' && t.lo === 0) {
      const whole = t.args[0]!;
      return whole.width >= width ? this.extract(whole, width - 1, 0) : this.zext(whole, width);
    }
    if (t.op === 'sext') return this.sext(t.args[0]!, width);
    if (t.op === 'sum') {
      const linear: Linear = { value: t.value, atoms: new Map() };
      t.args.forEach((a, i) => {
        this.#accumulate(linear, this.#extendAny(a, width), t.coefficients[i]!, width);
      });
      return this.#fromLinear(linear, width);
    }
    if (t.op === 'product')
      return t.args.map((a) => this.#extendAny(a, width)).reduce((a, b) => this.mul(a, b));
    return this.zext(t, width);
  }

  /** A signed number and 2^n of its sign is an unsigned one. */
  #unsign(linear: Linear, width: number): void {
    if (![...linear.atoms.keys()].some((t) => t.max === 1n)) return;
    for (const [atom, c] of [...linear.atoms]) {
      if (atom.op !== 'sext') continue;
      const x = atom.args[0]!;
      const sign = this.zext(this.extract(x, x.width - 1, x.width - 1), width);
      const wanted = BigInt.asUintN(width, c << BigInt(x.width));
      if (BigInt.asUintN(width, linear.atoms.get(sign) ?? 0n) !== wanted) continue;
      linear.atoms.delete(atom);
      linear.atoms.delete(sign);
      this.#accumulate(linear, this.zext(x, width), c, width);
    }
  }

  #fromLinear(linear: Linear, width: number): Term {
    this.#unsign(linear, width);
    const value = BigInt.asUintN(width, linear.value);
    const entries: [Term, bigint][] = [];
    for (const [atom, c] of linear.atoms) {
      const coefficient = BigInt.asUintN(width, c);
      if (coefficient !== 0n) entries.push([atom, coefficient]);
    }
    if (entries.length === 0) return this.const(value, width);
    entries.sort((a, b) => a[0].id - b[0].id);
    const [only] = entries;
    if (entries.length === 1 && value === 0n && only![1] === 1n) return only![0];
    const merged = entries.length <= 16 ? this.#asConcat(entries, value, width) : undefined;
    return merged ?? this.#sum(entries, value, width);
  }

  #sum(entries: readonly [Term, bigint][], value: bigint, width: number): Term {
    if (entries.length > MAX_ATOMS) throw new ProofLimit('a sum has too many terms');
    let max = value;
    let min = value;
    let zeros = trailingZeros(value, width);
    for (const [atom, c] of entries) {
      max += atom.max * c;
      min += atom.min * c;
      zeros = Math.min(zeros, atom.zeros + trailingZeros(c, width));
    }
    const fits = max <= mask(width);
    const least = fits ? bitLength(max) : width;
    if (least < width) {
      const narrow = entries.map(([a, c]): [Term, bigint] => [this.extract(a, least - 1, 0), c]);
      const linear: Linear = { value, atoms: new Map() };
      for (const [a, c] of narrow) this.#accumulate(linear, a, c, least);
      return this.zext(this.#fromLinear(linear, least), width);
    }
    return this.table.intern({
      op: 'sum',
      width,
      value,
      args: entries.map(([a]) => a),
      coefficients: entries.map(([, c]) => c),
      zeros: Math.min(zeros, width),
      ...(fits ? { max, min } : {}),
    });
  }

  #complement(t: Term): Term {
    return this.bitwise('xor', [t, this.const(-1n, t.width)]);
  }

  /** The sum as slices side by side, when no two of its parts overlap. */
  #asConcat(entries: readonly [Term, bigint][], whole: bigint, width: number): Term | undefined {
    const parts: { lo: number; hi: number; piece: Term }[] = [];
    let value = whole;
    for (const [atom, c] of entries) {
      const isTaken = !isPowerOfTwo(c);
      if (isTaken && !isPowerOfTwo(BigInt.asUintN(width, -c))) return undefined;
      const lo = trailingZeros(c, width);
      const size = Math.min(bitLength(atom.max), width - lo);
      const piece = this.extract(atom, size - 1, 0);
      parts.push({ lo, hi: lo + size - 1, piece: isTaken ? this.#complement(piece) : piece });
      if (isTaken) value = BigInt.asUintN(width, value - (mask(size) << BigInt(lo)));
    }
    parts.sort((a, b) => b.lo - a.lo);
    const pieces: Term[] = [];
    let next = width - 1;
    const gap = (hi: number, lo: number) => {
      if (hi >= lo) pieces.push(this.const(value >> BigInt(lo), hi - lo + 1));
    };
    for (const { lo, hi, piece } of parts) {
      if (hi > next || ((value >> BigInt(lo)) & mask(hi - lo + 1)) !== 0n) return undefined;
      gap(next, hi + 1);
      pieces.push(piece);
      next = lo - 1;
    }
    gap(next, 0);
    if (entries.length === 1 && whole === 0n && pieces.length === 1) return undefined;
    const made = this.concat(pieces);
    return made.width === width ? made : undefined;
  }

  /** Sum of coefficient * term. */
  linear(parts: readonly (readonly [Term, bigint])[], width: number): Term {
    const linear: Linear = { value: 0n, atoms: new Map() };
    for (const [t, c] of parts) this.#accumulate(linear, t, c, width);
    return this.#fromLinear(linear, width);
  }

  add(a: Term, b: Term): Term {
    if (a.op === 'const' && b.op === 'const') return this.const(a.value + b.value, a.width);
    if (a.op === 'const' && a.value === 0n) return b;
    if (b.op === 'const' && b.value === 0n) return a;
    return this.linear(
      [
        [a, 1n],
        [b, 1n],
      ],
      a.width,
    );
  }

  sub(a: Term, b: Term): Term {
    return this.linear(
      [
        [a, 1n],
        [b, -1n],
      ],
      a.width,
    );
  }

  neg(a: Term): Term {
    return this.linear([[a, -1n]], a.width);
  }

  mul(a: Term, b: Term): Term {
    if (a.op === 'const') return this.linear([[b, a.value]], a.width);
    if (b.op === 'const') return this.linear([[a, b.value]], a.width);
    const [ca, fa] = this.#factors(a);
    const [cb, fb] = this.#factors(b);
    const args = [...fa, ...fb].sort((x, y) => x.id - y.id);
    return this.linear([[this.#product(args, a.width), ca * cb]], a.width);
  }

  #product(args: readonly Term[], width: number): Term {
    let max = 1n;
    for (const a of args) max *= a.max;
    const zeros = Math.min(
      width,
      args.reduce((n, a) => n + a.zeros, 0),
    );
    const fits = max <= mask(width);
    const least = fits ? Math.max(1, bitLength(max)) : width;
    if (least < width) {
      const narrow = args.map((a) => this.extract(a, least - 1, 0)).sort((x, y) => x.id - y.id);
      const product = this.table.intern({
        op: 'product',
        width: least,
        args: narrow,
        max,
        zeros: Math.min(zeros, least),
      });
      return this.zext(product, width);
    }
    return this.table.intern({ op: 'product', width, args, zeros, ...(fits ? { max } : {}) });
  }

  /** A term as constant * product of factors. */
  #factors(t: Term): [bigint, readonly Term[]] {
    const linear: Linear = { value: 0n, atoms: new Map() };
    this.#accumulate(linear, t, 1n, t.width);
    if (BigInt.asUintN(t.width, linear.value) !== 0n || linear.atoms.size !== 1) return [1n, [t]];
    const [atom, c] = [...linear.atoms][0]!;
    if (atom.op === 'product') return [c, atom.args];
    const [zero, inner] = atom.args;
    if (atom.op === 'concat' && atom.args.length === 2 && zero!.op === 'const' && zero!.value === 0n)
      if (inner!.op === 'product' && this.#exactProduct(inner!))
        return [c, inner!.args.map((a) => this.zext(a, t.width))];
    return [c, [atom]];
  }

  #exactProduct(t: Term): boolean {
    return t.args.reduce((n, a) => n * a.max, 1n) <= mask(t.width);
  }
}
