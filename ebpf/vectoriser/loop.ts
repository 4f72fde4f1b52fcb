/** Innermost loops, whatever the order of their blocks: what one turn does on each way through it, and how often it turns. */
import type { Branch } from '../instruction.ts';
import { type Code, positionsOf, successors } from '../optimiser/code.ts';
import { constantsOf, feasible, isTaken, type Known, transfer } from '../optimiser/constants.ts';
import { Atoms, constant, isConstant, keyOf, minus, plus, type Value, Walk } from './value.ts';

export type Condition = {
  readonly op: Branch['op'];
  readonly width: 32 | 64;
  readonly left: Value;
  readonly right: Value;
  readonly taken: boolean;
};

/** One way from the head of the loop back to it, or out of it. */
export type Way = {
  readonly walk: Walk;
  readonly conditions: readonly Condition[];
  /** Where it leads: the head, or a node outside. */
  readonly to: number;
};

export type TurningLoop = {
  readonly head: number;
  readonly body: ReadonlySet<number>;
  readonly atoms: Atoms;
  readonly again: readonly Way[];
  readonly out: readonly Way[];
  /** What registers hold that are known when the loop is entered. */
  readonly entry: readonly Known[];
  /** By register, what each turn adds to it. */
  readonly steps: ReadonlyMap<number, bigint>;
};

const MAX_WAYS = 8;
const MAX_BODY = 160;
const MAX_TURNS = 4096;

/** Nodes from which `latch` is reached without passing `head`; undefined when the start is among them. */
const bodyOf = (before: readonly number[][], head: number, latch: number): Set<number> | undefined => {
  const body = new Set([head, latch]);
  const work = head === latch ? [] : [latch];
  for (let i = work.pop(); i !== undefined; i = work.pop())
    for (const from of before[i]!) {
      if (body.has(from)) continue;
      body.add(from);
      work.push(from);
    }
  return body.has(0) && head !== 0 ? undefined : body;
};

/** The body by head, of loops that are entered at their head only. */
export const naturalLoops = (code: Code): Map<number, Set<number>> => {
  const positions = positionsOf(code);
  const next = code.map((_, i) => successors(code, i, positions));
  const before: number[][] = code.map(() => []);
  next.forEach((tos, i) => {
    for (const to of tos) before[to]!.push(i);
  });
  const loops = new Map<number, Set<number>>();
  const open = new Set<number>();
  const seen = new Set<number>();
  const stack: [number, number][] = [[0, 0]];
  open.add(0);
  seen.add(0);
  while (stack.length > 0) {
    const top = stack.at(-1)!;
    const to = next[top[0]]![top[1]++];
    if (to === undefined) {
      open.delete(top[0]);
      stack.pop();
    } else if (open.has(to)) {
      const body = bodyOf(before, to, top[0]);
      if (body) loops.set(to, new Set([...(loops.get(to) ?? []), ...body]));
    } else if (!seen.has(to)) {
      seen.add(to);
      open.add(to);
      stack.push([to, 0]);
    }
  }
  for (const [head, body] of loops)
    if ([...body].some((i) => i !== head && before[i]!.some((from) => !body.has(from)))) loops.delete(head);
  return loops;
};

export const conditionOf = (op: Branch, walk: Walk, taken: boolean): Condition => ({
  op: op.op,
  width: op.width,
  left: walk.regs[op.dst]!,
  right: op.src.kind === 'imm' ? constant(op.src.imm) : walk.regs[op.src.reg]!,
  taken,
});

export const isSame = (a: Condition, b: Condition): boolean =>
  a.op === b.op &&
  a.width === b.width &&
  keyOf(a.left) === keyOf(b.left) &&
  keyOf(a.right) === keyOf(b.right);

/** Whether a condition holds for what came before on its way; undefined when that says nothing about it. */
const settled = (c: Condition, before: readonly Condition[]): boolean | undefined => {
  if (isConstant(c.left) && isConstant(c.right))
    return isTaken(c.op, c.width, c.left.constant, c.right.constant) === c.taken;
  const known = before.find((b) => isSame(b, c));
  return known && known.taken === c.taken;
};

/** Every way through one turn; undefined when there are too many, or something on them is not understood. */
const waysOf = (code: Code, head: number, body: ReadonlySet<number>, atoms: Atoms): Way[] | undefined => {
  const positions = positionsOf(code);
  const done: Way[] = [];
  const open: { at: number; walk: Walk; conditions: readonly Condition[]; length: number }[] = [
    { at: head, walk: new Walk(atoms), conditions: [], length: 0 },
  ];
  for (let way = open.pop(); way; way = open.pop()) {
    const { op } = code[way.at]!;
    const follow = (to: number, walk: Walk, conditions: readonly Condition[]) => {
      if (to === head || !body.has(to)) done.push({ walk, conditions, to });
      else open.push({ at: to, walk, conditions, length: way!.length + 1 });
    };
    if (way.length > MAX_BODY || done.length + open.length > MAX_WAYS) return undefined;
    const next = successors(code, way.at, positions);
    if (op.kind === 'branch') {
      const target = positions.get(code[way.at]!.target!)!;
      for (const to of new Set(next)) {
        const condition = conditionOf(op, way.walk, to === target);
        const holds = settled(condition, way.conditions);
        const conditions = holds ? way.conditions : [...way.conditions, condition];
        if (holds !== false) follow(to, new Walk(atoms, way.walk), conditions);
      }
    } else if (op.kind === 'jump' || way.walk.step(op)) {
      if (next.length !== 1) return undefined;
      follow(next[0]!, way.walk, way.conditions);
    } else return undefined;
  }
  return done;
};

/** What is known of registers where the loop is entered from outside. */
export const entryOf = (code: Code, head: number, body: ReadonlySet<number>): Known[] | undefined => {
  const before = constantsOf(code);
  const positions = positionsOf(code);
  let regs: Known[] | undefined;
  code.forEach((node, i) => {
    const state = before[i];
    if (body.has(i) || !state || !feasible(code, i, state, positions).includes(head)) return;
    const after = [...state];
    transfer(node.op, after);
    regs = regs ? regs.map((k, r) => (k === after[r] ? k : undefined)) : after;
  });
  return regs;
};

/** Registers to which every way back adds the same constant. */
export const stepsOf = (again: readonly Way[], atoms: Atoms): Map<number, bigint> => {
  const steps = new Map<number, bigint>();
  for (let r = 0; r <= 10; r++) {
    const added = again.map(({ walk }) => minus(walk.regs[r]!, atoms.register(r)));
    if (added.every((v) => isConstant(v) && v.constant === added[0]!.constant))
      steps.set(r, added[0]!.constant);
  }
  return steps;
};

export const turningLoops = (code: Code): TurningLoop[] =>
  [...naturalLoops(code)].flatMap(([head, body]): TurningLoop[] => {
    if (body.size > MAX_BODY || head === 0) return [];
    const atoms = new Atoms();
    const ways = waysOf(code, head, body, atoms);
    const entry = entryOf(code, head, body);
    if (!ways || !entry) return [];
    const again = ways.filter((w) => w.to === head);
    if (again.length === 0) return [];
    const out = ways.filter((w) => w.to !== head);
    return [{ head, body, atoms, again, out, entry, steps: stepsOf(again, atoms) }];
  });

/** A value at turn `turn` with what is known at entry put in; registers that stay and are not known stay as they are. */
export const atTurn = (loop: TurningLoop, value: Value, turn: bigint): Value => {
  let out: Value = constant(value.constant);
  for (const { atom, by } of value.terms) {
    const step = atom.kind === 'reg' ? loop.steps.get(atom.reg) : undefined;
    if (atom.kind !== 'reg' || step === undefined) {
      out = plus(out, { constant: 0n, terms: [{ atom, by }] });
      continue;
    }
    const known = loop.entry[atom.reg];
    const start = typeof known === 'bigint' ? constant(known) : loop.atoms.register(atom.reg);
    out = plus(out, plus(start, constant(step * turn)), by);
  }
  return out;
};

/** Whether a condition is one of the count: it follows from the number of the turn. */
export const holdsAt = (loop: TurningLoop, c: Condition, turn: bigint): boolean | undefined => {
  const [left, right] = [atTurn(loop, c.left, turn), atTurn(loop, c.right, turn)];
  if (isConstant(left) && isConstant(right))
    return isTaken(c.op, c.width, left.constant, right.constant) === c.taken;
  const difference = minus(left, right);
  if (!isConstant(difference) || (c.op !== 'jeq' && c.op !== 'jne')) return undefined;
  return ((difference.constant === 0n) === (c.op === 'jeq')) === c.taken;
};

/** Conditions that hang on what the loop reads, not on the count. */
export const dataConditions = (loop: TurningLoop, way: Way): Condition[] =>
  way.conditions.filter((c) => holdsAt(loop, c, 0n) === undefined);

export type Count = {
  /** Turns until the count ends the loop, the one that it ends in among them. */
  readonly turns: number;
  /** Ways out because of the count, and ways out because of what was read. */
  readonly counted: readonly Way[];
  readonly found: readonly Way[];
};

const may = (loop: TurningLoop, turn: number) => (w: Way) =>
  w.conditions.every((c) => holdsAt(loop, c, BigInt(turn)) !== false);

/** Undefined when the number of turns is no constant. */
export const countOf = (loop: TurningLoop): Count | undefined => {
  for (let turn = 0; turn < MAX_TURNS; turn++) {
    if (loop.again.some(may(loop, turn))) continue;
    const found = turn === 0 ? [] : loop.out.filter(may(loop, 0));
    const counted = loop.out.filter((w) => may(loop, turn)(w) && !found.includes(w));
    return counted.length > 0 ? { turns: turn + 1, counted, found } : undefined;
  }
  return undefined;
};
