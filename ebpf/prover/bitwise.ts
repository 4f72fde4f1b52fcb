/** Bitwise operations, segment by segment where their operands change between constant runs and unknown bits. */
import { Carries } from './carries.ts';
import { joinLiterals } from './literals.ts';
import { bitLength, mask, type Term } from './term.ts';

const MAX_PIECES = 24;

export abstract class Bitwise extends Carries {
  abstract eq(a: Term, b: Term): Term;
  readonly #negations = new Map<Term, Term>();

  and(a: Term, b: Term): Term {
    return this.bitwise('and', [a, b]);
  }
  or(a: Term, b: Term): Term {
    return this.bitwise('or', [a, b]);
  }
  xor(a: Term, b: Term): Term {
    return this.bitwise('xor', [a, b]);
  }
  /** Asked of each condition again and again. */
  not(a: Term): Term {
    const known = this.#negations.get(a) ?? this.bitwise('xor', [a, this.const(-1n, a.width)]);
    this.#negations.set(a, known);
    return known;
  }
  all(terms: readonly Term[]): Term {
    return terms.length === 0 ? this.true : this.bitwise('and', terms);
  }
  any(terms: readonly Term[]): Term {
    return terms.length === 0 ? this.false : this.bitwise('or', terms);
  }

  bitwise(op: 'and' | 'or' | 'xor', terms: readonly Term[]): Term {
    const width = terms[0]!.width;
    const flat = terms.flatMap((t) => (t.op === op ? t.args : [t]));
    const cuts = width === 1 ? [] : this.#cuts(flat, width);
    if (cuts.length === 0) return this.#bitwiseWhole(op, flat, width);
    const pieces: Term[] = [];
    let hi = width - 1;
    for (const lo of cuts) {
      const slices = flat.map((t) => this.extract(t, hi, lo));
      pieces.push(this.#bitwiseWhole(op, slices, hi - lo + 1));
      hi = lo - 1;
    }
    return this.concat(pieces);
  }

  /** Lowest bits of the segments, from the top, at which some operand changes between constant runs and unknown bits. */
  #cuts(terms: readonly Term[], width: number): number[] {
    const cuts = new Set<number>();
    for (const t of terms) {
      let at = t.width;
      for (const piece of t.op === 'concat' ? t.args : [t]) {
        at -= piece.width;
        if (piece.op !== 'const') {
          if (t.op === 'concat' && terms.length > 1) cuts.add(at);
          continue;
        }
        let bit = -1n;
        for (let i = piece.width - 1; i >= 0; i--) {
          const b = (piece.value >> BigInt(i)) & 1n;
          if (bit >= 0n && b !== bit) cuts.add(at + i + 1);
          bit = b;
        }
        cuts.add(at);
      }
    }
    cuts.add(0);
    if (cuts.size === 1 || cuts.size > MAX_PIECES) return [];
    return [...cuts].filter((c) => c < width).sort((a, b) => b - a);
  }

  #bitwiseWhole(op: 'and' | 'or' | 'xor', terms: readonly Term[], width: number): Term {
    const ones = mask(width);
    let constant = op === 'and' ? ones : 0n;
    const counts = new Map<Term, number>();
    for (const t of terms.flatMap((x) => (x.op === op ? x.args : [x]))) {
      if (t.op !== 'const') counts.set(t, (counts.get(t) ?? 0) + 1);
      else if (op === 'and') constant &= t.value;
      else if (op === 'or') constant |= t.value;
      else constant ^= t.value;
    }
    if ((op === 'and' && constant === 0n) || (op === 'or' && constant === ones))
      return this.const(constant, width);
    const args = [...counts].filter(([, n]) => op !== 'xor' || n % 2 === 1).map(([t]) => t);
    const neutral = op === 'and' ? ones : 0n;
    if (args.length === 0) return this.const(constant, width);
    if (args.length === 1 && constant === neutral) return args[0]!;
    if (width === 1 && op !== 'xor' && args.some((t) => counts.has(this.not(t))))
      return op === 'and' ? this.false : this.true;
    const one = width === 1 && op !== 'xor' ? this.#joined(op, args) : undefined;
    if (one) return one;
    args.sort((a, b) => a.id - b.id);
    if (constant !== neutral) args.push(this.const(constant, width));
    const zeros =
      op === 'and' ? Math.max(...args.map((a) => a.zeros)) : Math.min(...args.map((a) => a.zeros));
    let max = op === 'and' ? ones : 0n;
    for (const a of args) {
      if (op === 'and') max = a.max < max ? a.max : max;
      else max |= mask(bitLength(a.max));
    }
    const min = op === 'or' ? args.reduce((least, a) => (a.min > least ? a.min : least), constant) : 0n;
    return this.table.intern({ op, width, args, max, min, zeros });
  }

  /** Conditions on slices that are side by side as conditions on what they are slices of. */
  #joined(op: 'and' | 'or', args: readonly Term[]): Term | undefined {
    const found = joinLiterals(op === 'and' ? args : args.map((t) => this.not(t)));
    if (!found) return undefined;
    const equal = found.equal.map(({ base, hi, lo, value }) =>
      this.eq(this.extract(base, hi, lo), this.const(value, hi - lo + 1)),
    );
    const all = this.all([...found.rest, ...equal]);
    return op === 'and' ? all : this.not(all);
  }
}
