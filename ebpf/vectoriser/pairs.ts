/**
 * What no helper does and two calls do. The largest of signed halfwords is the upper half of the largest word, and that of words
 * that begin one element later. A sum of unsigned words is that of signed ones and 2^32 for each negative one; how many these are is
 * what the sum of halfwords is more than it, modulo 65,535, which 2^32 is one more than a multiple of.
 */
import { vectors } from '../../abi/index.ts';
import type { Branch } from '../instruction.ts';
import { type Code, type Node, nodeOf } from '../optimiser/code.ts';
import { NoPlace } from './frame.ts';
import { alu, immediate, outcomeNodes, register } from './outcome.ts';
import type { Outcome, Plan, Result } from './plan.ts';
import { placed } from './replacing.ts';
import { isConstant, type Value } from './value.ts';

type Call = { readonly helper: string; readonly off: number; readonly n: number };
type Best = Result & { readonly kind: 'best' };
type Sum = Result & { readonly kind: 'sum' };

/** A power of two times this is as much as halfwords can sum up to. */
const MODULUS = 65_535n;

const SAVED = [6, 7, 8, 9] as const;

const registersIn = (v: Value): number[] =>
  v.terms.map(({ atom, by }) => {
    if (atom.kind !== 'reg' || by !== 1n) throw new NoPlace();
    return atom.reg;
  });

class PairWriter {
  readonly #out: Node[] = [];
  readonly #free: number[];
  readonly #kept = new Map<number, number>();
  #skipping: Node | undefined;

  constructor(busy: readonly number[]) {
    this.#free = SAVED.filter((r) => !busy.includes(r));
  }

  #put(...nodes: readonly Node[]): void {
    if (this.#skipping && nodes[0]) this.#skipping.target = nodes[0];
    this.#skipping = undefined;
    this.#out.push(...nodes);
  }

  #taken(): number {
    const free = this.#free.pop();
    if (free === undefined) throw new NoPlace();
    return free;
  }

  readonly #held = (r: number): number => this.#kept.get(r) ?? r;

  /** Keeps over the calls what calls do not leave alone. */
  keep(registers: Iterable<number>): void {
    for (const r of registers) {
      if (r > 5 || this.#kept.has(r)) continue;
      const to = this.#taken();
      this.#put(alu('mov', to, register(r)));
      this.#kept.set(r, to);
    }
  }

  #value(dst: number, v: Value): void {
    const [first, ...others] = registersIn(v);
    if (first === undefined) this.#put(alu('mov', dst, immediate(v.constant)));
    else this.#put(alu('mov', dst, register(this.#held(first))));
    for (const other of others) this.#put(alu('add', dst, register(this.#held(other))));
    if (first !== undefined && v.constant !== 0n) this.#put(alu('add', dst, immediate(v.constant)));
  }

  call(first: Value, { helper, off, n }: Call): void {
    this.#value(1, first);
    if (off !== 0) this.#put(alu('add', 1, immediate(BigInt(off))));
    this.#put(alu('mov', 2, immediate(BigInt(n))));
    this.#put(nodeOf({ kind: 'call', form: 'helper', imm: vectors[helper]!.id }));
  }

  /** r0, out of the way of the next call. */
  putAside(): number {
    const to = this.#taken();
    this.#put(alu('mov', to, register(0)));
    return to;
  }

  /** r0 becomes the other one where that is better. */
  #better(other: number, most: boolean, width: 32 | 64): void {
    const op: Branch['op'] = most ? 'jsge' : 'jsle';
    const keeps = nodeOf({ kind: 'branch', width, op, dst: 0, src: register(other), off: 0 });
    this.#put(keeps, alu('mov', 0, register(other)));
    this.#skipping = keeps;
  }

  /** The best of signed halfwords, of whose places `aside` holds the odd ones' words, and r0 the even ones'. */
  best(first: Value, aside: number, { most, start }: Best): void {
    this.#put(alu('arsh', 0, immediate(16n)), alu('arsh', aside, immediate(16n)));
    this.#better(aside, most, 64);
    this.#value(1, first);
    this.#put(nodeOf({ kind: 'load', size: 2, signed: true, dst: 1, src: 1, off: 0 }));
    this.#better(1, most, 64);
    this.#value(1, start);
    this.#better(1, most, 32);
    this.#put(alu('mov', 0, register(0), 32));
  }

  /** The sum of unsigned words: `aside` holds that of their halves, r0 that of them as signed ones. */
  sum(n: number, aside: number, { start }: Sum): void {
    let above = MODULUS;
    while (above < MODULUS * MODULUS * BigInt(n)) above *= 2n;
    this.#put(
      alu('sub', aside, register(0)),
      nodeOf({ kind: 'ld_imm64', form: 'number', dst: 1, imm: above }),
    );
    this.#put(alu('add', aside, register(1)), alu('mod', aside, immediate(MODULUS)));
    this.#put(alu('lsh', aside, immediate(32n)), alu('add', 0, register(aside)));
    if (isConstant(start) && start.constant === 0n) return;
    this.#value(1, start);
    this.#put(alu('add', 0, register(1)));
  }

  outcome(outcome: Outcome, code: Code): Node[] {
    this.#put(...outcomeNodes(outcome, code, 0, this.#held));
    return this.#out;
  }
}

/** Most words: the number of negative ones stays below what it is counted by. */
const MOST_WORDS = 4096;

const callsFor = (helper: string, n: number): readonly [Call, Call] | undefined => {
  const best = /^vl_(min|max)_i16$/.exec(helper)?.[1];
  if (best) {
    const words = `vl_${best}_i32`;
    return [
      { helper: words, off: 0, n: n >> 1 },
      { helper: words, off: 2, n: (n - 1) >> 1 },
    ];
  }
  if (helper !== 'vl_sum_u32' || n > MOST_WORDS) return undefined;
  return [
    { helper: 'vl_sum_u16', off: 0, n: 2 * n },
    { helper: 'vl_sum_i32', off: 0, n },
  ];
};

const valuesIn = (r: Result): readonly Value[] => {
  if (r.kind === 'value') return [r.value];
  if (r.kind === 'best' || r.kind === 'sum') return [r.start];
  throw new NoPlace();
};

const written = (code: Code, { calls, otherwise }: Plan, busy: readonly number[]): Node[] => {
  const [first, count] = calls[0]!.args as [Value, Value];
  const n = Number(count.constant);
  const pair = callsFor(calls[0]!.helper, n);
  const results = [...otherwise.results.values()];
  const made = results.find((r): r is Best | Sum => r.kind === 'best' || r.kind === 'sum');
  if (!pair || !made || (made.kind === 'sum' && made.width === 32)) throw new NoPlace();
  const writer = new PairWriter(busy);
  writer.keep([first, ...results.flatMap(valuesIn)].flatMap(registersIn));
  writer.call(first, pair[0]);
  const aside = writer.putAside();
  writer.call(first, pair[1]);
  if (made.kind === 'best') writer.best(first, aside, made);
  else writer.sum(n, aside, made);
  return writer.outcome(otherwise, code);
};

/** The program with two calls in place of the loop; undefined when it can't be written so. */
export const replaceByPair = (given: Code, plan: Plan, busy: readonly number[]): Code | undefined =>
  placed(given, plan, (code) => written(code, plan, busy));

/** Helpers that are called for one that there is not. */
export const helpersFor = (helper: string): readonly string[] =>
  vectors[helper] ? [helper] : (callsFor(helper, 2) ?? []).map((c) => c.helper);
