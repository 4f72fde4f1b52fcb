/** Rules on ends of blocks: the same end twice becomes one; a short end is repeated where a jump leads to it. */
import { type Code, copyCode, isEnd, type Node, nodeOf } from './code.ts';
import type { Rule } from './rule.ts';

export const same = (a: Node, b: Node): boolean =>
  a.op.kind === b.op.kind &&
  a.target === b.target &&
  JSON.stringify(a.op, (k, v) => (k === 'off' && a.target ? 0 : typeof v === 'bigint' ? `${v}` : v)) ===
    JSON.stringify(b.op, (k, v) => (k === 'off' && b.target ? 0 : typeof v === 'bigint' ? `${v}` : v));

/** Where control goes from each way into a place: the last node before it, and whether that is a jump to be replaced. */
type Way = { readonly last: number; readonly jump: boolean };

/** Nodes that end alike, from the back: how many. */
const common = (code: Code, a: number, b: number): number => {
  let n = 0;
  while (a - n >= 0 && b - n >= 0 && a - n !== b && b - n !== a && same(code[a - n]!, code[b - n]!)) {
    if (n > 0 && isEnd(code[a - n]!)) break;
    n++;
  }
  return n;
};

const waysTo = (code: Code): Map<Node | 'exit', Way[]> => {
  const ways = new Map<Node | 'exit', Way[]>();
  const add = (to: Node | 'exit', way: Way) => ways.set(to, [...(ways.get(to) ?? []), way]);
  const targets = new Set(code.map((n) => n.target));
  code.forEach((node, i) => {
    if (node.op.kind === 'exit') add('exit', { last: i, jump: false });
    if (node.op.kind === 'jump' && i > 0) add(node.target!, { last: i - 1, jump: true });
    else if (targets.has(code[i + 1]) && !isEnd(node)) add(code[i + 1]!, { last: i, jump: false });
  });
  return ways;
};

/** The code with the `n` nodes that end at `drop` replaced by a jump to those that end at `keep`. */
const merge = (code: Code, keep: Way, drop: Way, n: number): Code => {
  const first = code[keep.last - n + 1]!;
  const from = drop.last - n + 1;
  const to = drop.jump ? drop.last + 1 : drop.last;
  const jump = nodeOf({ kind: 'jump', long: false, off: 0 }, first);
  const gone = new Map<Node, Node>();
  for (let i = from; i <= drop.last; i++) gone.set(code[i]!, code[keep.last - n + 1 + i - from]!);
  if (drop.jump) gone.set(code[to]!, jump);
  for (const node of code) if (node.target && gone.has(node.target)) node.target = gone.get(node.target);
  return [...code.slice(0, from), jump, ...code.slice(to + 1)];
};

/** Applies the merge that saves most. `exits` too: those cost a jump. */
const mergeBest = (code: Code, exits: boolean): Code | undefined => {
  const copy = copyCode(code);
  let best: { keep: Way; drop: Way; n: number; saved: number } | undefined;
  for (const [to, ways] of waysTo(copy)) {
    if (to === 'exit' && !exits) continue;
    for (const keep of ways)
      for (const drop of ways) {
        if (keep === drop || (to !== 'exit' && !drop.jump && keep.jump && !exits)) continue;
        const n = common(copy, keep.last, drop.last);
        const saved = drop.jump ? n : n - 1;
        if (n > 0 && saved > (best?.saved ?? 0)) best = { keep, drop, n, saved };
      }
  }
  return best && merge(copy, best.keep, best.drop, best.n);
};

export const tailMerging: Rule = {
  name: 'tail-merging',
  doc: 'Makes one of two ends of blocks that do the same and go on to the same place.',
  apply: (code) => mergeBest(code, false),
};

/** Optional: costs an executed jump where ends are left by `exit`. */
export const exitMerging: Rule = {
  name: 'exit-merging',
  doc: 'Makes one of two ends of the program that do the same, at the cost of a jump.',
  apply: (code) => mergeBest(code, true),
};

/** Ends of at most this many nodes, the exit among them, are repeated. */
const SHORT = 3;

/** Optional: takes slots to save a jump. */
export const exitRepeating: Rule = {
  name: 'exit-repeating',
  doc: 'Repeats the end of the program in place of a jump to it.',
  apply: (code) => {
    const copy = copyCode(code);
    const index = copy.findIndex((node) => {
      if (node.op.kind !== 'jump') return false;
      const end = copy.slice(copy.indexOf(node.target!), copy.indexOf(node.target!) + SHORT);
      const exit = end.findIndex((n) => n.op.kind === 'exit');
      return exit > 0 && end.slice(0, exit).every((n) => !n.target);
    });
    if (index < 0) return undefined;
    const start = copy.indexOf(copy[index]!.target!);
    const exit = copy.findIndex((n, i) => i >= start && n.op.kind === 'exit');
    const twin = copy.slice(start, exit + 1).map((n) => nodeOf(n.op));
    for (const n of copy) if (n.target === copy[index]) n.target = twin[0];
    return [...copy.slice(0, index), ...twin, ...copy.slice(index + 1)];
  },
};
