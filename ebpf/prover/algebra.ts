/**
 * Constructors of terms that bring them to a normal form, so that most equalities a proof needs are syntactic. In layers, since
 * the constructors call each other: sums flatten concatenations, slices distribute over sums.
 *
 * Normal form: a sum is a constant plus coefficients times distinct atoms; a value made of slices that don't overlap
 * is a concatenation; a sum that provably does not wrap is written at the least width that holds it.
 * `evaluate.ts` gives the meaning against which all of this is tested.
 */
import { Comparison } from './comparison.ts';
import { bitLength, type Term } from './term.ts';

export class Algebra extends Comparison {
  /** Terms of which this is the largest (`most`) or smallest by comparison `op`. */
  #contenders(op: 'ult' | 'slt', most: boolean, root: Term): Term[] {
    const out: Term[] = [];
    for (let t: Term = root; ; t = t.args[0]!.args[0]!) {
      const [c, x, y] = t.args;
      const [p, q] = c?.args ?? [];
      const one = t.op === 'ite' && c!.op === op && (most ? x === q && y === p : x === p && y === q);
      if (!one) return [...out, ...this.#extended(op, most, t)];
      out.push(q!);
    }
  }

  /** Of an extended choice, those that it chooses between, extended: they may be held against wider ones. */
  #extended(op: 'ult' | 'slt', most: boolean, t: Term): Term[] {
    const [inner] = t.args;
    if (op !== 'slt' || t.op !== 'sext' || inner!.op !== 'ite') return [t];
    return this.#contenders(op, most, inner!).map((part) => this.sext(part, t.width));
  }

  /** The largest or smallest of several, which may be compared in any order, in one order. */
  #extreme(c: Term, x: Term, y: Term): Term | undefined {
    const [p, q] = c.args;
    if ((c.op !== 'ult' && c.op !== 'slt') || !p || !q) return undefined;
    const most = x === q && y === p;
    if (!most && !(x === p && y === q)) return undefined;
    const { op } = c;
    const all = new Set([...this.#contenders(op, most, p), ...this.#contenders(op, most, q)]);
    // What is extended comes last: a comparison of two such is one of narrower terms.
    const rank = (t: Term) => Number(t.op === 'sext');
    return [...all]
      .sort((a, b) => rank(a) - rank(b) || a.id - b.id)
      .reduce((best, t) => {
        const less = this[op](best, t);
        if (less.op === 'const') return (less.value === 1n) === most ? t : best;
        return most ? this.#choice(less, t, best) : this.#choice(less, best, t);
      });
  }

  protected isBest({ args }: Term): boolean {
    const [c, x, y] = args;
    const [p, q] = c!.args;
    return (c!.op === 'ult' || c!.op === 'slt') && ((x === p && y === q) || (x === q && y === p));
  }

  protected bestOfUpper(t: Term, lo: number): Term {
    const [x, y] = [t.args[1]!, t.args[2]!].map((part) => this.extract(part, t.width - 1, lo));
    const c = t.args[0]!;
    const isFirst = t.args[1] === c.args[0];
    const less = this[c.op as 'ult' | 'slt'](isFirst ? x! : y!, isFirst ? y! : x!);
    return this.ite(less, x!, y!);
  }

  #choice(c: Term, x: Term, y: Term): Term {
    const max = x.max > y.max ? x.max : y.max;
    const min = x.min < y.min ? x.min : y.min;
    const zeros = Math.min(x.zeros, y.zeros);
    return this.table.intern({ op: 'ite', width: x.width, args: [c, x, y], min, max, zeros });
  }

  ite(c: Term, a: Term, b: Term): Term {
    if (c.op === 'const') return c.value ? a : b;
    if (a === b) return a;
    if (c.op === 'xor' && c.args.at(-1) === this.true) return this.ite(this.not(c), b, a);
    if (c.op === 'eq' && c.args.includes(a) && c.args.includes(b)) return b;
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
    const narrow = this.#narrowed(x, y) ?? this.#narrowed(y, x);
    if (narrow) {
      const cut = (t: Term) => this.extract(t, narrow - 1, 0);
      return this.sext(this.ite(c, cut(x), cut(y)), a.width);
    }
    const max = x.max > y.max ? x.max : y.max;
    const least = Math.max(1, bitLength(max));
    if (least < a.width && a.width > 1)
      return this.zext(this.ite(c, this.extract(x, least - 1, 0), this.extract(y, least - 1, 0)), a.width);
    return this.#extreme(c, x, y) ?? this.#step(c, x, y) ?? this.#choice(c, x, y);
  }

  /** Bits of which both are extensions of the sign: one term, and a constant; undefined when it is not so. */
  #narrowed(x: Term, y: Term): number | undefined {
    if (x.op !== 'sext' || y.op !== 'const') return undefined;
    const { width } = x.args[0]!;
    return BigInt.asUintN(y.width, BigInt.asIntN(width, y.value)) === y.value ? width : undefined;
  }

  /** A choice between two values a constant apart is one of them plus a choice of constants, however it came about. */
  #step(c: Term, x: Term, y: Term): Term | undefined {
    if (x.op !== 'sum' && y.op !== 'sum') return undefined;
    const apart = this.sub(x, y);
    return apart.op === 'const' ? this.add(y, this.ite(c, apart, this.const(0n, y.width))) : undefined;
  }
}
