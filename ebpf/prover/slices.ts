/** Terms that are parts of others, side by side or extended. The first layer of Algebra: what it hands on to is above it. */
import { mask, type Term, TermTable, trailingZeros } from './term.ts';

export abstract class Slices {
  protected readonly table = new TermTable();
  readonly #sliceCache = new Map<string, Term>();
  readonly true = this.const(1n, 1);
  readonly false = this.const(0n, 1);

  /** Terms made or found so far. */
  get work(): number {
    return this.table.asked;
  }

  endWhen(isOver: () => boolean): void {
    this.table.isOver = isOver;
  }

  const(value: bigint | number, width: number): Term {
    const v = BigInt.asUintN(width, BigInt(value));
    const zeros = trailingZeros(v, width);
    return this.table.intern({ op: 'const', width, value: v, min: v, max: v, zeros });
  }

  /** @param max bound that holds by assumption; the caller states it to the solver. */
  variable(name: string, width: number, max?: bigint): Term {
    return this.table.intern({ op: 'var', width, name, ...(max === undefined ? {} : { max }) });
  }

  select(name: string, index: Term, width: number): Term {
    return this.table.intern({ op: 'select', width, name, args: [index] });
  }

  abstract bitwise(op: 'and' | 'or' | 'xor', terms: readonly Term[]): Term;
  /** The low bits of a sum or product. */
  protected abstract truncate(t: Term, width: number): Term;
  /** Bits of a sum from `lo` up, in a simpler way; undefined when there is none. */
  protected abstract upperBits(t: Term, lo: number): Term | undefined;
  /** Whether a choice is the smaller or the larger one of two. */
  protected abstract isBest(t: Term): boolean;
  /** The bits from `lo` up of such a choice, which are the smaller or larger ones of both. */
  protected abstract bestOfUpper(t: Term, lo: number): Term;
  abstract mul(a: Term, b: Term): Term;
  abstract ite(c: Term, a: Term, b: Term): Term;

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
    return this.table.intern({ op: 'concat', width, args: pieces, min, max, zeros });
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
    return this.table.intern({ op: 'sext', width, args: [t], zeros: t.zeros });
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
    return this.table.intern({ op: 'extract', width: hi - lo + 1, args: [t], hi, lo, max, zeros });
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
        return this.bitwise(
          t.op,
          t.args.map((a) => this.extract(a, hi, lo)),
        );
      case 'ite':
        if (hi === t.width - 1 && this.isBest(t)) return this.bestOfUpper(t, lo);
        return this.ite(inner, this.extract(t.args[1]!, hi, lo), this.extract(t.args[2]!, hi, lo));
      case 'sum':
      case 'product': {
        const low = hi === t.width - 1 ? t : this.truncate(t, hi + 1);
        if (lo === 0) return low;
        if (low.op !== 'sum' && low.op !== 'product') return this.extract(low, hi, lo);
        if (low.max < 1n << BigInt(lo)) return this.const(0n, hi - lo + 1);
        return this.upperBits(low, lo) ?? this.#rawExtract(low, hi, lo);
      }
      default:
        return this.#rawExtract(t, hi, lo);
    }
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
}
