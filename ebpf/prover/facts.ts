/** What a path has established: literals that hold, and ranges of terms that follow from them. Persistent: a child adds to its parent. */
import type { Algebra } from './algebra.ts';
import { mask, type Term } from './term.ts';

type Range = { readonly min: bigint; readonly max: bigint };

export class Facts {
  readonly #algebra: Algebra;
  readonly #parent: Facts | undefined;
  readonly #holds = new Set<Term>();
  readonly #ranges = new Map<Term, Range>();

  constructor(algebra: Algebra, parent?: Facts) {
    this.#algebra = algebra;
    this.#parent = parent;
  }

  child(): Facts {
    return new Facts(this.#algebra, this);
  }

  #has(literal: Term): boolean {
    for (let f: Facts | undefined = this; f; f = f.#parent) if (f.#holds.has(literal)) return true;
    return false;
  }

  #known(t: Term): Range {
    for (let f: Facts | undefined = this; f; f = f.#parent) {
      const range = f.#ranges.get(t);
      if (range) return range;
    }
    return t;
  }

  /** Unsigned bounds of a term on this path. */
  range(t: Term, depth = 4): Range {
    const own = this.#known(t);
    if (depth === 0 || own.min === own.max) return own;
    const built = this.#built(t, depth - 1);
    if (!built) return own;
    return {
      min: built.min > own.min ? built.min : own.min,
      max: built.max < own.max ? built.max : own.max,
    };
  }

  #built(t: Term, depth: number): Range | undefined {
    if (t.op === 'concat') {
      let min = 0n;
      let max = 0n;
      for (const piece of t.args) {
        const r = this.range(piece, depth);
        min = (min << BigInt(piece.width)) | r.min;
        max = (max << BigInt(piece.width)) | r.max;
      }
      return { min, max };
    }
    if (t.op === 'sum' && t.args.length <= 8) {
      let min = t.value;
      let max = t.value;
      t.args.forEach((a, i) => {
        const r = this.range(a, depth);
        min += r.min * t.coefficients[i]!;
        max += r.max * t.coefficients[i]!;
      });
      const high = min >> BigInt(t.width);
      if (high !== max >> BigInt(t.width)) return undefined;
      return { min: min & mask(t.width), max: max & mask(t.width) };
    }
    if (t.op === 'extract') {
      const r = this.range(t.args[0]!, depth);
      const whole = r.max >> BigInt(t.hi + 1) === 0n;
      return whole ? { min: r.min >> BigInt(t.lo), max: r.max >> BigInt(t.lo) } : undefined;
    }
    return undefined;
  }

  /** Truth of a condition on this path, when it follows without a solver. */
  decide(c: Term, depth = 6): boolean | undefined {
    if (c.op === 'const') return c.value === 1n;
    if (this.#has(c)) return true;
    if (this.#has(this.#algebra.not(c))) return false;
    if (depth === 0) return undefined;
    const [a, b] = c.args;
    if (c.op === 'ult') {
      const x = this.range(a!);
      const y = this.range(b!);
      if (x.max < y.min) return true;
      return x.min >= y.max ? false : undefined;
    }
    if (c.op === 'eq') {
      const x = this.range(a!);
      const y = this.range(b!);
      if (x.max < y.min || y.max < x.min) return false;
      return x.min === x.max && y.min === y.max ? true : this.#decidePieces(a!, b!, depth - 1);
    }
    return this.#decideBoolean(c, depth - 1);
  }

  /** Whether two terms that are put together from pieces of the same widths are equal, half by half. */
  #decidePieces(a: Term, b: Term, depth: number): boolean | undefined {
    if (depth <= 0 || a.op !== 'concat' || b.op !== 'concat' || a.args.length !== b.args.length)
      return undefined;
    if (a.args.some((piece, i) => piece.width !== b.args[i]!.width)) return undefined;
    const middle = a.args.length >> 1;
    const half = (from: number, to: number) => {
      const [x, y] = [a, b].map((t) => this.#algebra.concat(t.args.slice(from, to)));
      return this.decide(this.#algebra.eq(x!, y!), depth);
    };
    const [high, low] = [half(0, middle), half(middle, a.args.length)];
    if (high === false || low === false) return false;
    return high && low;
  }

  #decideBoolean(c: Term, depth: number): boolean | undefined {
    if (c.op !== 'and' && c.op !== 'or' && c.op !== 'xor') return undefined;
    const values = c.args.map((a) => this.decide(a, depth));
    const absorbing = c.op === 'or';
    if (c.op !== 'xor' && values.includes(absorbing)) return absorbing;
    if (values.includes(undefined)) return undefined;
    return c.op === 'xor' ? values.filter(Boolean).length % 2 === 1 : !absorbing;
  }

  assume(c: Term): void {
    if (c.op === 'const' || this.#has(c)) return;
    this.#holds.add(c);
    if (c.op === 'and') for (const part of c.args) this.assume(part);
    const negated = c.op === 'xor' && c.args.length === 2 && c.args[1]!.op === 'const';
    const inner = negated ? c.args[0]! : c;
    if (negated && inner.op === 'or') for (const part of inner.args) this.assume(this.#algebra.not(part));
    if (inner.op === 'ult') this.#assumeLess(inner.args[0]!, inner.args[1]!, negated);
    if (inner.op === 'eq') this.#assumeEqual(inner.args[0]!, inner.args[1]!, negated);
  }

  #narrow(t: Term, min: bigint, max: bigint): void {
    const r = this.range(t);
    this.#ranges.set(t, { min: min > r.min ? min : r.min, max: max < r.max ? max : r.max });
  }

  #assumeLess(a: Term, b: Term, negated: boolean): void {
    const x = this.range(a);
    const y = this.range(b);
    if (negated) {
      this.#narrow(a, y.min, x.max);
      this.#narrow(b, y.min, x.max);
    } else {
      if (y.max > 0n) this.#narrow(a, 0n, y.max - 1n);
      this.#narrow(b, x.min + 1n, mask(b.width));
    }
  }

  #assumeEqual(a: Term, b: Term, negated: boolean): void {
    const x = this.range(a);
    const y = this.range(b);
    if (!negated) {
      this.#narrow(a, y.min, y.max);
      this.#narrow(b, x.min, x.max);
      return;
    }
    if (y.min !== y.max) return;
    if (x.min === y.min) this.#narrow(a, x.min + 1n, x.max);
    else if (x.max === y.min) this.#narrow(a, x.min, x.max - 1n);
  }
}
