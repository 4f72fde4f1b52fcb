/** Upper bits of sums: what lies below is dropped where it can't carry into them, so that sums of lanes side by side come apart. */
import { Sums } from './sums.ts';
import { mask, type Term, trailingZeros } from './term.ts';

export abstract class Carries extends Sums {
  abstract not(a: Term): Term;
  abstract ult(a: Term, b: Term): Term;

  protected upperBits(t: Term, lo: number): Term | undefined {
    if (t.op !== 'sum') return undefined;
    const borders = new Set([lo, ...t.coefficients.map((c) => trailingZeros(c, t.width))]);
    const from = [...borders].sort((a, b) => b - a).find((p) => p > 0 && p <= lo && this.#isSplit(t, p));
    if (from === undefined) return lo === t.width - 1 ? this.#carry(t) : undefined;
    const width = t.width - from;
    const parts = t.args.map(
      (a, i) => [this.extract(a, width - 1, 0), t.coefficients[i]! >> BigInt(from)] as const,
    );
    const upper = this.linear([...parts, [this.const(t.value >> BigInt(from), width), 1n]], width);
    return this.extract(upper, width - 1, lo - from);
  }

  /** Whether what is below bit `at` never reaches it. */
  #isSplit(t: Term, at: number): boolean {
    const low = mask(at);
    let most = t.value & low;
    for (const [i, a] of t.args.entries()) {
      most += (t.coefficients[i]! & low) * a.max;
      if (most > low) return false;
    }
    return true;
  }

  /** The highest bit of x + constant, where that does not wrap: whether x is large. */
  #carry(t: Term): Term | undefined {
    const half = 1n << BigInt(t.width - 1);
    let most = t.value;
    for (const [i, a] of t.args.entries()) most += t.coefficients[i]! * a.max;
    if (t.value === 0n || t.value > half || most > mask(t.width)) return undefined;
    const rest = this.sub(t, this.const(t.value, t.width));
    return rest.op === 'sum' ? undefined : this.not(this.ult(rest, this.const(half - t.value, t.width)));
  }
}
