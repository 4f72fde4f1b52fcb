/** Shifts, quotients and remainders. */
import { Bitwise } from './bitwise.ts';
import { bitLength, isPowerOfTwo, mask, type Term } from './term.ts';

export abstract class Division extends Bitwise {
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
    return this.table.intern({ op, width: a.width, args: [a, amount], max });
  }

  // Division, with SMT-LIB's meaning for a zero divisor; the caller handles that case.

  /** By an unknown number, at the least width that holds both. */
  #byUnknown(op: 'udiv' | 'urem', a: Term, b: Term): Term {
    const need = Math.max(1, bitLength(a.max > b.max ? a.max : b.max));
    const args = [a, b].map((t) => this.extract(t, need - 1, 0));
    return this.zext(this.table.intern({ op, width: need, args }), a.width);
  }

  udiv(a: Term, b: Term): Term {
    if (b.op !== 'const' || b.value === 0n) return this.#byUnknown('udiv', a, b);
    if (a.op === 'const') return this.const(a.value / b.value, a.width);
    if (isPowerOfTwo(b.value)) return this.lshr(a, this.const(bitLength(b.value) - 1, a.width));
    if (a.max < b.value) return this.const(0n, a.width);
    const need = bitLength(a.max);
    if (need < a.width)
      return this.zext(this.udiv(this.extract(a, need - 1, 0), this.extract(b, need - 1, 0)), a.width);
    return this.table.intern({ op: 'udiv', width: a.width, args: [a, b], max: a.max / b.value });
  }

  /** A number as wide as its width, of which no sign is taken from another place. */
  #unsigned(t: Term, width: number): Term {
    if (t.op !== 'sext') return this.zext(t, width);
    const x = t.args[0]!;
    const sign = this.zext(this.extract(x, x.width - 1, x.width - 1), width);
    return this.sub(this.zext(x, width), this.mul(this.const(1n << BigInt(x.width), width), sign));
  }

  /** What is left of a sum that stays in its width: coefficients count modulo the divisor, where the rest is below it. */
  #remainder(t: Term, by: bigint): Term | undefined {
    if (t.op !== 'sum') return undefined;
    const wide = t.width * 2;
    const parts = t.args.map(
      (a, i) => [this.#unsigned(a, wide), BigInt.asIntN(t.width, t.coefficients[i]!)] as const,
    );
    const whole = this.linear([...parts, [this.const(t.value, wide), 1n]], wide);
    if (whole.op !== 'sum') return undefined;
    const value = BigInt.asIntN(wide, whole.value);
    const rest = (n: bigint) => ((n % by) + by) % by;
    let [min, max, most] = [value, value, rest(value)];
    for (const [i, a] of whole.args.entries()) {
      const c = BigInt.asIntN(wide, whole.coefficients[i]!);
      min += c * (c > 0n ? a.min : a.max);
      max += c * (c > 0n ? a.max : a.min);
      most += rest(c) * a.max;
    }
    if (min < 0n || max > mask(t.width) || most >= by) return undefined;
    const left = whole.args.map((a, i) => {
      const c = rest(BigInt.asIntN(wide, whole.coefficients[i]!));
      return [this.extract(a, t.width - 1, 0), c] as const;
    });
    return this.linear([...left, [this.const(rest(value), t.width), 1n]], t.width);
  }

  urem(a: Term, b: Term): Term {
    if (b.op !== 'const' || b.value === 0n) return this.#byUnknown('urem', a, b);
    if (a.op === 'const') return this.const(a.value % b.value, a.width);
    if (isPowerOfTwo(b.value)) return this.and(a, this.const(b.value - 1n, a.width));
    if (a.max < b.value) return a;
    const left = this.#remainder(a, b.value);
    if (left) return left;
    const need = bitLength(a.max);
    if (need < a.width)
      return this.zext(this.urem(this.extract(a, need - 1, 0), this.extract(b, need - 1, 0)), a.width);
    return this.table.intern({ op: 'urem', width: a.width, args: [a, b], max: b.value - 1n });
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
    return this.table.intern({ op: 'sdiv', width: w, args: [a, b] });
  }

  srem(a: Term, b: Term): Term {
    const w = a.width;
    if (a.op === 'const' && b.op === 'const' && b.value !== 0n)
      return this.const(BigInt.asIntN(w, a.value) % BigInt.asIntN(w, b.value), w);
    const half = 1n << BigInt(w - 1);
    if (a.max < half && b.max < half && b.min > 0n) return this.urem(a, b);
    if (b.op === 'const' && isPowerOfTwo(b.value) && b.value < half)
      return this.sub(a, this.mul(this.sdiv(a, b), b));
    return this.table.intern({ op: 'srem', width: w, args: [a, b] });
  }
}
