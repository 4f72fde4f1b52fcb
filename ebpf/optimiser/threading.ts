/** Rules on branches whose outcome the branch before them has settled. */
import type { Branch, Operation } from '../instruction.ts';
import { type Code, copyCode, isEnd, type Node, nodeOf, positionsOf, replaceNodes } from './code.ts';
import { isTaken } from './constants.ts';
import type { Rule } from './rule.ts';

/** Upper-half bits of a 64-bit compare are not known on a 32-bit one's edge: only compares of one width and register combine. */
const sameOperand = (a: Branch, b: Branch) => a.dst === b.dst && a.width === b.width && a.src.kind === 'imm';

const signed = (op: Branch['op']) => op.startsWith('js') && op !== 'jset';

type Interval = readonly [low: bigint, high: bigint];

/** Values for which the branch goes this way, on its own scale; undefined when they are no interval. */
const interval = (
  op: Branch['op'],
  taken: boolean,
  imm: bigint,
  low: bigint,
  high: bigint,
): Interval | undefined => {
  const above: Interval = [imm + 1n, high];
  const below: Interval = [low, imm - 1n];
  const from: Interval = [imm, high];
  const upTo: Interval = [low, imm];
  const name = op.replace('js', 'j');
  if (name === 'jeq') return taken ? (upTo[1] === imm ? [imm, imm] : undefined) : undefined;
  if (name === 'jne') return taken ? undefined : [imm, imm];
  const ways: Record<string, [Interval, Interval]> = {
    jgt: [above, upTo],
    jge: [from, below],
    jlt: [below, from],
    jle: [upTo, above],
  };
  return ways[name]?.[taken ? 0 : 1];
};

const scaleOf = (b: Branch, asSigned: boolean): Interval => {
  const bits = BigInt(b.width);
  return asSigned ? [-(1n << (bits - 1n)), (1n << (bits - 1n)) - 1n] : [0n, (1n << bits) - 1n];
};

const immediateOf = (b: Branch, asSigned: boolean): bigint => {
  const imm = BigInt((b.src as { imm: number }).imm);
  return asSigned ? BigInt.asIntN(b.width, imm) : BigInt.asUintN(b.width, imm);
};

/** Whether `next` is taken when `first` went this way; undefined when that is open. */
export const implied = (first: Branch, taken: boolean, next: Branch): boolean | undefined => {
  if (!sameOperand(first, next) || next.src.kind !== 'imm') return undefined;
  const known = first.op === 'jeq' ? taken : first.op === 'jne' ? !taken : false;
  if (known) return isTaken(next.op, next.width, immediateOf(first, false), immediateOf(next, false));
  if (first.src.kind === 'imm' && first.src.imm === next.src.imm) {
    if (first.op === next.op) return taken;
    if (first.op === 'jeq' && next.op === 'jne') return !taken;
    if (first.op === 'jne' && next.op === 'jeq') return !taken;
  }
  const asSigned = signed(first.op);
  if ((signed(next.op) !== asSigned && next.op !== 'jeq' && next.op !== 'jne') || next.op === 'jset')
    return undefined;
  const [low, high] = scaleOf(first, asSigned);
  const here = interval(first.op, taken, immediateOf(first, asSigned), low, high);
  const yes = interval(next.op, true, immediateOf(next, asSigned), low, high);
  if (!here) return undefined;
  if (next.op === 'jeq' || next.op === 'jne') {
    const v = immediateOf(next, asSigned);
    return v < here[0] || v > here[1] ? next.op === 'jne' : undefined;
  }
  if (!yes) return undefined;
  if (here[0] >= yes[0] && here[1] <= yes[1]) return true;
  return here[1] < yes[0] || here[0] > yes[1] ? false : undefined;
};

/** Where an edge leads after all branches that it decides. */
const follow = (
  from: Branch,
  taken: boolean,
  first: Node,
  code: Code,
  positions: ReadonlyMap<Node, number>,
): Node => {
  let to = first;
  for (let hops = 0; hops < 8; hops++) {
    const { op } = to;
    if (op.kind === 'jump' && to.target) {
      to = to.target;
      continue;
    }
    if (op.kind !== 'branch') break;
    const way = implied(from, taken, op);
    if (way === undefined) break;
    const next = way ? to.target! : code[positions.get(to)! + 1];
    if (!next) break;
    to = next;
  }
  return to;
};

const isBranch = (op: Operation): op is Branch => op.kind === 'branch';

export const branchThreading: Rule = {
  name: 'branch-threading',
  doc: 'Leads a branch past branches on the same register that it decides.',
  apply: (code) => {
    const copy = copyCode(code);
    const positions = positionsOf(copy);
    let changed = false;
    const jumps = new Map<Node, Node>();
    for (const [i, node] of copy.entries()) {
      if (!isBranch(node.op) || !node.target) continue;
      const to = follow(node.op, true, node.target, copy, positions);
      if (to !== node.target && positions.get(to)! !== i) {
        node.target = to;
        changed = true;
      }
      const after = copy[i + 1];
      if (!after || !isBranch(after.op)) continue;
      const way = follow(node.op, false, after, copy, positions);
      if (way !== after && way !== copy[i + 1]) jumps.set(after, way);
    }
    const targets = new Set(copy.map((n) => n.target));
    const out = replaceNodes(copy, (node, i) => {
      const to = jumps.get(node);
      if (!to || targets.has(node) || isEnd(copy[i - 1]!)) return undefined;
      changed = true;
      return [nodeOf({ kind: 'jump', long: false, off: 0 }, to)];
    });
    return changed ? out : undefined;
  },
};
