/** Recognises what a loop computes, as calls of vector helpers. What it takes a loop for may be wrong: proposals are judged. */
import { histogramCall } from './bins.ts';
import {
  elementType,
  firstOf,
  type Live,
  type Load,
  load,
  MIN_ELEMENTS,
  outcomeOf,
  strideOf,
  takesLarger,
  usesRegistersOnly,
} from './elements.ts';
import {
  atTurn,
  type Condition,
  type Count,
  countOf,
  dataConditions,
  type TurningLoop,
  type Way,
} from './loop.ts';
import { placing } from './places.ts';
import type { HelperCall, Plan, Result } from './plan.ts';
import { type Atom, constant, isConstant, keyOf, minus, single, type Value } from './value.ts';

/** ---- sums and products ---- */

const sums: Readonly<Record<string, string>> = {
  u1: 'vl_sum_u8',
  u2: 'vl_sum_u16',
  s4: 'vl_sum_i32',
  u4: 'vl_sum_u32',
};

const sumOf = (
  loop: TurningLoop,
  terms: readonly Value[],
  width: number,
  turns: number,
): HelperCall | undefined => {
  const loads = terms.map(load);
  const [one] = loads;
  if (!one || !loads.every((l) => l && l.size === one.size && l.signed === one.signed)) return undefined;
  const wraps = one.size === 4 && width === 32;
  const helper = sums[`${one.signed || wraps ? 's' : 'u'}${one.size}`];
  const first = firstOf(
    loop,
    loads.map((l) => l!.at),
    one.size,
    turns,
  );
  return helper && first ? { helper, args: [first, constant(turns * terms.length)] } : undefined;
};

const dotOf = (loop: TurningLoop, terms: readonly Value[], turns: number): HelperCall | undefined => {
  const pairs = terms.map((t) => {
    const atom = single(t);
    return atom?.kind === 'op' && atom.op === 'mul' ? atom.args.map(load) : [];
  });
  const [one] = pairs;
  const size = one?.[0]?.size;
  if (size !== 1 && size !== 2) return undefined;
  if (!pairs.every((p) => p.length === 2 && p.every((l) => l?.signed && l.size === size))) return undefined;
  // Which factor is whose is told by the distance to the first pair.
  const near = (p: readonly (Load | undefined)[], k: number) =>
    isConstant(minus(p[k]!.at, one![0]!.at)) && firstOf(loop, [p[k]!.at], size) === undefined;
  const sorted = pairs.map((p) => (near(p, 0) || !near(p, 1) ? p : [p[1], p[0]]));
  const [a, b] = [0, 1].map((k) =>
    firstOf(
      loop,
      sorted.map((p) => p[k]!.at),
      size,
      turns,
    ),
  );
  const helper = size === 1 ? 'vl_dot_i8' : 'vl_dot_i16';
  return a && b ? { helper, args: [a, b, constant(turns * terms.length)] } : undefined;
};

/** acc += element, or acc += element * element. */
const reduction = (loop: TurningLoop, { turns, counted, found }: Count, live: Live): Plan | undefined => {
  const [again] = loop.again;
  if (loop.again.length !== 1 || counted.length !== 1 || found.length > 0 || again!.walk.stores.length > 0)
    return undefined;
  const last = counted[0]!;
  for (let r = 0; r < 10; r++) {
    const after = again!.walk.regs[r]!;
    const added = minus(after, loop.atoms.register(r));
    if (loop.steps.has(r) || added.constant !== 0n || !added.terms.every((t) => t.by === 1n)) continue;
    const terms = added.terms.map(({ atom }) => ({ constant: 0n, terms: [{ atom, by: 1n }] }));
    const whole = live(last.to).some((d) => keyOf(last.walk.regs[d]!) === keyOf(after));
    const n = whole ? turns : turns - 1;
    const width = again!.walk.widths[r]!;
    const call = sumOf(loop, terms, width, n) ?? dotOf(loop, terms, n);
    if (!call || n * terms.length < MIN_ELEMENTS) continue;
    const wanted = keyOf(whole ? after : loop.atoms.register(r));
    const start = atTurn(loop, loop.atoms.register(r), 0n);
    const known = loop.entry[r];
    const from = typeof known === 'bigint' ? constant(known) : start;
    const otherwise = outcomeOf(loop, counted, live(last.to), turns - 1, (d, [way]) =>
      keyOf(way!.walk.regs[d]!) === wanted ? { kind: 'sum', start: from, width } : undefined,
    );
    if (otherwise) return { head: loop.head, body: loop.body, calls: [call], otherwise };
  }
  return undefined;
};

/** ---- smallest and largest ---- */

const extreme = (loop: TurningLoop, { turns, counted, found }: Count, live: Live): Plan | undefined => {
  if (loop.again.length !== 2 || counted.length !== 2 || found.length > 0) return undefined;
  if (loop.again.some((w) => w.walk.stores.length > 0)) return undefined;
  for (let r = 0; r < 10; r++) {
    const own = keyOf(loop.atoms.register(r));
    const taking = loop.again.find((w) => load(w.walk.regs[r]!));
    const keeping = loop.again.find((w) => keyOf(w.walk.regs[r]!) === own);
    if (!taking || !keeping) continue;
    const element = load(taking.walk.regs[r]!)!;
    const [condition] = dataConditions(loop, taking);
    const most = condition && takesLarger(condition, keyOf(taking.walk.regs[r]!));
    const type = condition && elementType(element, condition);
    const first = firstOf(loop, [element.at], element.size, turns);
    if (most === undefined || !type || !first || turns < MIN_ELEMENTS) continue;
    const known = loop.entry[r];
    const start = typeof known === 'bigint' ? constant(known) : loop.atoms.register(r);
    const wanted = [own, keyOf(taking.walk.regs[r]!)].sort().join();
    const otherwise = outcomeOf(loop, counted, live(counted[0]!.to), turns - 1, (d, ways) => {
      const values = ways.map((w) => keyOf(w.walk.regs[d]!)).sort();
      return values.join() === wanted
        ? { kind: 'best', start, most, signed: condition!.op.startsWith('js') }
        : undefined;
    });
    const call = { helper: `vl_${most ? 'max' : 'min'}_${type}`, args: [first, constant(turns)] };
    if (otherwise) return { head: loop.head, body: loop.body, calls: [call], otherwise };
  }
  return undefined;
};

/** ---- stores ---- */

/** A byte repeated: the same number in each byte of what is stored. */
const byteOf = (v: Value, size: number): Value | undefined => {
  if (!isConstant(v)) return size === 1 && usesRegistersOnly(v) ? v : undefined;
  const byte = v.constant & 255n;
  const repeated = (BigInt.asUintN(size * 8, 0x0101010101010101n) * byte) & ((1n << BigInt(size * 8)) - 1n);
  return BigInt.asUintN(size * 8, v.constant) === repeated ? constant(byte) : undefined;
};

const storeCalls = (loop: TurningLoop, { walk }: Way, turns: number): HelperCall[] | undefined => {
  const { stores } = walk;
  const [one] = stores;
  if (!one || !stores.every((s) => s.size === one.size)) return undefined;
  const to = firstOf(
    loop,
    stores.map((s) => s.at),
    one.size,
    turns,
  );
  const bytes = constant(turns * stores.length * one.size);
  if (!to || turns * stores.length * one.size < MIN_ELEMENTS) return undefined;
  const start = (values: readonly Value[]) => {
    const loads = values.map(load);
    const fits = loads.every((l, i) => {
      const away = l && minus(atTurn(loop, l.at, 0n), atTurn(loop, stores[i]!.at, 0n));
      const there = loads[0] && minus(atTurn(loop, loads[0].at, 0n), atTurn(loop, stores[0]!.at, 0n));
      return l?.size === one.size && away && there && keyOf(away) === keyOf(there);
    });
    return fits
      ? firstOf(
          loop,
          loads.map((l) => l!.at),
          one.size,
          turns,
        )
      : undefined;
  };
  const from = start(stores.map((s) => s.value));
  if (from) return [{ helper: 'vl_mem_copy', args: [to, from, bytes] }];
  const byte = byteOf(atTurn(loop, one.value, 0n), one.size);
  if (byte && stores.every((s) => strideOf(loop, s.value) === 0n && keyOf(s.value) === keyOf(one.value)))
    return [{ helper: 'vl_mem_fill', args: [to, byte, bytes] }];
  return xorCalls(
    stores.map((s) => s.value),
    start,
    to,
    bytes,
  );
};

const xorCalls = (
  values: readonly Value[],
  start: (values: readonly Value[]) => Value | undefined,
  to: Value,
  bytes: Value,
): HelperCall[] | undefined => {
  const atoms = values.map(single);
  if (!atoms.every((a) => a?.kind === 'op' && a.op === 'xor')) return undefined;
  const [a, b] = [0, 1].map((k) => start(atoms.map((x) => (x as Atom & { kind: 'op' }).args[k]!)));
  if (!a || !b) return undefined;
  const xor = (from: Value): HelperCall => ({ helper: 'vl_mem_xor', args: [to, from, bytes] });
  if (keyOf(a) === keyOf(to)) return [xor(b)];
  if (keyOf(b) === keyOf(to)) return [xor(a)];
  return [{ helper: 'vl_mem_copy', args: [to, a, bytes] }, xor(b)];
};

const storing = (loop: TurningLoop, { turns, counted, found }: Count, live: Live): Plan | undefined => {
  const [again] = loop.again;
  const [last] = counted;
  if (loop.again.length !== 1 || counted.length !== 1 || found.length > 0) return undefined;
  if (again!.walk.stores.length === 0 || last!.walk.stores.length % again!.walk.stores.length !== 0)
    return undefined;
  const n = last!.walk.stores.length > 0 ? turns : turns - 1;
  const histogram = histogramCall(loop, again!, n);
  const calls = histogram ? [histogram] : storeCalls(loop, again!, n);
  const otherwise = calls && outcomeOf(loop, counted, live(last!.to), turns - 1, () => undefined);
  return otherwise && { head: loop.head, body: loop.body, calls, otherwise };
};

/** ---- searches ---- */

const isEqual = ({ op, taken }: Condition): boolean | undefined =>
  op === 'jeq' || op === 'jne' ? (op === 'jeq') === taken : undefined;

/** The turn in which it was found is what the helper returns. */
const placed = (loop: TurningLoop, v: Value): Result | undefined => {
  const by = strideOf(loop, v);
  const start = atTurn(loop, v, 0n);
  return by === undefined || !usesRegistersOnly(start) ? undefined : { kind: 'place', by, plus: start };
};

const searching = (loop: TurningLoop, { turns, counted, found }: Count, live: Live): Plan | undefined => {
  const [again] = loop.again;
  if (loop.again.length !== 1 || counted.length !== 1 || found.length !== 1) return undefined;
  if (again!.walk.stores.length > 0) return undefined;
  const [condition, other] = dataConditions(loop, found[0]!);
  const [left, right] = [condition && load(condition.left), condition && load(condition.right)];
  if (!condition || other || isEqual(condition) === undefined) return undefined;
  const whole = dataConditions(loop, counted[0]!).length > 0;
  const n = whole ? turns : turns - 1;
  if (n < MIN_ELEMENTS) return undefined;
  const element = left ?? right;
  const first = (l: Load) => (l.size === 1 ? firstOf(loop, [l.at], 1) : firstOf(loop, [l.at], l.size));
  const at = element && first(element);
  const base = { head: loop.head, body: loop.body };
  const otherwise = outcomeOf(loop, counted, live(counted[0]!.to), turns - 1, () => undefined);
  if (!at || !otherwise) return undefined;
  if (left && right) {
    const [a, b] = [first(left), first(right)];
    const outcome = outcomeOf(loop, found, live(found[0]!.to), 0, (d, [w]) =>
      strideOf(loop, w!.walk.regs[d]!) === 0n ? undefined : { kind: 'place', by: 0n, plus: constant(0) },
    );
    const moves = live(found[0]!.to).some((d) => strideOf(loop, found[0]!.walk.regs[d]!) !== 0n);
    if (!a || !b || !outcome || moves || isEqual(condition) || left.size !== right.size) return undefined;
    const args = [a, b, constant(n * left.size)];
    return {
      ...base,
      calls: [{ helper: 'vl_mem_compare', args }],
      special: { when: 'not zero', outcome },
      otherwise,
    };
  }
  const wanted = atTurn(loop, left ? condition.right : condition.left, 0n);
  if (!isEqual(condition) || element.size !== 1 || !usesRegistersOnly(wanted)) return undefined;
  const hit = outcomeOf(loop, found, live(found[0]!.to), 0, (d, [w]) => {
    const value = w!.walk.regs[d]!;
    return strideOf(loop, value) === 0n ? undefined : placed(loop, value);
  });
  if (!hit) return undefined;
  const call = { helper: 'vl_mem_find', args: [at, constant(n), wanted] };
  // Found: r0 is not negative.
  return { ...base, calls: [call], special: { when: 'negative', outcome: otherwise }, otherwise: hit };
};

/** What may take the place of a loop. */
export const plansFor = (loop: TurningLoop, live: Live): Plan[] => {
  const count = countOf(loop);
  if (!count) return [];
  return [reduction, extreme, placing, storing, searching].flatMap((match) => match(loop, count, live) ?? []);
};
