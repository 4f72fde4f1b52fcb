/** Extensions of what was loaded far away, or in another turn of a loop: where every use takes the sign, the load brings it. */
import type { Load, Operation } from '../instruction.ts';
import { registersOf } from '../prover/flow.ts';
import { type Code, copyCode, functionsOf, nodeOf, positionsOf, replaceNodes, successors } from './code.ts';
import type { Rule } from './rule.ts';

/** What is known of a register: from which loads its value may come unchanged, as a mask, and how far its sign reaches. */
type Held = { readonly from: bigint; readonly signed: 0 | 32 | 64 };
type State = readonly Held[];

const NOTHING: Held = { from: 0n, signed: 0 };
const REGISTERS = 11;

const isCopy = (op: Operation): op is Operation & { kind: 'alu'; src: { kind: 'reg'; reg: number } } =>
  op.kind === 'alu' && op.op === 'mov' && op.src.kind === 'reg';

const met = (a: Held, b: Held): Held => ({
  from: a.from | b.from,
  signed: Math.min(a.signed, b.signed) as Held['signed'],
});

const isSame = (a: State, b: State) => a.every((h, r) => h.from === b[r]!.from && h.signed === b[r]!.signed);

/** Extensions of one size: which loads of it may bring the sign, and what registers then hold before each node. */
class Signs {
  readonly before: (State | undefined)[];
  readonly #code: Code;
  readonly #size: number;
  readonly #positions;
  /** Bit of each load that may change. */
  readonly #loads = new Map<number, bigint>();

  constructor(code: Code, size: number) {
    this.#code = code;
    this.#size = size;
    this.#positions = positionsOf(code);
    this.before = code.map(() => undefined);
    code.forEach(({ op }, i) => {
      if (op.kind === 'load' && op.size === size && !op.signed)
        this.#loads.set(i, 1n << BigInt(this.#loads.size));
    });
    for (let wrong = this.#follow(); wrong !== 0n; wrong = this.#follow())
      for (const [i, bit] of this.#loads) if (wrong & bit) this.#loads.delete(i);
  }

  changes(i: number): boolean {
    return this.#loads.has(i);
  }

  #made(i: number, state: State): Held {
    const { op } = this.#code[i]!;
    if (op.kind === 'load' && op.size === this.#size) {
      const from = this.#loads.get(i) ?? 0n;
      return { from, signed: op.signed || from !== 0n ? 64 : 0 };
    }
    if (op.kind === 'movsx' && op.bits === this.#size * 8) return { from: 0n, signed: op.width };
    if (!isCopy(op)) return NOTHING;
    const { from, signed } = state[op.src.reg]!;
    return { from, signed: Math.min(signed, op.width) as Held['signed'] };
  }

  /** Loads whose value is used here in a way that shows what is above it. */
  #shown(i: number, state: State): bigint {
    const { op } = this.#code[i]!;
    if (isCopy(op) || (op.kind === 'movsx' && op.bits <= this.#size * 8)) return 0n;
    const reads = registersOf(op).reads;
    const isPart = op.kind === 'store' && op.size <= this.#size && op.src.kind === 'reg';
    return state.reduce((all, { from }, r) => {
      const isStored = isPart && op.src.kind === 'reg' && op.src.reg === r && op.dst !== r;
      return (reads & (1 << r)) !== 0 && !isStored ? all | from : all;
    }, 0n);
  }

  /** One pass to the fixed point; the loads that may not change after all. */
  #follow(): bigint {
    const work = functionsOf(this.#code, this.#positions);
    this.before.fill(undefined);
    for (const i of work) this.before[i] = Array<Held>(REGISTERS).fill(NOTHING);
    let wrong = 0n;
    for (let i = work.pop(); i !== undefined; i = work.pop()) {
      const state = this.before[i]!;
      wrong |= this.#shown(i, state);
      const { writes } = registersOf(this.#code[i]!.op);
      const after = state.map((held, r) => (writes & (1 << r) ? this.#made(i!, state) : held));
      for (const to of successors(this.#code, i, this.#positions)) {
        const known = this.before[to];
        const next = known ? known.map((held, r) => met(held, after[r]!)) : after;
        if (known && isSame(known, next)) continue;
        this.before[to] = next;
        work.push(to);
      }
    }
    return wrong;
  }
}

/** The copy that an extension becomes of what has its sign already. */
const copyInstead = (op: Operation, size: number, before: State | undefined): Operation | undefined => {
  if (op.kind !== 'movsx' || op.bits !== size * 8 || !before || before[op.src]!.signed < op.width)
    return undefined;
  return { kind: 'alu', width: op.width, op: 'mov', dst: op.dst, src: { kind: 'reg', reg: op.src } };
};

const applyFor = (code: Code, size: number): Code | undefined => {
  const signs = new Signs(code, size);
  const isGain = code.some(({ op }, i) => copyInstead(op, size, signs.before[i]) !== undefined);
  if (!isGain) return undefined;
  return replaceNodes(copyCode(code), ({ op }, i) => {
    const copy = copyInstead(op, size, signs.before[i]);
    if (copy) return [nodeOf(copy)];
    return signs.changes(i) ? [nodeOf({ ...(op as Operation & Load), signed: true })] : undefined;
  });
};

export const signKeeping: Rule = {
  name: 'sign-keeping',
  doc: 'Loads bytes and halfwords with their sign where all that is done with them takes it, however far away; extensions become copies.',
  apply: (code) => {
    const widths = new Set(code.flatMap(({ op }) => (op.kind === 'movsx' ? [op.bits] : [])));
    for (const size of [1, 2, 4])
      if (widths.has((size * 8) as 8 | 16 | 32)) {
        const made = applyFor(code, size);
        if (made) return made;
      }
    return undefined;
  },
};
