/**
 * One turn of a loop that has others inside, or many ways through it, as one way: what a loop inside may change, and what differs
 * where ways meet, is a number about which nothing is known.
 */
import { type Code, positionsOf, successors } from '../optimiser/code.ts';
import { registersOf } from '../prover/flow.ts';
import {
  type Condition,
  conditionOf,
  entryOf,
  isSame,
  naturalLoops,
  stepsOf,
  type TurningLoop,
  type Way,
} from './loop.ts';
import { Atoms, keyOf, Walk } from './value.ts';

const MAX_BODY = 256;

/** Nodes of the body, each behind all that lead to it but by jumps back. */
const inOrder = (code: Code, head: number, body: ReadonlySet<number>): number[] => {
  const positions = positionsOf(code);
  const next = (i: number) => successors(code, i, positions).filter((to) => body.has(to) && to !== head);
  const order: number[] = [];
  const seen = new Set([head]);
  const stack = [{ at: head, open: next(head) }];
  while (stack.length > 0) {
    const top = stack.at(-1)!;
    const to = top.open.pop();
    if (to === undefined) {
      order.push(top.at);
      stack.pop();
    } else if (!seen.has(to)) {
      seen.add(to);
      stack.push({ at: to, open: next(to) });
    }
  }
  return order.reverse();
};

type Here = { readonly walk: Walk; readonly conditions: readonly Condition[] };

/** What holds however a node was come to. */
const joined = (atoms: Atoms, a: Here | undefined, b: Here, at: number): Here => {
  if (!a) return b;
  const walk = new Walk(atoms, a.walk);
  walk.regs.forEach((value, r) => {
    if (keyOf(value) !== keyOf(b.walk.regs[r]!)) walk.regs[r] = atoms.operation(`either ${at} r${r}`, []);
  });
  const conditions = a.conditions.filter((c) =>
    b.conditions.some((o) => isSame(c, o) && c.taken === o.taken),
  );
  return { walk, conditions };
};

/** Registers that a loop inside may change; undefined when it may change anything else. */
const changedIn = (code: Code, inner: ReadonlySet<number>): number | undefined => {
  let changed = 0;
  for (const i of inner) {
    const { op } = code[i]!;
    if (op.kind === 'store' || op.kind === 'atomic' || op.kind === 'call' || op.kind === 'callx')
      return undefined;
    changed |= registersOf(op).writes;
  }
  return changed;
};

const waysThrough = (
  code: Code,
  head: number,
  body: ReadonlySet<number>,
  inner: ReadonlyMap<number, ReadonlySet<number>>,
  atoms: Atoms,
): Way[] | undefined => {
  const positions = positionsOf(code);
  const order = inOrder(code, head, body);
  const rank = new Map(order.map((at, n) => [at, n]));
  const here = new Map<number, Here>([[head, { walk: new Walk(atoms), conditions: [] }]]);
  const ways: Way[] = [];
  for (const at of order) {
    const state = here.get(at)!;
    const { op } = code[at]!;
    const walk = new Walk(atoms, state.walk);
    const loop = inner.get(at);
    const changed = loop ? changedIn(code, loop) : 0;
    if (changed === undefined) return undefined;
    for (let r = 0; r < 10; r++)
      if (changed & (1 << r)) walk.regs[r] = atoms.operation(`inside ${at} r${r}`, []);
    if (op.kind !== 'branch' && op.kind !== 'jump' && !walk.step(op)) return undefined;
    if (walk.stores.length > 0) return undefined;
    for (const to of new Set(successors(code, at, positions))) {
      const taken = op.kind === 'branch' && to === positions.get(code[at]!.target!);
      const own = op.kind === 'branch' ? [conditionOf(op, walk, taken)] : [];
      const next = { walk, conditions: [...state.conditions, ...own] };
      if (to === head || !body.has(to)) ways.push({ ...next, to });
      else if (rank.get(to)! > rank.get(at)!) here.set(to, joined(atoms, here.get(to), next, to));
    }
  }
  return ways;
};

/** Loops that store and call nothing, each as one way back to its head and ways out. */
export const summarisedLoops = (code: Code): TurningLoop[] => {
  const loops = naturalLoops(code);
  return [...loops].flatMap(([head, body]): TurningLoop[] => {
    if (body.size > MAX_BODY || head === 0) return [];
    const inner = new Map([...loops].filter(([h, b]) => h !== head && [...b].every((i) => body.has(i))));
    const atoms = new Atoms();
    const ways = waysThrough(code, head, body, inner, atoms);
    const entry = entryOf(code, head, body);
    const back = ways?.filter((w) => w.to === head) ?? [];
    if (!ways || !entry || back.length === 0) return [];
    const again = [{ ...back.reduce((a, b) => ({ ...joined(atoms, a, b, head), to: head })), to: head }];
    const out = ways.filter((w) => w.to !== head);
    return [{ head, body, atoms, again, out, entry, steps: stepsOf(again, atoms) }];
  });
};
