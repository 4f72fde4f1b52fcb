/** Comparisons, at the least width that shows their outcome. */
import { Division } from './division.ts';
import { bitLength, mask, type Term, trailingZeros } from './term.ts';

/** A choice one side of which is no choice between unknowns again: following the other one takes linear time. */
const isChain = ({ args }: Term): boolean =>
  args[1]!.op === 'const' || args[2]!.op === 'const' || (args[1]!.op === 'ite' && args[2]!.op !== 'ite');

export abstract class Comparison extends Division {
  eq(a: Term, b: Term): Term {
    if (a === b) return this.true;
    if (a.max < b.min || b.max < a.min) return this.false;
    if (a.width === 1) return this.not(this.xor(a, b));
    const difference = this.sub(a, b);
    if (difference.op === 'const') return difference.value === 0n ? this.true : this.false;
    if (this.#neverZero(difference)) return this.false;
    if (a.op === 'const') return this.eq(b, a);
    if (b.op === 'const') return this.#eqConst(a, b);
    const scaled = this.#scaled(difference);
    if (scaled) return this.eq(...scaled);
    const need = Math.min(this.#signedWidth(a, b), Math.max(1, bitLength(a.max > b.max ? a.max : b.max)));
    if (need < a.width) return this.eq(this.extract(a, need - 1, 0), this.extract(b, need - 1, 0));
    const [x, y] = a.id < b.id ? [a, b] : [b, a];
    return this.table.intern({ op: 'eq', width: 1, args: [x, y] });
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

  /** Two terms whose difference, times a constant that neither overflows with, is this one: `4 x - 4 y` is zero where x is y. */
  #scaled({ op, width, args, coefficients, value }: Term): [Term, Term] | undefined {
    const [x, y] = args;
    const [k, l] = coefficients;
    if (op !== 'sum' || args.length !== 2 || value !== 0n || k! + l! !== 1n << BigInt(width))
      return undefined;
    const by = k! < l! ? k! : l!;
    return by > 1n && [x!, y!].every(({ max }) => max * by <= mask(width)) ? [x!, y!] : undefined;
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
    const mixed = a.op === 'xor' ? a.args.at(-1)! : undefined;
    if (mixed?.op === 'const') return this.eq(this.xor(a, mixed), this.xor(b, mixed));
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
    return this.table.intern({ op: 'eq', width: 1, args: [a, b] });
  }

  ult(a: Term, b: Term): Term {
    if (a === b || b.max === 0n) return this.false;
    if (a.max < b.min) return this.true;
    if (a.min >= b.max) return this.false;
    const top = a.max > b.max ? a.max : b.max;
    // What is extended by its sign keeps its order.
    const need = Math.min(this.#signedWidth(a, b), Math.max(1, bitLength(top)));
    if (need < a.width) return this.ult(this.extract(a, need - 1, 0), this.extract(b, need - 1, 0));
    if (a.op === 'const') return this.not(this.ult(b, this.const(a.value + 1n, a.width)));
    if (b.op === 'const' && b.value === 1n) return this.eq(a, this.const(0n, a.width));
    return this.table.intern({ op: 'ult', width: 1, args: [a, b] });
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
    const [least, most] = [this.#signedRange(a), this.#signedRange(b)];
    if (least.max < most.min) return this.true;
    if (least.min >= most.max) return this.false;
    if (a.max < half && b.max < half) return this.ult(a, b);
    if (b.op === 'const' && b.value === 0n) return this.extract(a, w - 1, w - 1);
    if (a.op === 'const') return this.not(this.slt(b, this.const(a.value + 1n, w)));
    const narrow = this.#signedWidth(a, b);
    if (narrow < w) return this.slt(this.extract(a, narrow - 1, 0), this.extract(b, narrow - 1, 0));
    return this.table.intern({ op: 'slt', width: 1, args: [a, b] });
  }

  /** As a signed number, as far as it is plain to see. */
  #signedRange(t: Term): { readonly min: bigint; readonly max: bigint } {
    const half = 1n << BigInt((t.op === 'sext' ? t.args[0]!.width : t.width) - 1);
    if (t.op === 'sext') return { min: -half, max: half - 1n };
    if (t.max < half) return { min: t.min, max: t.max };
    return t.min >= half
      ? { min: BigInt.asIntN(t.width, t.min), max: BigInt.asIntN(t.width, t.max) }
      : { min: -half, max: half - 1n };
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
}
