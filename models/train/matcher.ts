/**
 * The honest baseline beside the model: the families of the training data as templates, matched along the flow of data, whatever
 * stands between, and put in the place of what they match. What it knows, people wrote down; what it lacks, it can't find.
 */
import type { AluOp, Size, Width } from '../../ebpf/instruction.ts';
import { Random } from '../../ebpf/random.ts';
import { mapRegisters } from '../window/canonical.ts';
import { windowsAgree } from '../window/evaluate.ts';
import { namesIn } from '../window/names.ts';
import type { PlainOperation, Window } from '../window/window.ts';
import { alu, type Family, imm, load, mov, store } from './families/family.ts';
import { type Webs, websOf } from './webs.ts';

type Template = { readonly slow: readonly PlainOperation[]; readonly fast: readonly PlainOperation[] };

const [A, B, C] = [100, 101, 102];
const FIRST_SPARE = 110;
const WIDTHS: readonly Width[] = [32, 64];
const CONSTANTS = [
  -1,
  -2,
  -4,
  -8,
  -16,
  -64,
  0xff,
  0xffff,
  0x7f,
  0xfff,
  0x3f,
  7,
  15,
  ...Array.from({ length: 30 }, (_, i) => i + 2),
];

/** Fast code that families may start from. */
const fastForms = (): PlainOperation[][] => {
  const out: PlainOperation[][] = [];
  const two: AluOp[] = ['add', 'sub', 'and', 'or', 'xor'];
  for (const w of WIDTHS) {
    for (const op of two) out.push([alu(w, op, A, B)]);
    for (const c of CONSTANTS) {
      for (const op of ['and', 'mul', 'lsh', 'rsh', 'arsh'] as const) out.push([alu(w, op, A, imm(c))]);
      out.push([alu(w, 'xor', A, B), alu(w, 'and', A, imm(c)), alu(w, 'xor', A, B)]);
    }
    out.push([mov(A, B, w)], [{ kind: 'neg', width: w, dst: A }]);
    for (const bits of [8, 16, 32] as const) out.push([{ kind: 'movsx', width: w, bits, dst: A, src: A }]);
    for (const inner of two)
      for (const outer of ['mul', 'and', 'or'] as const) out.push([alu(w, inner, A, B), alu(w, outer, A, C)]);
  }
  for (const size of [2, 4, 8] as Size[]) {
    const bits = (size * 8) as 16 | 32 | 64;
    out.push([load(size, A, B, 0)], [store(size, B, 0, A)], [load(size, A, B, 0), store(size, C, 0, A)]);
    out.push([load(size, A, B, 0), { kind: 'swap', order: 'be', bits, dst: A }]);
    out.push([{ kind: 'swap', order: 'be', bits, dst: A }, store(size, B, 0, A)]);
    out.push([store(size, B, 0, imm(0))]);
  }
  return out;
};

const SEEDS = 40;

/** Every spelling of a family that random tries come across; those with most instructions first. */
export const templatesOf = (families: readonly Family[]): Template[] => {
  const random = new Random(5);
  const found = new Map<string, Template>();
  for (const fast of fastForms())
    for (const family of families)
      for (let i = 0; i < SEEDS; i++) {
        let next = FIRST_SPARE;
        const around = { random, fresh: () => next++, bits: () => 64, dead: () => true };
        const made = family.expand(fast, 0, around);
        if (made?.consumed !== fast.length || made.pieces.length <= fast.length) continue;
        found.set(JSON.stringify(made.pieces), { slow: made.pieces, fast });
      }
  return [...found.values()].sort((a, b) => b.slow.length - a.slow.length);
};

type Match = {
  readonly names: Map<number, number>;
  readonly shifts: Map<number, number>;
  readonly at: number[];
};

const shape = (op: PlainOperation): string => {
  const source =
    'src' in op && typeof op.src === 'object' ? (op.src.kind === 'imm' ? op.src.imm : 'reg') : '';
  const flat = mapRegisters(op, () => 0) as Record<string, unknown>;
  return JSON.stringify({ ...flat, off: 0, source });
};

/** The match with one more operation; undefined when names or places do not agree. */
const extend = (
  match: Match,
  template: PlainOperation,
  op: PlainOperation,
  at: number,
): Match | undefined => {
  const [wanted, given] = [namesIn(template), namesIn(op)];
  const names = new Map(match.names);
  for (const [i, name] of wanted.entries()) {
    const known = names.get(name);
    if (known === undefined && [...names.values()].includes(given[i]!)) return undefined;
    if (known !== undefined && known !== given[i]) return undefined;
    names.set(name, given[i]!);
  }
  const shifts = new Map(match.shifts);
  if ('off' in template && 'off' in op) {
    const base = template.kind === 'load' ? template.src : template.dst;
    const shift = op.off - template.off;
    if ((shifts.get(base) ?? shift) !== shift) return undefined;
    shifts.set(base, shift);
  }
  return { names, shifts, at: [...match.at, at] };
};

const find = (
  slow: readonly PlainOperation[],
  shapes: readonly string[],
  ops: readonly PlainOperation[],
  opShapes: readonly string[],
  match: Match,
): Match | undefined => {
  const step = match.at.length;
  if (step === slow.length) return match;
  for (const [i, op] of ops.entries()) {
    if (opShapes[i] !== shapes[step] || match.at.includes(i)) continue;
    const next = extend(match, slow[step]!, op, i);
    const whole = next && find(slow, shapes, ops, opShapes, next);
    if (whole) return whole;
  }
  return undefined;
};

const replaced = (webs: Webs, template: Template, match: Match): PlainOperation[] => {
  const last = Math.max(...match.at);
  const fast = template.fast.map((op) => {
    const base = op.kind === 'load' ? op.src : op.kind === 'store' ? op.dst : undefined;
    const shift = base === undefined ? 0 : (match.shifts.get(base) ?? 0);
    const named = mapRegisters(op, (name) => match.names.get(name) ?? name);
    return 'off' in named ? { ...named, off: named.off + shift } : named;
  });
  return webs.operations.flatMap((op, i) => {
    if (i === last) return fast;
    return match.at.includes(i) ? [] : [op];
  });
};

export type Matcher = (window: Window) => readonly PlainOperation[];

const RUNS = 24;

/** The window's operations after every template was tried until none fits. */
export const matcherOf = (families: readonly Family[]): Matcher => {
  const templates = templatesOf(families).map((t) => ({ ...t, shapes: t.slow.map(shape) }));
  const once = (window: Window): Window | undefined => {
    const webs = websOf(window);
    const opShapes = webs.operations.map(shape);
    const has = new Set(opShapes);
    for (const t of templates) {
      if (!t.shapes.every((s) => has.has(s))) continue;
      const match = find(t.slow, t.shapes, webs.operations, opShapes, {
        names: new Map(),
        shifts: new Map(),
        at: [],
      });
      const made = match && inRegisters(window, webs, replaced(webs, t, match));
      if (made && windowsAgree(window, made, RUNS)) return { ...window, operations: made };
    }
    return undefined;
  };
  return (window) => {
    let current = window;
    for (let next = once(current); next; next = once(current)) current = next;
    return current.operations;
  };
};

/** Back into registers: names that the window had keep theirs. */
const inRegisters = (
  window: Window,
  webs: Webs,
  made: readonly PlainOperation[],
): PlainOperation[] | undefined => {
  const register = new Map<number, number>();
  for (const [i, op] of webs.operations.entries())
    for (const [k, name] of namesIn(op).entries()) register.set(name, namesIn(window.operations[i]!)[k]!);
  const out = made.map((op) => mapRegisters(op, (name) => register.get(name) ?? 99));
  return out.every((op) => namesIn(op).every((r) => r <= 10)) ? out : undefined;
};
