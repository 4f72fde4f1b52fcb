/** Writes what takes a loop's place: registers kept over the calls, arguments, calls, and results where the program wants them. */
import { vectors } from '../../abi/index.ts';
import type { Branch } from '../instruction.ts';
import { type Code, type Node, nodeOf } from '../optimiser/code.ts';
import { FRAME, freeSlots, NoPlace } from './frame.ts';
import type { HelperCall, Outcome, Plan, Result } from './plan.ts';
import { placed } from './replacing.ts';
import { constant, isConstant, type Value } from './value.ts';

/** Where a register's value is found behind a call. */
type Kept = { readonly reg: number } | { readonly slot: number };

const registersIn = (v: Value): number[] =>
  v.terms.map(({ atom, by }) => {
    const isNegated = by === -1n && v.terms.length === 1;
    if (atom.kind !== 'reg' || (by !== 1n && !isNegated)) throw new NoPlace();
    return atom.reg;
  });

const valuesIn = (r: Result): Value => {
  if (r.kind === 'value') return r.value;
  if (r.kind === 'inverted' || r.kind === 'gathered') return constant(0);
  return r.kind === 'place' ? r.plus : r.kind === 'element' ? r.first : r.start;
};

const fits = (n: bigint) => n === BigInt.asIntN(32, n);
const alu = (
  op: 'mov' | 'add' | 'mul' | 'xor',
  dst: number,
  src: number | bigint,
  width: 32 | 64 = 64,
): Node =>
  nodeOf({
    kind: 'alu',
    width,
    op,
    dst,
    src: typeof src === 'bigint' ? { kind: 'imm', imm: Number(src) } : { kind: 'reg', reg: src },
  });

class Writer {
  readonly out: Node[] = [];
  readonly #kept = new Map<number, Kept>();
  readonly #called = { yet: false };

  #copy(dst: number, from: number): void {
    const kept = this.#called.yet ? this.#kept.get(from) : undefined;
    if (kept && 'slot' in kept)
      this.out.push(nodeOf({ kind: 'load', size: 8, signed: false, dst, src: FRAME, off: kept.slot }));
    else if ((kept?.reg ?? from) !== dst) this.out.push(alu('mov', dst, kept?.reg ?? from));
  }

  /** Puts a value into a register. */
  value(dst: number, v: Value): void {
    const registers = registersIn(v);
    if (registers.length > 2 || !fits(v.constant)) throw new NoPlace();
    if (registers.length === 0) {
      this.out.push(alu('mov', dst, v.constant));
      return;
    }
    const [first, second] = registers[1] === dst ? [registers[1], registers[0]] : registers;
    this.#copy(dst, first!);
    if (v.terms[0]!.by < 0n) this.out.push(nodeOf({ kind: 'neg', width: 64, dst }));
    if (second !== undefined) {
      const kept = this.#called.yet ? this.#kept.get(second) : undefined;
      if (kept && 'slot' in kept) throw new NoPlace();
      this.out.push(alu('add', dst, kept?.reg ?? second));
    }
    if (v.constant !== 0n) this.out.push(alu('add', dst, v.constant));
  }

  /** Keeps these registers over the calls. */
  keep(registers: Iterable<number>, free: number[], nextSlot: () => number): void {
    for (const r of registers) {
      const reg = free.pop();
      const kept: Kept = reg === undefined ? { slot: nextSlot() } : { reg };
      this.#kept.set(r, kept);
      if ('reg' in kept) this.out.push(alu('mov', kept.reg, r));
      else
        this.out.push(
          nodeOf({ kind: 'store', size: 8, dst: FRAME, off: kept.slot, src: { kind: 'reg', reg: r } }),
        );
    }
  }

  /** Arguments into r1 and on: none is overwritten while another still needs it. */
  call({ helper, args }: HelperCall): void {
    const open = new Map(args.map((v, i) => [i + 1, v]));
    while (open.size > 0) {
      const needed = (dst: number) =>
        !this.#called.yet && [...open].some(([other, v]) => other !== dst && registersIn(v).includes(dst));
      const [dst] = [...open.keys()].filter((d) => !needed(d));
      if (dst === undefined) throw new NoPlace();
      this.value(dst, open.get(dst)!);
      open.delete(dst);
    }
    this.out.push(nodeOf({ kind: 'call', form: 'helper', imm: vectors[helper]!.id }));
    this.#called.yet = true;
  }

  #best(dst: number, start: Value, most: boolean, signed: boolean, scratch: () => number): void {
    const width = signed ? 32 : 64;
    const [mine, other] = dst === 0 ? [0, scratch()] : [dst, 0];
    this.value(dst === 0 ? other : dst, start);
    const end = alu('mov', mine, mine, 64);
    const op = `j${signed ? 's' : ''}${most ? 'ge' : 'le'}` as Branch['op'];
    const keeps = { kind: 'branch', width, op, dst: mine, src: { kind: 'reg', reg: other }, off: 0 } as const;
    this.out.push(nodeOf(keeps, end), alu('mov', mine, other, width), end);
  }

  #element(dst: number, { first, size, signed }: Result & { kind: 'element' }): void {
    const off = Number(first.constant);
    if (dst !== 0) this.out.push(alu('mov', dst, 0));
    if (size > 1) this.out.push(alu('mul', dst, BigInt(size)));
    for (const register of registersIn(first)) {
      const kept = this.#kept.get(register) ?? { reg: register };
      if ('slot' in kept || off !== (off << 16) >> 16) throw new NoPlace();
      this.out.push(alu('add', dst, kept.reg));
    }
    this.out.push(nodeOf({ kind: 'load', size, signed, dst, src: dst, off }));
  }

  #result(dst: number, r: Result, scratch: () => number): void {
    if (r.kind === 'value') this.value(dst, r.value);
    else if (r.kind === 'element') this.#element(dst, r);
    else if (r.kind === 'gathered') throw new NoPlace();
    else if (r.kind === 'inverted') {
      if (dst !== 0) this.out.push(alu('mov', dst, 0));
      this.out.push(alu('xor', dst, -1n, 32));
    } else if (r.kind === 'best') this.#best(dst, r.start, r.most, r.signed, scratch);
    else if (r.kind === 'sum') {
      const zero = isConstant(r.start) && r.start.constant === 0n;
      if (!zero) {
        const start = dst === 0 ? scratch() : dst;
        this.value(start, r.start);
        this.out.push(alu('add', dst, dst === 0 ? start : 0, r.width));
      } else if (dst !== 0 || r.width === 32) this.out.push(alu('mov', dst, 0, r.width));
    } else {
      if (dst !== 0) this.out.push(alu('mov', dst, 0));
      if (!fits(r.by)) throw new NoPlace();
      if (r.by !== 1n) this.out.push(alu('mul', dst, r.by));
      const registers = registersIn(r.plus);
      if (registers.length > 0) throw new NoPlace();
      if (r.plus.constant !== 0n) this.out.push(alu('add', dst, r.plus.constant));
    }
  }

  /** Results where they belong, r0 last, since the others may come from it; then on. */
  outcome({ to, results }: Outcome, code: Code): void {
    const scratch = () => {
      const free = [1, 2, 3, 4, 5].find((r) => !results.has(r));
      if (free === undefined) throw new NoPlace();
      return free;
    };
    for (const [dst, r] of results) if (dst !== 0) this.#result(dst, r, scratch);
    const last = results.get(0);
    if (last) this.#result(0, last, scratch);
    this.out.push(nodeOf({ kind: 'jump', long: false, off: 0 }, code[to]!));
  }
}

/** Registers r0 to r5 whose value is needed behind a call. */
const neededAfter = ({ calls, special, otherwise }: Plan): Set<number> => {
  const values = [
    ...calls.slice(1).flatMap((c) => c.args),
    ...[otherwise, special?.outcome].flatMap((o) => (o ? [...o.results.values()].map(valuesIn) : [])),
  ];
  return new Set(values.flatMap(registersIn).filter((r) => r <= 5));
};

/** r6 to r9 are written last to what they were: nothing else may come from one that changes. */
const checkOrder = ({ special, otherwise }: Plan): void => {
  for (const outcome of [otherwise, special?.outcome]) {
    if (!outcome) continue;
    for (const [dst, r] of outcome.results) {
      const stays = r.kind === 'value' && r.value.constant === 0n && registersIn(r.value).join() === `${dst}`;
      const used = [...outcome.results].some(([d, o]) => d !== dst && registersIn(valuesIn(o)).includes(dst));
      if (dst >= 6 && !stays && used) throw new NoPlace();
    }
  }
};

/** @param busy registers whose value is needed somewhere from the loop on. */
const written = (code: Code, plan: Plan, busy: readonly number[]): Node[] => {
  checkOrder(plan);
  const writer = new Writer();
  const free = [9, 8, 7, 6].filter((r) => !busy.includes(r)).reverse();
  writer.keep(neededAfter(plan), free.reverse(), freeSlots(code));
  for (const call of plan.calls) writer.call(call);
  if (plan.special) {
    const op = plan.special.when === 'negative' ? 'jslt' : 'jne';
    const test = { kind: 'branch', width: 64, op, dst: 0, src: { kind: 'imm', imm: 0 }, off: 0 } as const;
    const rest = writer.out.length;
    writer.outcome(plan.special.outcome, code);
    const special = writer.out.splice(rest);
    writer.out.push(nodeOf(test, special[0]));
    writer.outcome(plan.otherwise, code);
    writer.out.push(...special);
  } else writer.outcome(plan.otherwise, code);
  return writer.out;
};

/** The program with a plan in place of the loop. */
export const replaceLoop = (given: Code, plan: Plan, busy: readonly number[]): Code | undefined =>
  placed(given, plan, (code) => written(code, plan, busy));
