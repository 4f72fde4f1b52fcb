/** One pair of the training data: a fast window made slow by families, its instructions mixed, its registers named anew. */

import type { Random } from '../../ebpf/random.ts';
import { mapRegisters, spell } from '../window/canonical.ts';
import { agree, registersIn } from '../window/evaluate.ts';
import { readBy, writtenBy } from '../window/names.ts';
import { dependences, ordered } from '../window/order.ts';
import { MAX_WINDOW, type PlainOperation, type Window } from '../window/window.ts';
import { allocate } from './allocate.ts';
import type { Family } from './families/index.ts';
import type { Webs } from './webs.ts';

export type Pair = {
  readonly slow: Window;
  readonly fast: readonly PlainOperation[];
  /** Families that made it slow; none for a window that has nothing to gain. */
  readonly families: readonly string[];
};

/** A piece of slow code, and the fast operations that it stands for. */
type Piece = { readonly op: PlainOperation; readonly origin: number };

const bitsBefore = (ops: readonly PlainOperation[], index: number) => (name: number) => {
  const last = ops.slice(0, index).findLast((op) => writtenBy(op) === name);
  if (last === undefined) return 64;
  if (last.kind === 'load' && !last.signed) return last.size * 8;
  if (last.kind === 'swap') return last.bits;
  return last.kind === 'alu' && last.width === 32 ? 32 : 64;
};

const isDead = (ops: readonly PlainOperation[], webs: Webs) => (name: number, index: number) =>
  !webs.liveOut.has(name) && !ops.slice(index + 1).some((op) => readBy(op).includes(name));

type Draft = { pieces: Piece[]; nextName: number; used: string[] };

const weighted = (families: readonly Family[], random: Random): Family => {
  let at = random.below(families.reduce((n, f) => n + f.weight, 0));
  for (const f of families) {
    at -= f.weight;
    if (at < 0) return f;
  }
  return families[0]!;
};

/** Where the family fits, tried in random order. */
const expandOnce = (draft: Draft, webs: Webs, family: Family, random: Random): boolean => {
  const ops = draft.pieces.map((p) => p.op);
  for (const index of random.shuffle([...ops.keys()])) {
    let next = draft.nextName;
    const around = { random, fresh: () => next++, bits: bitsBefore(ops, index), dead: isDead(ops, webs) };
    const made = family.expand(ops, index, around);
    if (!made || ops.length - made.consumed + made.pieces.length > MAX_WINDOW) continue;
    const { origin } = draft.pieces[index + made.consumed - 1]!;
    draft.pieces.splice(index, made.consumed, ...made.pieces.map((op) => ({ op, origin })));
    draft.nextName = next;
    draft.used.push(family.name);
    return true;
  }
  return false;
};

/** Priorities that mix code: each piece near its place, at random, or in the strands it belongs to. */
const mixing = (pieces: readonly Piece[], random: Random): ((i: number) => number) => {
  const style = random.below(5);
  const spread = style === 0 ? 0 : style < 3 ? 4 : 40;
  const noise = pieces.map((_, i) => i + (spread === 0 ? 0 : random.below(spread * 100) / 100));
  return (i) => noise[i]!;
};

/** The fast operations in the order in which the slow code finishes each. */
const fastOrder = (webs: Webs, slow: readonly Piece[]): PlainOperation[] => {
  const finished = webs.operations.map((_, k) => slow.findLastIndex((p) => p.origin === k));
  for (let k = finished.length - 2; k >= 0; k--) if (finished[k]! < 0) finished[k] = finished[k + 1]! - 0.01;
  const order = ordered(dependences(webs.operations), (k) => finished[k]!);
  return order.map((k) => webs.operations[k]!);
};

const maskOf = (names: Iterable<number>, to: (name: number) => number): number => {
  let mask = 0;
  for (const name of names) mask |= 1 << to(name);
  return mask;
};

const isIdle = (op: PlainOperation): boolean =>
  op.kind === 'alu' && op.op === 'mov' && op.width === 64 && op.src.kind === 'reg' && op.src.reg === op.dst;

const RUNS = 6;

const finish = (webs: Webs, draft: Draft, random: Random): Pair | undefined => {
  const order = ordered(dependences(draft.pieces.map((p) => p.op)), mixing(draft.pieces, random));
  const slow = order.map((i) => draft.pieces[i]!);
  const fast = fastOrder(webs, slow);
  const to = allocate([slow.map((p) => p.op), fast], webs, random);
  if (!to) return undefined;
  const renamed = (ops: readonly PlainOperation[]) =>
    ops.map((op) => mapRegisters(op, to)).filter((op) => !isIdle(op));
  const window = { operations: renamed(slow.map((p) => p.op)), liveOut: maskOf(webs.liveOut, to) };
  const { window: spelled, names, offsets } = spell(window);
  const back = new Map(names.map((r, i) => [r, i]));
  back.set(10, 10);
  const made = renamed(fast);
  if (made.some((op) => registersTouched(op).some((r) => !back.has(r)))) return undefined;
  const answer = made.map((op) => {
    const named = mapRegisters(op, (r) => back.get(r)!);
    if (named.kind === 'load') return { ...named, off: named.off - (offsets.get(named.src) ?? 0) };
    return named.kind === 'store' ? { ...named, off: named.off - (offsets.get(named.dst) ?? 0) } : named;
  });
  if (!agree(spelled.operations, answer, registersIn(spelled.liveOut), RUNS)) return undefined;
  return { slow: spelled, fast: answer, families: draft.used };
};

const registersTouched = (op: PlainOperation): number[] => {
  const out: number[] = [];
  mapRegisters(op, (r) => {
    out.push(r);
    return r;
  });
  return out;
};

export type PairOptions = {
  readonly families: readonly Family[];
  /** Expansions wanted. */
  readonly times: number;
  /** The family of the first one. */
  readonly first?: Family;
};

/** Undefined when no family fits, or the slow code needs too many registers. */
export const makePair = (webs: Webs, random: Random, options: PairOptions): Pair | undefined => {
  const pieces = webs.operations.map((op, origin) => ({ op, origin }));
  const draft: Draft = { pieces, nextName: webs.nextName, used: [] };
  if (options.first && !expandOnce(draft, webs, options.first, random)) return undefined;
  for (let tries = 0; draft.used.length < options.times && tries < options.times * 12; tries++)
    expandOnce(draft, webs, weighted(options.families, random), random);
  if (options.times > 0 && draft.used.length === 0) return undefined;
  const pair = finish(webs, draft, random);
  if (!pair || (options.times > 0 && pair.fast.length >= pair.slow.operations.length)) return undefined;
  return pair;
};
