/** Rules on blocks that only jumps reach: the same block twice becomes one, a constant that is there already is not set again. */
import type { Operation } from '../instruction.ts';
import { type Code, copyCode, isEnd, jumpTarget, positionsOf, replaceNodes, retarget } from './code.ts';
import { constantsOf, type Known, refine, transfer } from './constants.ts';
import type { Rule } from './rule.ts';
import { same } from './tails.ts';

/** From each node that only jumps reach to the jump or exit behind it, both included. */
const detached = (code: Code): [from: number, to: number][] => {
  const out: [number, number][] = [];
  for (let from = 1; from < code.length; from++) {
    if (!isEnd(code[from - 1]!)) continue;
    let to = from;
    while (to < code.length && !isEnd(code[to]!)) to++;
    if (to < code.length) out.push([from, to]);
  }
  return out;
};

/** Where the nodes from `from` to `to` stand once more, as the end of another block: index of the first of them. */
const twinOf = (code: Code, from: number, to: number): number | undefined => {
  for (let end = 0; end < code.length; end++) {
    const start = end - (to - from);
    if (start < 0 || (end >= from && start <= to) || !same(code[end]!, code[to]!)) continue;
    let n = to - from;
    while (n >= 0 && same(code[start + n]!, code[from + n]!)) n--;
    if (n < 0) return start;
  }
  return undefined;
};

export const blockSharing: Rule = {
  name: 'block-sharing',
  doc: 'Leads jumps to a block that ends another way through the program already.',
  apply: (code) => {
    for (const [from, to] of detached(code)) {
      const twin = twinOf(code, from, to);
      if (twin === undefined) continue;
      const copy = copyCode(code);
      retarget(copy, new Map(copy.slice(from, to + 1).map((node, n) => [node, copy[twin + n]!])));
      return copy.filter((_, i) => i < from || i > to);
    }
    return undefined;
  },
};

/** The constant that an operation sets its register to. */
const constantOf = (op: Operation): { register: number; value: bigint } | undefined => {
  if (op.kind !== 'alu' || op.op !== 'mov' || op.src.kind !== 'imm') return undefined;
  return { register: op.dst, value: BigInt.asUintN(op.width === 64 ? 64 : 32, BigInt(op.src.imm)) };
};

const holds = (regs: readonly Known[] | undefined, op: Operation): boolean => {
  const set = constantOf(op);
  return set !== undefined && regs?.[set.register] === set.value;
};

export const constantThreading: Rule = {
  name: 'constant-threading',
  doc: 'Sets no register to the constant that it holds already, on ways on which that is known.',
  apply: (code) => {
    const before = constantsOf(code);
    const positions = positionsOf(code);
    const copy = copyCode(code);
    let changed = false;
    for (const [i, node] of copy.entries()) {
      if (!jumpTarget(node) || !before[i]) continue;
      for (let to = positions.get(code[i]!.target!)!; to + 1 < code.length; to++) {
        const regs = [...before[i]];
        transfer(node.op, regs);
        if (to === i + 1 || !holds(refine(code, i, to, regs), code[to]!.op)) break;
        node.target = copy[to + 1]!;
        changed = true;
      }
    }
    const needless = (i: number) => before[i] !== undefined && holds(before[i], code[i]!.op);
    const out = replaceNodes(copy, (_, i) => (needless(i) ? [] : undefined));
    return changed || out.length < copy.length ? out : undefined;
  },
};
