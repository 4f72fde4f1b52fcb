/**
 * Constructors of terms that bring them to a normal form, so that most equalities a proof needs are syntactic.
 * One long file because the constructors call each other: sums flatten concatenations, slices distribute over sums.
 *
 * Normal form: a sum is a constant plus coefficients times distinct atoms; a value made of slices that don't overlap
 * is a concatenation; a sum that provably does not wrap is written at the least width that holds it.
 * `evaluate.ts` gives the meaning against which all of this is tested.
 */
import { bitLength, isPowerOfTwo, mask, ProofLimit, type Term, TermTable, trailingZeros } from './term.ts';

type Linear = { value: bigint; atoms: Map<Term, bigint> };

/** A choice one side of which is no choice between unknowns again: following the other one takes linear time. */
const isChain = ({ args }: Term): boolean =>
  args[1]!.op === 'const' || args[2]!.op === 'const' || (args[1]!.op === 'ite' && args[2]!.op !== 'ite');

/** Sums with more atoms than this are not worth keeping flat. */
const MAX_ATOMS = 1200;
const MAX_PIECES = 24;

export class Algebra {
  readonly #table = new TermTable();
  readonly #negations = new Map<Term, Term>();
  readonly #sliceCache = new Map<string, Term>();
  readonly true = this.const(1n, 1);
  readonly false = this.const(0n, 1);

  const(value: bigint | number, width: number): Term {
    const v = BigInt.asUintN(width, BigInt(value));
    const zeros = trailingZeros(v, width);
    return this.#table.intern({ op: 'const', width, value: v, min: v, max: v, zeros });
  }

  /** @param max bound that holds by assumption; the caller states it to the solver. */
  variable(name: string, width: number, max?: bigint): Term {
    return this.#table.intern({ op: 'var', width, name, ...(max === undefined ? {} : { max }) });
  }

  select(name: string, index: Term, width: number): Term {
    return this.#table.intern({ op: 'select', width, name, args: [index] });
  }

  // Slices

  concat(parts: readonly Term[]): Term {
    const pieces: Term[] = [];
    for (const part of parts) {
      for (const piece of part.op === 'concat' ? part.args : [part]) {
        const last = pieces.at(-1);
        const joined = last && this.#join(last, piece);
        if (joined) pieces[pieces.length - 1] = joined;
        else pieces.push(piece);
      }
    }
    if (pieces.length === 1) return pieces[0]!;
    const width = pieces.reduce((n, p) => n + p.width, 0);
    let min = 0n;
    let max = 0n;
    for (const p of pieces) {
      min = (min << BigInt(p.width)) + p.min;
      max = (max << BigInt(p.width)) + p.max;
    }
    let zeros = 0;
    for (const p of [...pieces].reverse()) {
      zeros += p.zeros;
      if (p.zeros < p.width) break;
    }
    return this.#table.intern({ op: 'concat', width, args: pieces, min, max, zeros });
  }

  #join(high: Term, low: Term): Term | undefined {
    if (high.op === 'const' && low.op === 'const')
      return this.const((high.value << BigInt(low.width)) | low.value, high.width + low.width);
    const base = (t: Term) => (t.op === 'extract' ? t.args[0]! : t);
    const lowHi = low.op === 'extract' ? low.hi : low.width - 1;
    if (high.op !== 'extract' || high.lo !== lowHi + 1) return undefined;
    const whole = base(high);
    if (whole === base(low)) return this.extract(whole, high.hi, low.op === 'extract' ? low.lo : 0);
    return undefined;
  }

  zext(t: Term, width: number): Term {
    return width === t.width ? t : this.concat([this.const(0n, width - t.width), t]);
  }

  sext(t: Term, width: number): Term {
    if (width === t.width) return t;
    if (t.op === 'const') return this.const(BigInt.asIntN(t.width, t.value), width);
    if (t.max < 1n << BigInt(t.width - 1)) return this.zext(t, width);
    if (t.op === 'sext') return this.sext(t.args[0]!, width);
    return this.#table.intern({ op: 'sext', width, args: [t], zeros: t.zeros });
  }

  extract(t: Term, hi: number, lo: number): Term {
    if (lo === 0 && hi === t.width - 1) return t;
    if (t.op === 'const') return this.const(t.value >> BigInt(lo), hi - lo + 1);
    if (t.max < 1n << BigInt(lo)) return this.const(0n, hi - lo + 1);
    if (t.op === 'var' || t.op === 'select') return this.#rawExtract(t, hi, lo);
    const key = `${t.id}:${hi}:${lo}`;
    const known = this.#sliceCache.get(key);
    if (known) return known;
    const made = this.#extract(t, hi, lo);
    this.#sliceCache.set(key, made);
    return made;
  }

  #rawExtract(t: Term, hi: number, lo: number): Term {
    const top = t.max >> BigInt(lo);
    const all = mask(hi - lo + 1);
    const zeros = Math.max(0, Math.min(t.zeros, hi + 1) - lo);
    const max = top < all ? top : all;
    return this.#table.intern({ op: 'extract', width: hi - lo + 1, args: [t], hi, lo, max, zeros });
  }

  #extract(t: Term, hi: number, lo: number): Term {
    const inner = t.args[0]!;
    switch (t.op) {
      case 'extract':
        return this.extract(inner, hi + t.lo, lo + t.lo);
      case 'concat':
        return this.#extractConcat(t, hi, lo);
      case 'sext': {
        if (hi < inner.width) return this.extract(inner, hi, lo);
        const from = Math.min(lo, inner.width - 1);
        return this.sext(this.extract(inner, inner.width - 1, from), hi - lo + 1);
      }
      case 'and':
      case 'or':
      case 'xor':
        return this.#bitwise(
          t.op,
          t.args.map((a) => this.extract(a, hi, lo)),
        );
      case 'ite':
        return this.ite(inner, this.extract(t.args[1]!, hi, lo), this.extract(t.args[2]!, hi, lo));
      case 'sum':
      case 'product': {
        const low = hi === t.width - 1 ? t : this.#truncate(t, hi + 1);
        if (lo === 0) return low;
        if (low.op !== 'sum' && low.op !== 'product') return this.extract(low, hi, lo);
        if (low.max < 1n << BigInt(lo)) return this.const(0n, hi - lo + 1);
        return this.#rawExtract(low, hi, lo);
      }
      default:
        return this.#rawExtract(t, hi, lo);
    }
  }

  #truncate(t: Term, width: number): Term {
    const args = t.args.map((a) => this.extract(a, width - 1, 0));
    if (t.op === 'product') return args.reduce((x, y) => this.mul(x, y));
    const linear: Linear = { value: t.value, atoms: new Map() };
    args.forEach((a, i) => {
      this.#accumulate(linear, a, t.coefficients[i]!, width);
    });
    return this.#fromLinear(linear, width);
  }

  #extractConcat(t: Term, hi: number, lo: number): Term {
    const parts: Term[] = [];
    let top = t.width - 1;
    for (const piece of t.args) {
      const bottom = top - piece.width + 1;
      const from = Math.min(hi, top);
      const to = Math.max(lo, bottom);
      if (from >= to) parts.push(this.extract(piece, from - bottom, to - bottom));
      top = bottom - 1;
    }
    return this.concat(parts);
  }

  // Linear arithmetic

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
    } else {
      linear.atoms.set(t, (linear.atoms.get(t) ?? 0n) + c);
    }
  }

  #accumulateConcat(linear: Linear, t: Term, c: bigint, width: number): void {
    const [first, second] = t.args;
    if (t.args.length === 2 && first!.op === 'const' && first!.value === 0n) {
      const wide = this.#widen(second!, width);
      if (wide) this.#accumulate(linear, wide, c, width);
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
    return this.#table.intern({
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

  #fromLinear(linear: Linear, width: number): Term {
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
    return this.#table.intern({
      op: 'sum',
      width,
      value,
      args: entries.map(([a]) => a),
      coefficients: entries.map(([, c]) => c),
      zeros: Math.min(zeros, width),
      ...(fits ? { max, min } : {}),
    });
  }

  /** The sum as slices side by side, when no two of its parts overlap. */
  #asConcat(entries: readonly [Term, bigint][], value: bigint, width: number): Term | undefined {
    const parts: { lo: number; hi: number; piece: Term }[] = [];
    for (const [atom, c] of entries) {
      if (!isPowerOfTwo(c)) return undefined;
      const lo = trailingZeros(c, width);
      const size = Math.min(bitLength(atom.max), width - lo);
      parts.push({ lo, hi: lo + size - 1, piece: this.extract(atom, size - 1, 0) });
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
    if (entries.length === 1 && value === 0n && pieces.length === 1) return undefined;
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
      const product = this.#table.intern({
        op: 'product',
        width: least,
        args: narrow,
        max,
        zeros: Math.min(zeros, least),
      });
      return this.zext(product, width);
    }
    return this.#table.intern({ op: 'product', width, args, zeros, ...(fits ? { max } : {}) });
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

  // Bitwise

  and(a: Term, b: Term): Term {
    return this.#bitwise('and', [a, b]);
  }
  or(a: Term, b: Term): Term {
    return this.#bitwise('or', [a, b]);
  }
  xor(a: Term, b: Term): Term {
    return this.#bitwise('xor', [a, b]);
  }
  /** Asked of each condition again and again. */
  not(a: Term): Term {
    const known = this.#negations.get(a) ?? this.#bitwise('xor', [a, this.const(-1n, a.width)]);
    this.#negations.set(a, known);
    return known;
  }
  all(terms: readonly Term[]): Term {
    return terms.length === 0 ? this.true : this.#bitwise('and', terms);
  }
  any(terms: readonly Term[]): Term {
    return terms.length === 0 ? this.false : this.#bitwise('or', terms);
  }

  #bitwise(op: 'and' | 'or' | 'xor', terms: readonly Term[]): Term {
    const width = terms[0]!.width;
    const flat = terms.flatMap((t) => (t.op === op ? t.args : [t]));
    const cuts = width === 1 ? [] : this.#cuts(flat, width);
    if (cuts.length === 0) return this.#bitwiseWhole(op, flat, width);
    const pieces: Term[] = [];
    let hi = width - 1;
    for (const lo of cuts) {
      const slices = flat.map((t) => this.extract(t, hi, lo));
      pieces.push(this.#bitwiseWhole(op, slices, hi - lo + 1));
      hi = lo - 1;
    }
    return this.concat(pieces);
  }

  /** Lowest bits of the segments, from the top, at which some operand changes between constant runs and unknown bits. */
  #cuts(terms: readonly Term[], width: number): number[] {
    const cuts = new Set<number>();
    for (const t of terms) {
      let at = t.width;
      for (const piece of t.op === 'concat' ? t.args : [t]) {
        at -= piece.width;
        if (piece.op !== 'const') {
          if (t.op === 'concat' && terms.length > 1) cuts.add(at);
          continue;
        }
        let bit = -1n;
        for (let i = piece.width - 1; i >= 0; i--) {
          const b = (piece.value >> BigInt(i)) & 1n;
          if (bit >= 0n && b !== bit) cuts.add(at + i + 1);
          bit = b;
        }
        cuts.add(at);
      }
    }
    cuts.add(0);
    if (cuts.size === 1 || cuts.size > MAX_PIECES) return [];
    return [...cuts].filter((c) => c < width).sort((a, b) => b - a);
  }

  #bitwiseWhole(op: 'and' | 'or' | 'xor', terms: readonly Term[], width: number): Term {
    const ones = mask(width);
    let constant = op === 'and' ? ones : 0n;
    const counts = new Map<Term, number>();
    for (const t of terms.flatMap((x) => (x.op === op ? x.args : [x]))) {
      if (t.op !== 'const') counts.set(t, (counts.get(t) ?? 0) + 1);
      else if (op === 'and') constant &= t.value;
      else if (op === 'or') constant |= t.value;
      else constant ^= t.value;
    }
    if ((op === 'and' && constant === 0n) || (op === 'or' && constant === ones))
      return this.const(constant, width);
    const args = [...counts].filter(([, n]) => op !== 'xor' || n % 2 === 1).map(([t]) => t);
    const neutral = op === 'and' ? ones : 0n;
    if (args.length === 0) return this.const(constant, width);
    if (args.length === 1 && constant === neutral) return args[0]!;
    if (width === 1 && op !== 'xor' && args.some((t) => counts.has(this.not(t))))
      return op === 'and' ? this.false : this.true;
    args.sort((a, b) => a.id - b.id);
    if (constant !== neutral) args.push(this.const(constant, width));
    const zeros =
      op === 'and' ? Math.max(...args.map((a) => a.zeros)) : Math.min(...args.map((a) => a.zeros));
    let max = op === 'and' ? ones : 0n;
    for (const a of args) {
      if (op === 'and') max = a.max < max ? a.max : max;
      else max |= mask(bitLength(a.max));
    }
    return this.#table.intern({ op, width, args, max, zeros });
  }

  // Shifts; the amount is below the width (RFC 9669 §4.1 masks it).

  shl(a: Term, amount: Term): Term {
    if (amount.op !== 'const') return this.#shift('shl', a, amount);
    const n = Number(amount.value);
    return n === 0 ? a : this.concat([this.extract(a, a.width - 1 - n, 0), this.const(0n, n)]);
  }

  lshr(a: Term, amount: Term): Term {
    if (amount.op !== 'const') return this.#shift('lshr', a, amount);
    const n = Number(amount.value);
    return n === 0 ? a : this.zext(this.extract(a, a.width - 1, n), a.width);
  }

  ashr(a: Term, amount: Term): Term {
    if (amount.op !== 'const') return this.#shift('ashr', a, amount);
    const n = Number(amount.value);
    return n === 0 ? a : this.sext(this.extract(a, a.width - 1, n), a.width);
  }

  #shift(op: 'shl' | 'lshr' | 'ashr', a: Term, amount: Term): Term {
    if (a.op === 'const' && a.value === 0n) return a;
    const max = op === 'lshr' ? a.max : mask(a.width);
    return this.#table.intern({ op, width: a.width, args: [a, amount], max });
  }

  // Division, with SMT-LIB's meaning for a zero divisor; the caller handles that case.

  udiv(a: Term, b: Term): Term {
    if (b.op !== 'const' || b.value === 0n)
      return this.#table.intern({ op: 'udiv', width: a.width, args: [a, b] });
    if (a.op === 'const') return this.const(a.value / b.value, a.width);
    if (isPowerOfTwo(b.value)) return this.lshr(a, this.const(bitLength(b.value) - 1, a.width));
    if (a.max < b.value) return this.const(0n, a.width);
    const need = bitLength(a.max);
    if (need < a.width)
      return this.zext(this.udiv(this.extract(a, need - 1, 0), this.extract(b, need - 1, 0)), a.width);
    return this.#table.intern({ op: 'udiv', width: a.width, args: [a, b], max: a.max / b.value });
  }

  urem(a: Term, b: Term): Term {
    if (b.op !== 'const' || b.value === 0n)
      return this.#table.intern({ op: 'urem', width: a.width, args: [a, b] });
    if (a.op === 'const') return this.const(a.value % b.value, a.width);
    if (isPowerOfTwo(b.value)) return this.and(a, this.const(b.value - 1n, a.width));
    if (a.max < b.value) return a;
    const need = bitLength(a.max);
    if (need < a.width)
      return this.zext(this.urem(this.extract(a, need - 1, 0), this.extract(b, need - 1, 0)), a.width);
    return this.#table.intern({ op: 'urem', width: a.width, args: [a, b], max: b.value - 1n });
  }

  /** Rounds towards zero; the least number divided by -1 is itself. */
  sdiv(a: Term, b: Term): Term {
    const w = a.width;
    if (a.op === 'const' && b.op === 'const' && b.value !== 0n)
      return this.const(BigInt.asIntN(w, a.value) / BigInt.asIntN(w, b.value), w);
    const half = 1n << BigInt(w - 1);
    if (a.max < half && b.max < half && b.min > 0n) return this.udiv(a, b);
    if (b.op === 'const' && isPowerOfTwo(b.value) && b.value < half) {
      const k = bitLength(b.value) - 1;
      if (k === 0) return a;
      const bias = this.lshr(this.ashr(a, this.const(w - 1, w)), this.const(w - k, w));
      return this.ashr(this.add(a, bias), this.const(k, w));
    }
    return this.#table.intern({ op: 'sdiv', width: w, args: [a, b] });
  }

  srem(a: Term, b: Term): Term {
    const w = a.width;
    if (a.op === 'const' && b.op === 'const' && b.value !== 0n)
      return this.const(BigInt.asIntN(w, a.value) % BigInt.asIntN(w, b.value), w);
    const half = 1n << BigInt(w - 1);
    if (a.max < half && b.max < half && b.min > 0n) return this.urem(a, b);
    if (b.op === 'const' && isPowerOfTwo(b.value) && b.value < half)
      return this.sub(a, this.mul(this.sdiv(a, b), b));
    return this.#table.intern({ op: 'srem', width: w, args: [a, b] });
  }

  // Comparison

  eq(a: Term, b: Term): Term {
    if (a === b) return this.true;
    if (a.max < b.min || b.max < a.min) return this.false;
    if (a.width === 1) return this.not(this.xor(a, b));
    const difference = this.sub(a, b);
    if (difference.op === 'const') return difference.value === 0n ? this.true : this.false;
    if (this.#neverZero(difference)) return this.false;
    if (a.op === 'const') return this.eq(b, a);
    if (b.op === 'const') return this.#eqConst(a, b);
    const need = Math.max(1, bitLength(a.max > b.max ? a.max : b.max));
    if (need < a.width) return this.eq(this.extract(a, need - 1, 0), this.extract(b, need - 1, 0));
    const [x, y] = a.id < b.id ? [a, b] : [b, a];
    return this.#table.intern({ op: 'eq', width: 1, args: [x, y] });
  }

  /** Odd constants never cancel against even terms. */
  #neverZero(t: Term): boolean {
    if (t.min > 0n) return true;
    if (t.op === 'concat') return t.args.some((p) => this.#neverZero(p));
    if (t.op !== 'sum') return t.op === 'const' && t.value !== 0n;
    let zeros = t.width;
    t.args.forEach((a, i) => {
      zeros = Math.min(zeros, a.zeros + trailingZeros(t.coefficients[i]!, t.width));
    });
    return (t.value & mask(zeros)) !== 0n;
  }

  #eqConst(a: Term, b: Term): Term {
    if (a.op === 'concat') {
      let at = a.width;
      const parts: Term[] = [];
      for (const piece of a.args) {
        at -= piece.width;
        parts.push(this.eq(piece, this.const(b.value >> BigInt(at), piece.width)));
      }
      return this.all(parts);
    }
    if (a.op === 'sum' && a.value !== 0n) {
      const rest = this.sub(a, this.const(a.value, a.width));
      return this.eq(rest, this.const(b.value - a.value, a.width));
    }
    if (a.op === 'sum' && b.value === 0n && a.args.length === 2) {
      const [x, y] = a.coefficients;
      if (x! + y! === 1n << BigInt(a.width) && (x === 1n || y === 1n)) return this.eq(a.args[0]!, a.args[1]!);
    }
    if (a.op === 'sext') {
      const [inner] = a.args;
      const low = this.extract(b, inner!.width - 1, 0);
      return this.sext(low, a.width) === b ? this.eq(inner!, low) : this.false;
    }
    if (a.op === 'ite' && isChain(a))
      return this.ite(a.args[0]!, this.eq(a.args[1]!, b), this.eq(a.args[2]!, b));
    return this.#table.intern({ op: 'eq', width: 1, args: [a, b] });
  }

  ult(a: Term, b: Term): Term {
    if (a === b || b.max === 0n) return this.false;
    if (a.max < b.min) return this.true;
    if (a.min >= b.max) return this.false;
    const top = a.max > b.max ? a.max : b.max;
    const need = Math.max(1, bitLength(top));
    if (need < a.width) return this.ult(this.extract(a, need - 1, 0), this.extract(b, need - 1, 0));
    if (a.op === 'const') return this.not(this.ult(b, this.const(a.value + 1n, a.width)));
    if (b.op === 'const' && b.value === 1n) return this.eq(a, this.const(0n, a.width));
    return this.#table.intern({ op: 'ult', width: 1, args: [a, b] });
  }

  ule(a: Term, b: Term): Term {
    return this.not(this.ult(b, a));
  }

  slt(a: Term, b: Term): Term {
    const w = a.width;
    const half = 1n << BigInt(w - 1);
    if (a === b) return this.false;
    if (a.op === 'const' && b.op === 'const')
      return BigInt.asIntN(w, a.value) < BigInt.asIntN(w, b.value) ? this.true : this.false;
    if (a.max < half && b.max < half) return this.ult(a, b);
    if (b.op === 'const' && b.value === 0n) return this.extract(a, w - 1, w - 1);
    if (a.op === 'const') {
      if (a.value === half - 1n) return this.false;
      return this.not(this.slt(b, this.const(a.value + 1n, w)));
    }
    const narrow = this.#signedWidth(a, b);
    if (narrow < w) return this.slt(this.extract(a, narrow - 1, 0), this.extract(b, narrow - 1, 0));
    return this.#table.intern({ op: 'slt', width: 1, args: [a, b] });
  }

  sle(a: Term, b: Term): Term {
    return this.not(this.slt(b, a));
  }

  /** Least width that holds both as signed numbers, as far as it is plain to see. */
  #signedWidth(a: Term, b: Term): number {
    const need = (t: Term) => {
      if (t.op === 'sext') return t.args[0]!.width;
      if (t.op === 'const')
        return bitLength(BigInt.asIntN(t.width, t.value) < 0n ? ~t.value & mask(t.width) : t.value) + 1;
      return Math.min(t.width, bitLength(t.max) + 1);
    };
    return Math.max(need(a), need(b));
  }

  /** Terms of which this is the largest (`most`) or smallest by comparison `op`, in order of their ids. */
  #contenders(op: 'ult' | 'slt', most: boolean, root: Term): Term[] {
    const out: Term[] = [];
    for (let t: Term = root; ; t = t.args[0]!.args[0]!) {
      const [c, x, y] = t.args;
      const [p, q] = c?.args ?? [];
      const one = t.op === 'ite' && c!.op === op && (most ? x === q && y === p : x === p && y === q);
      if (!one) return [...out, t].sort((a, b) => a.id - b.id);
      out.push(q!);
    }
  }

  /** The largest or smallest of several, which may be compared in any order, in one order. */
  #extreme(c: Term, x: Term, y: Term): Term | undefined {
    const [p, q] = c.args;
    if ((c.op !== 'ult' && c.op !== 'slt') || !p || !q) return undefined;
    const most = x === q && y === p;
    if (!most && !(x === p && y === q)) return undefined;
    const { op } = c;
    const all = new Set([...this.#contenders(op, most, p), ...this.#contenders(op, most, q)]);
    return [...all]
      .sort((a, b) => a.id - b.id)
      .reduce((best, t) => {
        const less = this[op](best, t);
        if (less.op === 'const') return (less.value === 1n) === most ? t : best;
        return most ? this.#choice(less, t, best) : this.#choice(less, best, t);
      });
  }

  #choice(c: Term, x: Term, y: Term): Term {
    const max = x.max > y.max ? x.max : y.max;
    const min = x.min < y.min ? x.min : y.min;
    const zeros = Math.min(x.zeros, y.zeros);
    return this.#table.intern({ op: 'ite', width: x.width, args: [c, x, y], min, max, zeros });
  }

  ite(c: Term, a: Term, b: Term): Term {
    if (c.op === 'const') return c.value ? a : b;
    if (a === b) return a;
    if (c.op === 'xor' && c.args.at(-1) === this.true) return this.ite(this.not(c), b, a);
    if (a.width === 1) {
      if (a === this.true) return this.or(c, b);
      if (a === this.false) return this.and(this.not(c), b);
      if (b === this.true) return this.or(this.not(c), a);
      if (b === this.false) return this.and(c, a);
      if (b === c) return this.and(c, a);
      if (a === c) return this.or(c, b);
    }
    const x = a.op === 'ite' && a.args[0] === c ? a.args[1]! : a;
    const y = b.op === 'ite' && b.args[0] === c ? b.args[2]! : b;
    if (x.op === 'sext' && y.op === 'sext' && x.args[0]!.width === y.args[0]!.width)
      return this.sext(this.ite(c, x.args[0]!, y.args[0]!), a.width);
    const max = x.max > y.max ? x.max : y.max;
    const least = Math.max(1, bitLength(max));
    if (least < a.width && a.width > 1)
      return this.zext(this.ite(c, this.extract(x, least - 1, 0), this.extract(y, least - 1, 0)), a.width);
    return this.#extreme(c, x, y) ?? this.#step(c, x, y) ?? this.#choice(c, x, y);
  }

  /** A choice between two values a constant apart is one of them plus a choice of constants, however it came about. */
  #step(c: Term, x: Term, y: Term): Term | undefined {
    if (x.op !== 'sum' && y.op !== 'sum') return undefined;
    const apart = this.sub(x, y);
    return apart.op === 'const' ? this.add(y, this.ite(c, apart, this.const(0n, y.width))) : undefined;
  }
}
