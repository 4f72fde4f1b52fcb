/** What recognisers have in common: elements that turns of a loop touch one after the other, and what registers hold behind it. */
import { atTurn, type Condition, type TurningLoop, type Way } from './loop.ts';
import type { Outcome, Result } from './plan.ts';
import { type Atom, isConstant, keyOf, minus, single, type Value } from './value.ts';

export type Load = Atom & { readonly kind: 'load' };

/** Fewer elements are not worth a call. */
export const MIN_ELEMENTS = 8;

export const load = (v: Value): Load | undefined => {
  const atom = single(v);
  return atom?.kind === 'load' ? atom : undefined;
};

export const usesRegistersOnly = (v: Value): boolean => v.terms.every((t) => t.atom.kind === 'reg');

/** How far a value moves in each turn; undefined when not by a constant. */
export const strideOf = (loop: TurningLoop, v: Value): bigint | undefined => {
  const moved = minus(atTurn(loop, v, 1n), atTurn(loop, v, 0n));
  return isConstant(moved) ? moved.constant : undefined;
};

/**
 * Where elements begin that one turn touches next to each other, and which follow each other from turn to turn.
 * @param turns given where their order does not matter: then they may also come last to first
 */
export const firstOf = (
  loop: TurningLoop,
  places: readonly Value[],
  size: number,
  turns?: number,
): Value | undefined => {
  const backwards = turns !== undefined && (strideOf(loop, places[0]!) ?? 0n) < 0n;
  const starts = places.map((at) => atTurn(loop, at, backwards ? BigInt(turns - 1) : 0n));
  if (!starts.every((at) => usesRegistersOnly(at) && isConstant(minus(at, starts[0]!)))) return undefined;
  starts.sort((a, b) => (a.constant < b.constant ? -1 : 1));
  const close = starts.every((at, i) => at.constant === starts[0]!.constant + BigInt(i * size));
  const stride = BigInt(places.length * size * (backwards ? -1 : 1));
  return close && places.every((at) => strideOf(loop, at) === stride) ? starts[0] : undefined;
};

/** Registers behind the loop that are neither kept nor stepped have to be results of it. */
type Special = (register: number, ways: readonly Way[]) => Result | undefined;

const plain = (
  loop: TurningLoop,
  ways: readonly Way[],
  register: number,
  turn: number,
): Result | undefined => {
  const values = ways.map((w) => atTurn(loop, w.walk.regs[register]!, BigInt(turn)));
  const same = values.every((v) => keyOf(v) === keyOf(values[0]!));
  return same && usesRegistersOnly(values[0]!) ? { kind: 'value', value: values[0]! } : undefined;
};

export const outcomeOf = (
  loop: TurningLoop,
  ways: readonly Way[],
  live: readonly number[],
  turn: number,
  special: Special,
): Outcome | undefined => {
  const { to } = ways[0]!;
  if (ways.some((w) => w.to !== to)) return undefined;
  const results = new Map<number, Result>();
  for (const register of live) {
    const result = special(register, ways) ?? plain(loop, ways, register, turn);
    if (!result) return undefined;
    results.set(register, result);
  }
  return { to, results };
};

export type Live = (node: number) => readonly number[];

const types: Readonly<Record<string, string>> = { u1: 'u8', u2: 'u16', s2: 'i16', s4: 'i32' };

/** Whether the way with this condition takes the larger one. */
export const takesLarger = ({ op, taken, left }: Condition, element: string): boolean | undefined => {
  const above = /^js?g[te]$/.test(op);
  if (!above && !/^js?l[te]$/.test(op)) return undefined;
  return (above === taken) === (keyOf(left) === element);
};

/** The type of an element, as names of helpers have it; undefined where no helper has it. */
export const elementType = ({ signed, size }: Load, { op }: Condition): string | undefined =>
  types[`${signed || (size === 4 && op.startsWith('js')) ? 's' : 'u'}${size}`];
