/** Functions of the program's own in place of their calls. */
import { bpf, MAX_PROGRAM_INSNS } from '../../abi/index.ts';
import type { Operation } from '../instruction.ts';
import { registersOf } from '../prover/flow.ts';
import { renamed } from './coalescing.ts';
import { type Code, copyCode, type Node, nodeOf, replaceNodes, retarget, sizeOf } from './code.ts';
import { heldBefore } from './frame.ts';
import { calleesFirst, type FunctionCode } from './functions.ts';
import { liveAfter } from './liveness.ts';
import type { Move } from './rule.ts';

const FRAME_POINTER = 10;
const WORD = 8;
/** Registers that a function leaves to its caller as they were, RFC 9669 §2. */
const PRESERVED = [6, 7, 8, 9] as const;

/**
 * A program may become so many times as long. What functions called from many places take, inner ones called from others among it,
 * multiplies; code that is longer for nothing is refused where cost is judged, but would take the time of the search.
 */
const MOST_GROWTH = 4;

/** Bytes of its own frame that a function uses, in whole words. */
const depthOf = (nodes: Code): number => {
  let lowest = 0;
  for (const [i, regs] of heldBefore(nodes).entries()) {
    const { op } = nodes[i]!;
    const base =
      op.kind === 'load' ? op.src : op.kind === 'store' || op.kind === 'atomic' ? op.dst : undefined;
    for (const [r, held] of regs?.entries() ?? [])
      if (held?.kind === 'frame')
        lowest = Math.min(lowest, held.offset, r === base && 'off' in op ? held.offset + op.off : 0);
  }
  return WORD * Math.ceil(-lowest / WORD);
};

/** What is done in place of an operation where the frame lies `by` bytes lower; undefined where that is not known. */
const lowered = (op: Operation, by: number): readonly Operation[] | undefined => {
  const isAt = (r: number) => r === FRAME_POINTER;
  if (op.kind === 'load' && isAt(op.src)) return [{ ...op, off: op.off - by }];
  const isStored =
    (op.kind === 'store' && op.src.kind === 'reg' && isAt(op.src.reg)) ||
    (op.kind === 'atomic' && isAt(op.src));
  if ((op.kind === 'store' || op.kind === 'atomic') && isAt(op.dst) && !isStored)
    return [{ ...op, off: op.off - by }];
  if ((registersOf(op).reads & (1 << FRAME_POINTER)) === 0) return [op];
  const isAddress = op.kind === 'alu' && op.width === 64 && (op.op === 'mov' || op.op === 'add');
  return isAddress ? [op, { ...op, op: 'add', src: { kind: 'imm', imm: -by } }] : undefined;
};

/** A function as it stands in place of calls. */
type Body = {
  readonly nodes: Code;
  readonly depth: number;
  /** Mask of the registers that it writes. */
  readonly writes: number;
};

const bodyOf = (nodes: Code): Body => ({
  nodes,
  depth: depthOf(nodes),
  writes: nodes.reduce((all, { op }) => all | registersOf(op).writes, 0),
});

/** Other registers for those that the caller still needs, and those that are left to be kept on the stack. */
const registersFor = (writes: number, needed: number) => {
  const free = PRESERVED.filter((r) => ((writes | needed) & (1 << r)) === 0);
  const taken = PRESERVED.filter((r) => (writes & needed & (1 << r)) !== 0);
  return { names: new Map(taken.map((r, i) => [r as number, free[i] ?? r])), kept: taken.slice(free.length) };
};

/** What stands in place of a call that `next` follows; undefined where it can't, for the frame. */
const expanded = (body: Body, depth: number, needed: number, next: Node): Node[] | undefined => {
  const { names, kept } = registersFor(body.writes, needed);
  const by = depth + WORD * kept.length;
  if (by + body.depth > bpf.STACK_BYTES) return undefined;
  const place = (i: number) => ({ size: WORD, off: -depth - WORD * (i + 1) }) as const;
  const saves = kept.map((reg, i) =>
    nodeOf({ kind: 'store', ...place(i), dst: FRAME_POINTER, src: { kind: 'reg', reg } }),
  );
  const restores = kept.map((dst, i) =>
    nodeOf({ kind: 'load', ...place(i), signed: false, dst, src: FRAME_POINTER }),
  );
  const end = restores[0] ?? next;
  const name = (r: number) => names.get(r) ?? r;
  const firsts = new Map<Node, Node>();
  const made: Node[] = [];
  for (const node of body.nodes) {
    if (node.op.kind === 'exit') {
      const isLast = node === body.nodes.at(-1);
      const leave = isLast ? [] : [nodeOf({ kind: 'jump', long: false, off: 0 }, end)];
      firsts.set(node, leave[0] ?? end);
      made.push(...leave);
      continue;
    }
    const operations = by === 0 ? [node.op] : lowered(node.op, by);
    if (!operations) return undefined;
    const twins = operations.map((op) => nodeOf(renamed(op, name, name), node.target));
    firsts.set(node, twins[0]!);
    made.push(...twins);
  }
  retarget(made, firsts);
  return [...saves, ...made, ...restores];
};

/** The nodes of a function, with those of the functions given in place of calls of them, where that fits. */
const withBodies = ({ nodes }: FunctionCode, bodies: ReadonlyMap<Node, Body>): Node[] => {
  const depth = depthOf(nodes);
  const live = liveAfter(nodes);
  return replaceNodes(nodes, ({ op, target }, i) => {
    const body = op.kind === 'call' && target ? bodies.get(target) : undefined;
    return body && expanded(body, depth, live[i]!, nodes[i + 1]!);
  });
};

/** What the prover does not follow, or a function can't do for its caller. */
const isLeftAlone = ({ op }: Node) =>
  op.kind === 'callx' || (op.kind === 'ld_imm64' && op.form === 'function');
const endsFunction = ({ op }: Node) => op.kind === 'ld_packet';

/** The main function and those that are still called, each in one piece. */
const joined = (functions: ReadonlyMap<Node, Code>, main: Node): Code => {
  const wanted = new Set([main]);
  for (const entry of wanted)
    for (const { op, target } of functions.get(entry)!) if (op.kind === 'call' && target) wanted.add(target);
  const out = [...wanted].flatMap((entry) => functions.get(entry)!);
  retarget(
    out,
    new Map([...functions].flatMap(([entry, [first]]) => (first === entry ? [] : [[entry, first!]]))),
  );
  return out;
};

/** With functions in place of calls of them as far as there is room, callees before their callers. */
const inlined = (code: Code, room: number): Code | undefined => {
  const copy = copyCode(code);
  const functions = copy.some(isLeftAlone) ? undefined : calleesFirst(copy);
  const calls = functions?.flatMap(({ callees }) => callees);
  if (!functions || !calls) return undefined;
  const bodies = new Map<Node, Body>();
  const made = new Map<Node, Code>();
  let left = room;
  let changed = false;
  for (const one of functions) {
    const nodes = withBodies(one, bodies);
    changed ||= nodes.length !== one.nodes.length || nodes.some((node, i) => node !== one.nodes[i]);
    made.set(one.entry, nodes);
    const added = sizeOf(nodes) * (calls.filter((callee) => callee === one.entry).length - 1);
    if (added > left || nodes.some(endsFunction)) continue;
    left -= added;
    bodies.set(one.entry, bodyOf(nodes));
  }
  const out = changed ? joined(made, copy[0]!) : [];
  return changed && sizeOf(out) <= MAX_PROGRAM_INSNS ? out : undefined;
};

export const inlining: Move = {
  name: 'inlining',
  doc: 'Puts functions of the program in place of calls of them, and drops those that are not called any more.',
  sites: (code, { maxSlots = MAX_PROGRAM_INSNS }) => {
    const size = sizeOf(code);
    const [all, once] = [Math.min(MOST_GROWTH * size, maxSlots) - size, 0].map((room) => inlined(code, room));
    return [all, once].filter((made) => made !== undefined);
  },
};
