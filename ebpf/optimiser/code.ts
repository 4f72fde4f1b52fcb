/** A program as a list of nodes whose jumps point at nodes, so that rules may insert and remove without counting slots. */
import {
  addressedBy,
  decodeProgram,
  encodeProgram,
  type Instruction,
  type Operation,
  slotsOf,
  targetOf,
} from '../instruction.ts';

/** `target`: where it jumps to, what it calls, or the function whose address it loads. */
export type Node = { readonly op: Operation; target: Node | undefined };
export type Code = readonly Node[];

/** Where the address of a function is loaded, the function's slot stands for the distance: only loads of the same one are alike. */
const bare = (i: Instruction): Operation => {
  const { slot, ...op } = i;
  const to = addressedBy(i, slot);
  return (to === undefined ? op : { ...op, imm: BigInt(to) }) as Operation;
};

/** @throws RangeError when the program has instructions that are not defined, or jumps outside itself. */
export const lift = (code: Uint8Array): Code => {
  const instructions = decodeProgram(code);
  const bySlot = new Map(instructions.map((i) => [i.slot, { op: bare(i), target: undefined } as Node]));
  for (const i of instructions) {
    const slot = targetOf(i, i.slot) ?? addressedBy(i, i.slot);
    if (i.kind === 'invalid') throw new RangeError(`slot ${i.slot} holds no instruction of RFC 9669`);
    if (slot === undefined) continue;
    const target = bySlot.get(slot);
    if (!target) throw new RangeError(`the jump at slot ${i.slot} leads to no instruction`);
    bySlot.get(i.slot)!.target = target;
  }
  return [...bySlot.values()];
};

/** @throws RangeError when a jump does not fit its offset field. */
export const lower = (code: Code): Uint8Array => {
  const slots = new Map<Node, number>();
  let next = 0;
  for (const node of code) {
    slots.set(node, next);
    next += slotsOf(node.op);
  }
  const operations = code.map((node): Operation => {
    if (!node.target) return node.op;
    const to = slots.get(node.target);
    if (to === undefined) throw new RangeError('a jump leads to a node that was removed');
    const distance = to - slots.get(node)! - 1;
    if (node.op.kind === 'call') return { ...node.op, imm: distance };
    if (node.op.kind === 'ld_imm64') return { ...node.op, imm: BigInt.asUintN(32, BigInt(distance)) };
    return { ...node.op, off: distance } as Operation;
  });
  return encodeProgram(operations);
};

export const nodeOf = (op: Operation, target?: Node): Node => ({ op, target });

/** The same program in nodes of its own. */
export const copyCode = (code: Code): Node[] => {
  const copies = new Map(code.map((n) => [n, { op: n.op, target: undefined } as Node]));
  for (const n of code) if (n.target) copies.get(n)!.target = copies.get(n.target);
  return code.map((n) => copies.get(n)!);
};

/** Points every jump to a removed or replaced node at what stands in for it. */
export const retarget = (code: Code, standIn: ReadonlyMap<Node, Node>): void => {
  for (const node of code) {
    let to = node.target;
    while (to && standIn.has(to)) to = standIn.get(to);
    node.target = to;
  }
};

/**
 * Replaces each node by what `rewrite` gives for it (undefined: keep). Jumps to a replaced node lead to the first of its
 * replacements, or to the next node that is left.
 */
export const replaceNodes = (
  code: Code,
  rewrite: (node: Node, index: number) => Node[] | undefined,
): Node[] => {
  const out: Node[] = [];
  const standIn = new Map<Node, Node>();
  let waiting: Node[] = [];
  for (const [index, node] of code.entries()) {
    const made = rewrite(node, index) ?? [node];
    const [first] = made;
    if (first) {
      for (const w of waiting) standIn.set(w, first);
      waiting = [];
      if (first !== node) standIn.set(node, first);
    } else {
      waiting.push(node);
    }
    out.push(...made);
  }
  retarget(out, standIn);
  return out;
};

export const isEnd = (node: Node): boolean => node.op.kind === 'exit' || node.op.kind === 'jump';

/** Where control goes on from a node other than the next one; it comes back from calls, and whoever calls an address is elsewhere. */
export const jumpTarget = ({ op, target }: Node): Node | undefined =>
  op.kind === 'jump' || op.kind === 'branch' ? target : undefined;

/** Indices control may go to after the node at `index`, inside its function. */
export const successors = (code: Code, index: number, positions: ReadonlyMap<Node, number>): number[] => {
  const node = code[index]!;
  const out: number[] = [];
  if (!isEnd(node) && index + 1 < code.length) out.push(index + 1);
  const target = jumpTarget(node);
  if (target) out.push(positions.get(target)!);
  return out;
};

export const positionsOf = (code: Code): Map<Node, number> => new Map(code.map((n, i) => [n, i]));

/** The function that a node calls, or whose address it loads. */
export const functionTarget = (node: Node): Node | undefined => (jumpTarget(node) ? undefined : node.target);

/** Indices at which functions start. */
export const functionsOf = (code: Code, positions: ReadonlyMap<Node, number>): number[] => [
  0,
  ...new Set(code.flatMap((n) => functionTarget(n) ?? []).map((entry) => positions.get(entry)!)),
];

/** Slots that the program takes. */
export const sizeOf = (code: Code): number => code.reduce((n, node) => n + slotsOf(node.op), 0);
