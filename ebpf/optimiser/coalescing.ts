/** Takes out copies between registers by giving both values one register. */
import type { Operand, Operation } from '../instruction.ts';
import { type Code, copyCode, nodeOf, replaceNodes } from './code.ts';
import type { Rule } from './rule.ts';
import { copyOf, type Web, Webs } from './webs.ts';

/** Larger programs take too long: each copy taken out needs a new analysis. */
const MAX_NODES = 600;

type Rename = (use: number) => number;

/** The operation with its registers renamed: those it reads by `use`, those it writes by `def`. */
export const renamed = (op: Operation, use: Rename, def: Rename): Operation => {
  const operand = (o: Operand): Operand => (o.kind === 'reg' ? { kind: 'reg', reg: use(o.reg) } : o);
  switch (op.kind) {
    case 'alu':
      return { ...op, dst: def(op.dst), src: operand(op.src) };
    case 'neg':
    case 'swap':
    case 'ld_imm64':
      return { ...op, dst: def(op.dst) };
    case 'movsx':
    case 'load':
      return { ...op, dst: def(op.dst), src: use(op.src) };
    case 'store':
    case 'branch':
      return { ...op, dst: use(op.dst), src: operand(op.src) };
    case 'atomic':
      return { ...op, dst: use(op.dst), src: use(op.src) };
    default:
      return op;
  }
};

/** The register that two webs must have, after those that hold it in their way were given others; undefined when they can't be. */
const makeRoom = (webs: Webs, a: Web, b: Web, registers: Map<Web, number>): number | undefined => {
  const found = webs.inTheWay(a, b, registers);
  if (!found) return undefined;
  const moved = new Map(registers);
  for (const holder of found.holders) {
    const other = webs.freeFor(holder, holder, moved).find((r) => r !== found.wanted);
    if (other === undefined) return undefined;
    moved.set(holder, other);
  }
  for (const [web, register] of moved) registers.set(web, register);
  return found.wanted;
};

/** Merges the webs of copies one after the other; the registers of all webs afterwards, and the copies that go. */
const coalesce = (code: Code, webs: Webs) => {
  const registers = webs.registers();
  const gone = new Set<number>();
  for (const [i, node] of code.entries()) {
    const copy = copyOf(node.op);
    if (!copy || copy.src === 10) continue;
    const [from, to] = [webs.used(i, copy.src), webs.defined(i, copy.dst)];
    if (from === undefined || to === undefined || webs.conflicts(from, to)) continue;
    const [free] = from === to ? [copy.dst] : webs.freeFor(from, to, registers);
    const register = free ?? makeRoom(webs, from, to, registers);
    if (register === undefined) continue;
    if (from !== to) registers.set(webs.merge(from, to), register);
    gone.add(i);
  }
  return { registers, gone };
};

const applyAll = (code: Code, webs: Webs): Code | undefined => {
  const { registers, gone } = coalesce(code, webs);
  if (gone.size === 0) return undefined;
  const at = (web: Web | undefined, r: number) => (web === undefined ? r : (registers.get(web) ?? r));
  return replaceNodes(copyCode(code), (n, k) => {
    if (gone.has(k)) return [];
    const use = (r: number) => at(webs.used(k, r), r);
    const def = (r: number) => at(webs.defined(k, r), r);
    return [nodeOf(renamed(n.op, use, def), n.target)];
  });
};

export const copyCoalescing: Rule = {
  name: 'copy-coalescing',
  doc: 'Gives a value and its copy one register where their lives allow it, so that the copy goes.',
  apply: (code) => {
    if (code.length > MAX_NODES) return undefined;
    const webs = Webs.of(code);
    return webs && applyAll(code, webs);
  },
};
