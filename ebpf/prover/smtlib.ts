/** Writes terms as an SMT-LIB 2.6 script in QF_UFBV. Selects whose indices are all constant become plain variables. */
import { mask, type Term } from './term.ts';

const literal = (value: bigint, width: number): string =>
  `#b${BigInt.asUintN(width, value).toString(2).padStart(width, '0')}`;

const names: Partial<Record<Term['op'], string>> = {
  and: 'bvand',
  or: 'bvor',
  xor: 'bvxor',
  product: 'bvmul',
  udiv: 'bvudiv',
  urem: 'bvurem',
  sdiv: 'bvsdiv',
  srem: 'bvsrem',
  shl: 'bvshl',
  lshr: 'bvlshr',
  ashr: 'bvashr',
};

const truth = (condition: string) => `(ite ${condition} #b1 #b0)`;

/** Left-associated, as Z3 and the standard have bvand, bvor, bvxor, bvadd and bvmul. */
const chain = (name: string, parts: readonly string[]): string =>
  parts.slice(1).reduce((left, right) => `(${name} ${left} ${right})`, parts[0]!);

export type Script = {
  readonly text: string;
  /** Every variable and every select that occurs, with the constant that holds its value in a model. */
  readonly inputs: readonly { readonly term: Term; readonly constant: string }[];
};

const collect = (roots: readonly Term[]): Term[] => {
  const seen = new Set<Term>();
  const order: Term[] = [];
  const stack = [...roots];
  while (stack.length > 0) {
    const t = stack.at(-1)!;
    const missing = seen.has(t) ? [] : t.args.filter((a) => !seen.has(a));
    if (missing.length > 0) {
      stack.push(...missing);
      continue;
    }
    stack.pop();
    if (seen.has(t)) continue;
    seen.add(t);
    order.push(t);
  }
  return order;
};

const quote = (name: string) => `|${name}|`;

class Writer {
  readonly #functions: ReadonlySet<string>;
  readonly lines: string[] = [];

  constructor(order: readonly Term[]) {
    const symbolic = order.filter((t) => t.op === 'select' && t.args[0]!.op !== 'const');
    this.#functions = new Set(symbolic.map((t) => t.name));
    const declared = new Set<string>();
    for (const t of order) {
      const isFunction = t.op === 'select' && this.#functions.has(t.name);
      if (t.op !== 'var' && t.op !== 'select') continue;
      const name = isFunction ? t.name : this.#flatName(t);
      if (declared.has(name)) continue;
      declared.add(name);
      const domain = isFunction ? `(_ BitVec ${t.args[0]!.width})` : '';
      this.lines.push(`(declare-fun ${quote(name)} (${domain}) (_ BitVec ${t.width}))`);
    }
    for (const t of order)
      if (t.args.length > 0 && t.op !== 'select') this.#define(t);
      else if (t.op === 'select' && this.#functions.has(t.name)) this.#define(t);
  }

  #flatName(t: Term): string {
    return t.op === 'var' ? t.name : `${t.name}[${t.args[0]!.value}]`;
  }

  #define(t: Term): void {
    this.lines.push(`(define-fun t${t.id} () (_ BitVec ${t.width}) ${this.#body(t)})`);
  }

  reference(t: Term): string {
    if (t.op === 'const') return literal(t.value, t.width);
    if (t.op === 'var') return quote(t.name);
    if (t.op === 'select' && !this.#functions.has(t.name)) return quote(this.#flatName(t));
    return `t${t.id}`;
  }

  #body(t: Term): string {
    const a = t.args.map((x) => this.reference(x));
    switch (t.op) {
      case 'select':
        return `(${quote(t.name)} ${a[0]})`;
      case 'concat':
        return `(concat ${a.join(' ')})`;
      case 'extract':
        return `((_ extract ${t.hi} ${t.lo}) ${a[0]})`;
      case 'sext':
        return `((_ sign_extend ${t.width - t.args[0]!.width}) ${a[0]})`;
      case 'eq':
        return truth(`(= ${a[0]} ${a[1]})`);
      case 'ult':
        return truth(`(bvult ${a[0]} ${a[1]})`);
      case 'slt':
        return truth(`(bvslt ${a[0]} ${a[1]})`);
      case 'ite':
        return `(ite (= ${a[0]} #b1) ${a[1]} ${a[2]})`;
      case 'sum': {
        const parts = a.map((x, i) => scaled(x, t.coefficients[i]!, t.width));
        if (t.value !== 0n) parts.push(literal(t.value, t.width));
        return chain('bvadd', parts);
      }
      default:
        return chain(names[t.op]!, a);
    }
  }
}

const scaled = (x: string, coefficient: bigint, width: number): string => {
  if (coefficient === 1n) return x;
  if (coefficient === mask(width)) return `(bvneg ${x})`;
  return `(bvmul ${literal(coefficient, width)} ${x})`;
};

/** A script that asks whether all of these conditions can hold at once. */
export const scriptOf = (conditions: readonly Term[]): Script => {
  const order = collect(conditions);
  const writer = new Writer(order);
  const asserts = conditions.map((c) => `(assert (= ${writer.reference(c)} #b1))`);
  const inputs: { term: Term; constant: string }[] = [];
  for (const term of order) {
    if (term.op !== 'var' && term.op !== 'select') continue;
    const expression = writer.reference(term);
    const bounded = term.max < mask(term.width) || term.min > 0n;
    if (bounded) asserts.push(`(assert (bvule ${expression} ${literal(term.max, term.width)}))`);
    if (term.min > 0n) asserts.push(`(assert (bvuge ${expression} ${literal(term.min, term.width)}))`);
    const isDefined = expression.startsWith('t');
    if (isDefined) asserts.push(`(declare-fun v${term.id} () (_ BitVec ${term.width}))`);
    if (isDefined) asserts.push(`(assert (= v${term.id} ${expression}))`);
    inputs.push({ term, constant: isDefined ? `v${term.id}` : expression.slice(1, -1) });
  }
  return { text: ['(set-logic QF_UFBV)', ...writer.lines, ...asserts].join('\n'), inputs };
};
