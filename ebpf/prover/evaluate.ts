/** The value of terms under an assignment: the meaning that the algebra must keep, and the check of a solver's model. */
import { mask, type Term } from './term.ts';

export type Assignment = {
  variable(name: string, width: number): bigint;
  select(name: string, index: bigint, width: number): bigint;
};

const divide = (op: string, w: number, a: bigint, b: bigint): bigint => {
  const x = BigInt.asIntN(w, a);
  const y = BigInt.asIntN(w, b);
  if (op === 'udiv') return b === 0n ? mask(w) : a / b;
  if (op === 'urem') return b === 0n ? a : a % b;
  if (op === 'sdiv') return b === 0n ? (x < 0n ? 1n : mask(w)) : BigInt.asUintN(w, x / y);
  return b === 0n ? a : BigInt.asUintN(w, x % y);
};

const bit = (b: boolean) => (b ? 1n : 0n);

const apply = (t: Term, v: readonly bigint[], env: Assignment): bigint => {
  const w = t.width;
  const signed = (i: number) => BigInt.asIntN(t.args[i]!.width, v[i]!);
  switch (t.op) {
    case 'const':
      return t.value;
    case 'var':
      return env.variable(t.name, w);
    case 'select':
      return env.select(t.name, v[0]!, w);
    case 'concat':
      return t.args.reduce((sum, a, i) => (sum << BigInt(a.width)) | v[i]!, 0n);
    case 'extract':
      return (v[0]! >> BigInt(t.lo)) & mask(w);
    case 'sext':
      return BigInt.asUintN(w, signed(0));
    case 'sum':
      return BigInt.asUintN(
        w,
        v.reduce((sum, x, i) => sum + x * t.coefficients[i]!, t.value),
      );
    case 'product':
      return BigInt.asUintN(
        w,
        v.reduce((p, x) => p * x, 1n),
      );
    case 'and':
      return v.reduce((x, y) => x & y);
    case 'or':
      return v.reduce((x, y) => x | y);
    case 'xor':
      return v.reduce((x, y) => x ^ y);
    case 'shl':
      return v[1]! >= BigInt(w) ? 0n : BigInt.asUintN(w, v[0]! << v[1]!);
    case 'lshr':
      return v[1]! >= BigInt(w) ? 0n : v[0]! >> v[1]!;
    case 'ashr':
      return BigInt.asUintN(w, signed(0) >> (v[1]! >= BigInt(w) ? BigInt(w) : v[1]!));
    case 'eq':
      return bit(v[0] === v[1]);
    case 'ult':
      return bit(v[0]! < v[1]!);
    case 'slt':
      return bit(signed(0) < signed(1));
    case 'ite':
      return v[0]! ? v[1]! : v[2]!;
    default:
      return divide(t.op, w, v[0]!, v[1]!);
  }
};

/** Evaluates terms under one assignment, each shared part once. Deep terms are walked without recursion. */
export class Evaluator {
  readonly #values = new Map<Term, bigint>();
  readonly #env: Assignment;

  constructor(env: Assignment) {
    this.#env = env;
  }

  value(root: Term): bigint {
    const stack = [root];
    while (stack.length > 0) {
      const t = stack.at(-1)!;
      const missing = this.#values.has(t) ? [] : t.args.filter((a) => !this.#values.has(a));
      if (missing.length > 0) {
        stack.push(...missing);
        continue;
      }
      stack.pop();
      if (this.#values.has(t)) continue;
      const values = t.args.map((a) => this.#values.get(a)!);
      this.#values.set(t, apply(t, values, this.#env));
    }
    return this.#values.get(root)!;
  }
}
