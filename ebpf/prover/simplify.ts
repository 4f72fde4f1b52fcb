/** Terms under what a path has established: choices that it settles are taken, values that it fixes become constants. */
import type { Algebra } from './algebra.ts';
import type { Facts } from './facts.ts';
import type { Term } from './term.ts';

/** Steps left for simplifying in one proof: where paths are many and terms large, the solver is faster. */
export type SimplifierBudget = { left: number };

export const SIMPLIFIER_STEPS = 160_000;

const rebuild = (a: Algebra, t: Term, args: readonly Term[]): Term => {
  const [x, y, z] = args;
  switch (t.op) {
    case 'select':
      return a.select(t.name, x!, t.width);
    case 'concat':
      return a.concat(args);
    case 'extract':
      return a.extract(x!, t.hi, t.lo);
    case 'sext':
      return a.sext(x!, t.width);
    case 'sum':
      return a.linear(
        [...args.map((p, i) => [p, t.coefficients[i]!] as const), [a.const(t.value, t.width), 1n]],
        t.width,
      );
    case 'product':
      return args.reduce((p, q) => a.mul(p, q));
    case 'and':
    case 'or':
    case 'xor':
      return a.bitwise(t.op, args);
    case 'ite':
      return a.ite(x!, y!, z!);
    default:
      return a[t.op as 'udiv'](x!, y!);
  }
};

export class Simplifier {
  readonly #algebra: Algebra;
  readonly #facts: Facts;
  readonly #made = new Map<Term, Term>();

  readonly #budget: SimplifierBudget;

  constructor(algebra: Algebra, facts: Facts, budget: SimplifierBudget) {
    this.#budget = budget;
    this.#algebra = algebra;
    this.#facts = facts;
  }

  /** What this term is without looking into it; undefined when that is open. */
  #settled(t: Term): Term | undefined {
    if (t.op === 'const') return t;
    if (t.width === 1) {
      // Not deeper: the parts are simplified by themselves.
      const truth = this.#facts.decide(t, 1);
      if (truth !== undefined) return truth ? this.#algebra.true : this.#algebra.false;
    }
    const { min, max } = this.#facts.range(t, 1);
    if (min === max) return this.#algebra.const(min, t.width);
    return t.args.length === 0 ? t : undefined;
  }

  /** Parts that are needed before `t` can be rebuilt: of a choice that is settled, only the way that it takes. */
  #parts(t: Term): readonly Term[] {
    if (t.op !== 'ite') return t.args;
    const condition = this.#made.get(t.args[0]!);
    if (condition?.op !== 'const') return condition ? t.args : [t.args[0]!];
    return [t.args[0]!, condition.value === 1n ? t.args[1]! : t.args[2]!];
  }

  /** An equal term on this path, mostly a smaller one. */
  simplify(root: Term): Term {
    const stack = [root];
    while (stack.length > 0) {
      const t = stack.at(-1)!;
      if (this.#budget.left-- <= 0) return root;
      const settled = this.#made.get(t) ?? this.#settled(t);
      const missing = settled ? [] : this.#parts(t).filter((p) => !this.#made.has(p));
      if (missing.length > 0) {
        stack.push(...missing);
        continue;
      }
      if (!settled && t.op === 'ite' && this.#parts(t).some((p) => !this.#made.has(p))) continue;
      stack.pop();
      this.#made.set(t, settled ?? this.#rebuild(t));
    }
    return this.#made.get(root)!;
  }

  #rebuild(t: Term): Term {
    if (t.op === 'ite') {
      const condition = this.#made.get(t.args[0]!)!;
      if (condition.op === 'const') return this.#made.get(condition.value === 1n ? t.args[1]! : t.args[2]!)!;
    }
    const args = t.args.map((p) => this.#made.get(p)!);
    return args.every((p, i) => p === t.args[i]) ? t : rebuild(this.#algebra, t, args);
  }
}
