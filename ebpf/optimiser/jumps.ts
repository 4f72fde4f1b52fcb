/** Rules on jumps and the order of blocks. */
import type { Branch } from '../instruction.ts';
import {
  type Code,
  copyCode,
  isEnd,
  jumpTarget,
  type Node,
  nodeOf,
  positionsOf,
  replaceNodes,
  retarget,
} from './code.ts';
import type { Rule } from './rule.ts';

/** The branch that is taken when this one is not. */
export const opposite: Partial<Record<Branch['op'], Branch['op']>> = {
  jeq: 'jne',
  jne: 'jeq',
  jgt: 'jle',
  jle: 'jgt',
  jge: 'jlt',
  jlt: 'jge',
  jsgt: 'jsle',
  jsle: 'jsgt',
  jsge: 'jslt',
  jslt: 'jsge',
};

/** Where a jump ends up after jumps that only lead on. */
const finalTarget = (node: Node): Node => {
  const seen = new Set<Node>();
  let to = node;
  while (to.op.kind === 'jump' && to.target && !seen.has(to)) {
    seen.add(to);
    to = to.target;
  }
  return to;
};

const thread = (code: Code): Code | undefined => {
  const copy = copyCode(code);
  let changed = false;
  for (const node of copy) {
    const target = jumpTarget(node);
    const to = target && finalTarget(target);
    if (to === target) continue;
    node.target = to;
    changed = true;
  }
  const out = replaceNodes(copy, (node, i) => {
    if ((node.op.kind !== 'jump' && node.op.kind !== 'branch') || node.target !== copy[i + 1]) {
      if (node.op.kind !== 'jump' || node.target?.op.kind !== 'exit') return undefined;
      changed = true;
      return [nodeOf({ kind: 'exit' })];
    }
    changed = true;
    return [];
  });
  return changed ? out : undefined;
};

export const jumpThreading: Rule = {
  name: 'jump-threading',
  doc: 'Leads jumps to their final target, ends at once where they lead to exit, drops jumps to the next instruction.',
  apply: thread,
};

/** `if c goto A; goto B; A:` becomes `if not c goto B; A:`. */
export const branchInversion: Rule = {
  name: 'branch-inversion',
  doc: 'Turns a branch over a jump into the opposite branch.',
  apply: (code) => {
    const copy = copyCode(code);
    const targets = new Set(copy.map((n) => n.target));
    for (let i = 0; i + 2 < copy.length; i++) {
      const branch = copy[i]!;
      const jump = copy[i + 1]!;
      if (branch.op.kind !== 'branch' || jump.op.kind !== 'jump' || targets.has(jump)) continue;
      const op = opposite[branch.op.op];
      if (branch.target !== copy[i + 2] || !op) continue;
      const inverted = nodeOf({ ...branch.op, op }, jump.target);
      const out: Node[] = [...copy.slice(0, i), inverted, ...copy.slice(i + 2)];
      retarget(out, new Map([[branch, inverted]]));
      return out;
    }
    return undefined;
  },
};

/** Moves a block that only one jump leads to behind that jump, which then goes. */
export const blockMerging: Rule = {
  name: 'block-merging',
  doc: 'Puts a block that only one jump reaches in place of the jump.',
  apply: (code) => {
    const copy = copyCode(code);
    const positions = positionsOf(copy);
    const entries = new Map<Node, number>();
    for (const n of copy) if (n.target) entries.set(n.target, (entries.get(n.target) ?? 0) + 1);
    for (const [i, jump] of copy.entries()) {
      if (jump.op.kind !== 'jump' || entries.get(jump.target!) !== 1 || entries.has(jump)) continue;
      const from = positions.get(jump.target!)!;
      if (from === 0 || !isEnd(copy[from - 1]!)) continue;
      let to = from;
      while (to < copy.length && !isEnd(copy[to]!)) to++;
      if (to >= copy.length || (i >= from && i <= to)) continue;
      const block = copy.slice(from, to + 1);
      const rest = copy.filter((_, n) => n < from || n > to);
      return rest.flatMap((n) => (n === jump ? block : [n]));
    }
    return undefined;
  },
};
