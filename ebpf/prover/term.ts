/**
 * Bit-vector terms, hash-consed: two terms built alike are the same object, so equality is `===`.
 * A term of width 1 is a truth value. Each operation means what SMT-LIB's QF_UFBV operation of that name means.
 */

export type TermOp =
  /** `value` */
  | 'const'
  /** a free variable, `name` */
  | 'var'
  /** an uninterpreted function `name` of one argument */
  | 'select'
  /** args from the most significant down; none of them is a concat */
  | 'concat'
  /** bits `hi`..`lo` of args[0] */
  | 'extract'
  | 'sext'
  /** value + sum of coefficients[i] * args[i], all of width `width` */
  | 'sum'
  | 'product'
  | 'and'
  | 'or'
  | 'xor'
  | 'udiv'
  | 'urem'
  | 'sdiv'
  | 'srem'
  | 'shl'
  | 'lshr'
  | 'ashr'
  | 'eq'
  | 'ult'
  | 'slt'
  | 'ite';

export type Term = {
  readonly id: number;
  readonly op: TermOp;
  readonly width: number;
  readonly args: readonly Term[];
  readonly value: bigint;
  readonly coefficients: readonly bigint[];
  readonly name: string;
  readonly hi: number;
  readonly lo: number;
  /** Unsigned bounds that hold for every assignment. */
  readonly min: bigint;
  readonly max: bigint;
  /** Trailing bits known to be zero. */
  readonly zeros: number;
};

export type TermShape = Pick<Term, 'op' | 'width'> &
  Partial<Pick<Term, 'args' | 'value' | 'coefficients' | 'name' | 'hi' | 'lo' | 'min' | 'max' | 'zeros'>>;

export const mask = (width: number): bigint => (1n << BigInt(width)) - 1n;

/** Number of bits needed to write this non-negative number. */
export const bitLength = (value: bigint): number => (value === 0n ? 0 : value.toString(2).length);

/** Trailing zero bits of a number, `width` for 0. */
export const trailingZeros = (value: bigint, width: number): number => {
  if (value === 0n) return width;
  let n = 0;
  while (((value >> BigInt(n)) & 1n) === 0n) n++;
  return n;
};

export const isPowerOfTwo = (value: bigint): boolean => value > 0n && (value & (value - 1n)) === 0n;

const keyOf = (s: TermShape): string => {
  const ids = (s.args ?? []).map((a) => a.id).join(',');
  const coefficients = s.coefficients ? s.coefficients.join(',') : '';
  return `${s.op}|${s.width}|${ids}|${s.value ?? ''}|${coefficients}|${s.name ?? ''}|${s.hi ?? ''}|${s.lo ?? ''}`;
};

/** More terms than this in one proof means that it would not end: @see ProofLimit. */
const MAX_TERMS = 1_500_000;

/** Terms after which it is looked whether there is time for more. */
const ASKED_BETWEEN = 4096;
export const OUT_OF_TIME = 'the time for this proof ran out';

/** A bound of the prover was reached, or something it does not understand: the verdict is `unknown`. */
export class ProofLimit extends Error {
  override name = 'ProofLimit';
}

/** The table of terms of one proof. */
export class TermTable {
  readonly #terms = new Map<string, Term>();
  /** How often a term was made or found: what the work of a proof is measured by. */
  asked = 0;
  /** Whether the time for the proof is used up: one step of a program can take more than all of it. */
  isOver = () => false;

  intern(shape: TermShape): Term {
    if (++this.asked % ASKED_BETWEEN === 0 && this.isOver()) throw new ProofLimit(OUT_OF_TIME);
    const key = keyOf(shape);
    const known = this.#terms.get(key);
    if (known) return known;
    if (this.#terms.size >= MAX_TERMS) throw new ProofLimit('the expressions of this proof grow too large');
    const term: Term = {
      id: this.#terms.size,
      op: shape.op,
      width: shape.width,
      args: shape.args ?? [],
      value: shape.value ?? 0n,
      coefficients: shape.coefficients ?? [],
      name: shape.name ?? '',
      hi: shape.hi ?? 0,
      lo: shape.lo ?? 0,
      min: shape.min ?? 0n,
      max: shape.max ?? mask(shape.width),
      zeros: shape.zeros ?? 0,
    };
    this.#terms.set(key, term);
    return term;
  }
}
