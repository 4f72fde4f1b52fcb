/** Offsets that are one of several: what is read there is a choice of what is read at each. */
import type { Algebra } from './algebra.ts';
import type { Term } from './term.ts';

type Choice = { readonly condition: Term; readonly yes: Term; readonly no: Term };

/** A condition as a number. */
const isCondition = ({ op, width }: Term): boolean =>
  width === 1 && (op === 'ult' || op === 'slt' || op === 'eq' || op === 'and' || op === 'or' || op === 'xor');

/** A term as a choice, where one part of it is one and the rest constant; undefined for any other. */
const choiceOf = (a: Algebra, t: Term): Choice | undefined => {
  if (t.op === 'ite') return { condition: t.args[0]!, yes: t.args[1]!, no: t.args[2]! };
  if (isCondition(t)) return { condition: t, yes: a.true, no: a.false };
  const open = t.args.filter((part) => part.op !== 'const');
  const isScaled = t.op === 'sum' && t.args.length === 1;
  const inner = (t.op === 'concat' && open.length === 1) || isScaled ? choiceOf(a, open[0]!) : undefined;
  if (!inner) return undefined;
  const around = (part: Term): Term => {
    if (t.op === 'concat') return a.concat(t.args.map((p) => (p.op === 'const' ? p : part)));
    const constant = a.const(t.value, t.width);
    return a.add(a.mul(a.const(t.coefficients[0]!, t.width), part), constant);
  };
  return { condition: inner.condition, yes: around(inner.yes), no: around(inner.no) };
};

/** Reads at offsets, those that are choices taken apart. */
export class ChosenReads {
  readonly #algebra: Algebra;
  readonly #read: (offset: Term) => Term;
  readonly #known = new Map<Term, Term>();

  constructor(algebra: Algebra, read: (offset: Term) => Term) {
    this.#algebra = algebra;
    this.#read = read;
  }

  /** One side has to be plain, so that following the other one takes linear time. */
  byte(root: Term): Term {
    const open: { readonly offset: Term; readonly choice: Choice }[] = [];
    let offset = root;
    let value = this.#known.get(offset);
    while (!value) {
      const choice = choiceOf(this.#algebra, offset);
      const plain = choice && [choice.yes, choice.no].find((t) => t.op === 'const');
      if (!choice || !plain) value = this.#read(offset);
      else {
        open.push({ offset, choice });
        offset = plain === choice.yes ? choice.no : choice.yes;
        value = this.#known.get(offset);
      }
    }
    for (const { offset: outer, choice } of open.reverse()) {
      const [yes, no] = [choice.yes, choice.no].map((t) => (t === offset ? value! : this.#read(t)));
      value = this.#algebra.ite(choice.condition, yes!, no!);
      this.#known.set(outer, value);
      offset = outer;
    }
    return value;
  }
}
