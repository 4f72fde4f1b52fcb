/** Puts the blocks of a program in an order in which every loop lies in one piece, header first: what unrolling needs. */
import type { Branch } from '../instruction.ts';
import {
  type Code,
  copyCode,
  functionsOf,
  isEnd,
  jumpTarget,
  type Node,
  nodeOf,
  positionsOf,
} from './code.ts';
import { opposite } from './jumps.ts';
import type { Rule } from './rule.ts';

type Block = { readonly nodes: Node[]; fall: Block | undefined; taken: Block | undefined };

const blocksOf = (code: Code): Map<Node, Block> => {
  const starts = new Set<Node>([code[0]!]);
  code.forEach((node, i) => {
    if (node.target) starts.add(node.target);
    const next = code[i + 1];
    if (next && (isEnd(node) || node.op.kind === 'branch')) starts.add(next);
  });
  const blocks = new Map<Node, Block>();
  let current: Block = { nodes: [], fall: undefined, taken: undefined };
  for (const node of code) {
    if (starts.has(node)) {
      const last = current.nodes.at(-1);
      const next: Block = { nodes: [], fall: undefined, taken: undefined };
      if (last && !isEnd(last)) current.fall = next;
      current = next;
      blocks.set(node, current);
    }
    current.nodes.push(node);
  }
  for (const block of blocks.values()) {
    const last = block.nodes.at(-1)!;
    const target = jumpTarget(last);
    if (target) block.taken = blocks.get(target);
  }
  return blocks;
};

const next = (b: Block): Block[] => [b.fall, b.taken].filter((x) => x !== undefined);

/** Blocks from which control can come back to `header`, through blocks that it leads to. */
const canReach = (from: Block, header: Block): boolean => {
  const seen = new Set<Block>();
  const stack = [from];
  for (let b = stack.pop(); b; b = stack.pop()) {
    if (b === header) return true;
    if (seen.has(b)) continue;
    seen.add(b);
    stack.push(...next(b));
  }
  return false;
};

/** Reverse postorder; of two ways the one that does not lead back here is finished first, so that it comes last. */
const order = (entry: Block): Block[] => {
  const out: Block[] = [];
  const seen = new Set<Block>([entry]);
  const leavesFirst = (b: Block) => {
    const ways = next(b);
    if (ways.length < 2) return ways;
    const [fall, taken] = ways as [Block, Block];
    const [a, c] = [canReach(fall, b), canReach(taken, b)];
    return a && !c ? [taken, fall] : !a && c ? [fall, taken] : [taken, fall];
  };
  const stack: { block: Block; ways: Block[] }[] = [{ block: entry, ways: leavesFirst(entry) }];
  while (stack.length > 0) {
    const top = stack.at(-1)!;
    const way = top.ways.shift();
    if (!way) {
      out.push(top.block);
      stack.pop();
    } else if (!seen.has(way)) {
      seen.add(way);
      stack.push({ block: way, ways: leavesFirst(way) });
    }
  }
  return out.reverse();
};

const jumpTo = (block: Block) => nodeOf({ kind: 'jump', long: false, off: 0 }, block.nodes[0]);

/** The nodes of a block when `following` stands behind it. */
const emit = (block: Block, following: Block | undefined): Node[] => {
  const { nodes, fall, taken } = block;
  const last = nodes.at(-1)!;
  if (last.op.kind === 'jump') return taken === following && nodes.length > 1 ? nodes.slice(0, -1) : nodes;
  if (!fall || fall === following) return nodes;
  if (last.op.kind !== 'branch' || taken !== following) return [...nodes, jumpTo(fall)];
  const op: Branch['op'] | undefined = opposite[last.op.op];
  if (!op || nodes.length < 2) return [...nodes, jumpTo(fall)];
  return [...nodes.slice(0, -1), nodeOf({ ...last.op, op }, fall.nodes[0])];
};

const shapeOf = (code: Code): string => {
  const positions = positionsOf(code);
  return code
    .map(
      (n) =>
        `${JSON.stringify(n.op, (_, v) => (typeof v === 'bigint' ? `${v}` : v))}${n.target ? positions.get(n.target) : ''}`,
    )
    .join();
};

const arrange = (code: Code): Code | undefined => {
  const copy = copyCode(code);
  const blocks = blocksOf(copy);
  const entries = functionsOf(copy, positionsOf(copy)).map((i) => blocks.get(copy[i]!)!);
  const arranged = entries.flatMap(order);
  if (new Set(arranged).size !== arranged.length) return undefined;
  const out = arranged.flatMap((block, i) => emit(block, arranged[i + 1]));
  return shapeOf(out) === shapeOf(code) ? undefined : out;
};

export const blockOrdering: Rule = {
  name: 'block-ordering',
  doc: 'Orders blocks so that each loop lies in one piece and is closed by its test.',
  apply: arrange,
};
