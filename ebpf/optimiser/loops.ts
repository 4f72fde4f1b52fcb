/** Loops with a constant number of turns: finding them, and unrolling them whole or in part. */

import { registersOf } from '../prover/flow.ts';
import {
  type Code,
  copyCode,
  jumpTarget,
  type Node,
  nodeOf,
  positionsOf,
  replaceNodes,
  sizeOf,
} from './code.ts';
import { constantsOf, feasible, type Known, refine, transfer } from './constants.ts';

/** A loop that lies in one piece, header first, closing jump last. */
export type Loop = {
  readonly header: number;
  readonly latch: number;
  readonly trips: number | undefined;
  /** How often each node of a loop of few turns may be done, where other things than a count may end it; undefined for any other. */
  readonly visits: ReadonlyMap<number, number> | undefined;
};

/** Longest loop that is followed. */
const MAX_TRIPS = 4096;
/** More turns than these are many. */
const MANY_TRIPS = 8;

const isWhole = (code: Code, header: number, latch: number, positions: ReadonlyMap<Node, number>): boolean =>
  code.every((node, i) => {
    const target = jumpTarget(node);
    if (!target) return true;
    const to = positions.get(target)!;
    const inside = i >= header && i <= latch;
    if (!inside) return to <= header || to > latch;
    return to !== header || i === latch;
  });

/** Registers before the header when it is entered from outside. */
const entryRegisters = (code: Code, header: number, latch: number): Known[] | undefined => {
  const before = constantsOf(code);
  const positions = positionsOf(code);
  let regs: Known[] | undefined;
  code.forEach((node, i) => {
    const state = before[i];
    if ((i >= header && i <= latch) || !state || !feasible(code, i, state, positions).includes(header))
      return;
    const after = [...state];
    transfer(node.op, after);
    regs = meetAll(regs, after);
  });
  if (header === 0) return undefined;
  return regs;
};

const meetAll = (a: readonly Known[] | undefined, b: readonly Known[]): Known[] =>
  a ? a.map((k, r) => (k === b[r] ? k : undefined)) : [...b];

type Turn = { again: Known[] | undefined; sure: boolean; reached: Iterable<number> };

/** One turn on constants: whether the closing jump is taken, and with which registers. */
const turn = (
  code: Code,
  loop: { header: number; latch: number },
  entry: Known[],
  inner: Map<number, number>,
): Turn => {
  const positions = positionsOf(code);
  const before = new Map<number, Known[]>([[loop.header, entry]]);
  let again: Known[] | undefined;
  let sure = true;
  for (let i = loop.header; i <= loop.latch; i++) {
    const regs = before.get(i);
    if (!regs) continue;
    const end = inner.get(i);
    if (end !== undefined) forget(code, i, end, regs);
    const next = feasible(code, i, regs, positions);
    const after = [...regs];
    transfer(code[i]!.op, after);
    for (const to of next) {
      if (to === loop.header) again = next.length > 1 ? refine(code, i, to, after) : after;
      else if (to > i) before.set(to, meetAll(before.get(to), after));
    }
    if (i === loop.latch && next.length > 1) sure = false;
  }
  return { again, sure, reached: before.keys() };
};

const forget = (code: Code, from: number, to: number, regs: Known[]): void => {
  for (let i = from; i <= to; i++) {
    const { writes } = registersOf(code[i]!.op);
    for (let r = 0; r <= 10; r++) if (writes & (1 << r)) regs[r] = undefined;
  }
};

const countTrips = (
  code: Code,
  header: number,
  latch: number,
  inner: Map<number, number>,
): Pick<Loop, 'trips' | 'visits'> => {
  const visits = new Map<number, number>();
  let regs = entryRegisters(code, header, latch);
  let isCounted = true;
  for (let trips = 1; regs && trips <= (isCounted ? MAX_TRIPS : MANY_TRIPS); trips++) {
    const { again, sure, reached } = turn(code, { header, latch }, [...regs], inner);
    isCounted &&= sure;
    for (const i of reached) visits.set(i, (visits.get(i) ?? 0) + 1);
    if (!again) return isCounted ? { trips, visits: undefined } : { trips: undefined, visits };
    regs = again;
  }
  return { trips: undefined, visits: undefined };
};

/** Loops of the program, inner ones before those around them. */
export const loopsOf = (code: Code): Loop[] => {
  const positions = positionsOf(code);
  const spans: { header: number; latch: number }[] = [];
  code.forEach((node, latch) => {
    const target = jumpTarget(node);
    if (!target) return;
    const header = positions.get(target)!;
    if (header <= latch && isWhole(code, header, latch, positions)) spans.push({ header, latch });
  });
  spans.sort((a, b) => a.latch - a.header - (b.latch - b.header));
  return spans.map((span) => {
    const inner = new Map(
      spans
        .filter((s) => s !== span && s.header >= span.header && s.latch <= span.latch)
        .map((s) => [s.header, s.latch]),
    );
    return { ...span, ...countTrips(code, span.header, span.latch, inner) };
  });
};

/** `copies` turns in a row. The closing jump stays in the last one when `closed`, and is known not to be taken otherwise. */
const repeat = (code: Code, loop: Loop, copies: number, closed: boolean): Code => {
  const base = copyCode(code);
  const body = base.slice(loop.header, loop.latch + 1);
  const turns: Node[][] = [];
  for (let i = 0; i < copies; i++) {
    const twin = new Map(body.map((n) => [n, nodeOf(n.op)]));
    for (const n of body) if (n.target) twin.get(n)!.target = twin.get(n.target) ?? n.target;
    turns.push(body.map((n) => twin.get(n)!));
  }
  turns.forEach((nodes, i) => {
    const last = i === copies - 1;
    const latch = nodes.at(-1)!;
    const isJump = latch.op.kind === 'jump';
    if (last && closed) latch.target = turns[0]![0]!;
    else if (last && isJump) latch.target = nodes[0]!;
    else latch.target = last ? latch : turns[i + 1]![0]!;
  });
  const first = turns[0]![0]!;
  const header = body[0]!;
  const out = [...base.slice(0, loop.header), ...turns.flat(), ...base.slice(loop.latch + 1)];
  for (const n of out) if (n.target === header) n.target = first;
  const removable = new Set(turns.slice(0, closed ? -1 : undefined).map((nodes) => nodes.at(-1)!));
  return replaceNodes(out, (n) =>
    removable.has(n) && !(n.op.kind === 'jump' && n.target === turns.at(-1)![0]) ? [] : undefined,
  );
};

/** The loop's turns one after the other; undefined when that takes more slots than `maxSlots`. */
export const unrollWhole = (code: Code, loop: Loop, maxSlots: number): Code | undefined => {
  if (loop.trips === undefined) return undefined;
  const size = sizeOf(code.slice(loop.header, loop.latch + 1));
  if (sizeOf(code) + size * (loop.trips - 1) > maxSlots) return undefined;
  return repeat(code, loop, loop.trips, false);
};

/** `factor` turns between two closing jumps; undefined when it does not divide the number of turns. */
export const unrollPart = (code: Code, loop: Loop, factor: number, maxSlots: number): Code | undefined => {
  const { trips } = loop;
  if (
    trips === undefined ||
    trips % factor !== 0 ||
    trips === factor ||
    code[loop.latch]!.op.kind !== 'branch'
  )
    return undefined;
  const size = sizeOf(code.slice(loop.header, loop.latch + 1));
  if (sizeOf(code) + size * (factor - 1) > maxSlots) return undefined;
  return repeat(code, loop, factor, true);
};
