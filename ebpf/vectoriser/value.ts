/**
 * What registers hold in one turn of a loop, as sums of coefficients times atoms. This only has to recognise what a loop does:
 * widths are taken as if nothing overflowed, and verifier, differential runs and proof find out where that was wrong.
 */
import type { Alu, AluOp, Load, Operation } from '../instruction.ts';
import { calculate } from '../optimiser/constants.ts';

export type Atom = { readonly id: number } & (
  | { readonly kind: 'reg'; readonly reg: number }
  | { readonly kind: 'load'; readonly size: number; readonly signed: boolean; readonly at: Value }
  | { readonly kind: 'op'; readonly op: string; readonly args: readonly Value[] }
);

/** constant + sum of coefficients times atoms; atoms in order of their ids. */
export type Value = {
  readonly constant: bigint;
  readonly terms: readonly { readonly atom: Atom; readonly by: bigint }[];
};

const wide = (x: bigint) => BigInt.asIntN(64, x);

export const keyOf = (v: Value): string =>
  `${v.constant};${v.terms.map(({ atom, by }) => `${atom.id}*${by}`).join()}`;

export const constant = (value: bigint | number): Value => ({ constant: wide(BigInt(value)), terms: [] });

export const isConstant = (v: Value): boolean => v.terms.length === 0;

export const plus = (a: Value, b: Value, times = 1n): Value => {
  const by = new Map(a.terms.map((t) => [t.atom, t.by]));
  for (const t of b.terms) by.set(t.atom, wide((by.get(t.atom) ?? 0n) + t.by * times));
  const terms = [...by].filter(([, n]) => n !== 0n).map(([atom, n]) => ({ atom, by: n }));
  terms.sort((x, y) => x.atom.id - y.atom.id);
  return { constant: wide(a.constant + b.constant * times), terms };
};

export const minus = (a: Value, b: Value): Value => plus(a, b, -1n);

const scaled = (a: Value, by: bigint): Value => plus(constant(0), a, by);

/** The only atom of a value that is one atom; undefined for any other value. */
export const single = (v: Value): Atom | undefined =>
  v.constant === 0n && v.terms.length === 1 && v.terms[0]!.by === 1n ? v.terms[0]!.atom : undefined;

/** Atoms of one walk: those built alike are the same object. */
export class Atoms {
  readonly #known = new Map<string, Atom>();

  #intern(key: string, make: (id: number) => Atom): Value {
    const atom = this.#known.get(key) ?? make(this.#known.size);
    this.#known.set(key, atom);
    return { constant: 0n, terms: [{ atom, by: 1n }] };
  }

  all(): readonly Atom[] {
    return [...this.#known.values()];
  }

  register(reg: number): Value {
    return this.#intern(`r${reg}`, (id) => ({ id, kind: 'reg', reg }));
  }

  /** @param epoch stores before it that may have changed what it reads. */
  load({ size, signed }: Pick<Load, 'size' | 'signed'>, at: Value, epoch: number): Value {
    const key = `load ${size} ${signed} ${epoch} ${keyOf(at)}`;
    return this.#intern(key, (id) => ({ id, kind: 'load', size, signed, at }));
  }

  operation(op: string, args: readonly Value[]): Value {
    const sorted = [...args].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
    const ordered = ['mul', 'xor', 'and', 'or'].includes(op) ? sorted : args;
    return this.#intern(`${op} ${ordered.map(keyOf).join(' ')}`, (id) => ({
      id,
      kind: 'op',
      op,
      args: ordered,
    }));
  }

  /** A value shifted up and down again by `bits`: its sign extended from there, when it is an element of that size. */
  signExtended(v: Value, bits: number): Value {
    const atom = single(v);
    if (atom?.kind !== 'load' || atom.size * 8 !== bits) return v;
    return this.load({ size: atom.size as Load['size'], signed: true }, atom.at, -1);
  }

  #shifted(op: 'rsh' | 'arsh', width: number, a: Value, by: number): Value {
    const unit = 1n << BigInt(by);
    const whole = a.constant % unit === 0n && a.terms.every((t) => t.by % unit === 0n);
    if (!whole) return this.operation(op, [a, constant(by)]);
    const down: Value = {
      constant: a.constant / unit,
      terms: a.terms.map(({ atom, by: n }) => ({ atom, by: n / unit })),
    };
    return op === 'arsh' ? this.signExtended(down, width - by) : down;
  }

  #masked(a: Value, b: Value): Value {
    const atom = single(a);
    const whole = atom?.kind === 'load' && isConstant(b) && b.constant === (1n << BigInt(atom.size * 8)) - 1n;
    return whole ? a : this.operation('and', [a, b]);
  }

  compute(op: AluOp, width: number, a: Value, b: Value): Value {
    const amount = isConstant(b) ? Number(b.constant & BigInt(width - 1)) : undefined;
    if (op === 'mov') return b;
    if (isConstant(a) && isConstant(b)) return constant(calculate(op, width, a.constant, b.constant));
    if (op === 'add') return plus(a, b);
    if (op === 'sub') return minus(a, b);
    if (op === 'mul' && isConstant(b)) return scaled(a, b.constant);
    if (op === 'mul' && isConstant(a)) return scaled(b, a.constant);
    if (op === 'lsh' && amount !== undefined) return scaled(a, 1n << BigInt(amount));
    if ((op === 'rsh' || op === 'arsh') && amount !== undefined) return this.#shifted(op, width, a, amount);
    return op === 'and' ? this.#masked(a, b) : this.operation(op, [a, b]);
  }

  alu(op: Alu, regs: readonly Value[]): Value {
    const b = op.src.kind === 'imm' ? constant(op.src.imm) : regs[op.src.reg]!;
    return this.compute(op.op, op.width, regs[op.dst]!, b);
  }
}

export type StoreSeen = { readonly at: Value; readonly size: number; readonly value: Value };

/** Registers and stores of one way through a piece of code. */
export class Walk {
  readonly atoms: Atoms;
  readonly regs: Value[];
  /** Width of the operation that wrote each register last. */
  readonly widths: (32 | 64)[];
  readonly stores: StoreSeen[];

  constructor(atoms: Atoms, from?: Walk) {
    this.atoms = atoms;
    this.regs = from ? [...from.regs] : Array.from({ length: 11 }, (_, r) => atoms.register(r));
    this.widths = from ? [...from.widths] : Array(11).fill(64);
    this.stores = from ? [...from.stores] : [];
  }

  #set(register: number, value: Value, width: 32 | 64 = 64): void {
    this.regs[register] = value;
    this.widths[register] = width;
  }

  /** Takes in one operation; false for one that is not understood. */
  step(op: Operation): boolean {
    switch (op.kind) {
      case 'alu':
        this.#set(op.dst, this.atoms.alu(op, this.regs), op.width);
        return true;
      case 'neg':
        this.#set(op.dst, scaled(this.regs[op.dst]!, -1n), op.width);
        return true;
      case 'swap':
        this.#set(op.dst, this.atoms.operation(`${op.order}${op.bits}`, [this.regs[op.dst]!]));
        return true;
      case 'movsx':
        this.#set(op.dst, this.atoms.signExtended(this.regs[op.src]!, op.bits), op.width);
        return true;
      case 'load':
        this.#set(
          op.dst,
          this.atoms.load(op, plus(this.regs[op.src]!, constant(op.off)), this.stores.length),
        );
        return true;
      case 'store': {
        const value = op.src.kind === 'imm' ? constant(op.src.imm) : this.regs[op.src.reg]!;
        this.stores.push({ at: plus(this.regs[op.dst]!, constant(op.off)), size: op.size, value });
        return true;
      }
      case 'ld_imm64':
        if (op.form !== 'number') return false;
        this.#set(op.dst, constant(op.imm));
        return true;
      default:
        return false;
    }
  }
}
