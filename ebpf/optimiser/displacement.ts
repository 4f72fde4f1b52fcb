/** Pointers that run ahead: where a check or a step needs `p + k`, p itself goes there, and what follows reads at smaller offsets. */
import type { Operation } from '../instruction.ts';
import { registersOf } from '../prover/flow.ts';
import { type Code, copyCode, functionsOf, type Node, nodeOf, positionsOf, successors } from './code.ts';
import { liveAfter } from './liveness.ts';
import type { Move } from './rule.ts';
import { copyOf } from './webs.ts';

const fits16 = (off: number) => off >= -0x8000 && off <= 0x7fff;
const fits32 = (imm: number) => imm === (imm | 0);

/** The constant that a 64-bit operation adds to its register. */
const increment = (op: Operation | undefined, register: number): number | undefined =>
  op?.kind === 'alu' && op.width === 64 && op.op === 'add' && op.dst === register && op.src.kind === 'imm'
    ? op.src.imm
    : undefined;

const add = (dst: number, imm: number): Operation => ({
  kind: 'alu',
  width: 64,
  op: 'add',
  dst,
  src: { kind: 'imm', imm },
});

/** A register that holds `by` more than before. */
type Shift = { readonly register: number; readonly by: number };

/** Whether the operation moves the register by an amount that does not hang on it. */
const isStep = (op: Operation, register: number): boolean =>
  op.kind === 'alu' &&
  op.width === 64 &&
  (op.op === 'add' || op.op === 'sub') &&
  op.dst === register &&
  !(op.src.kind === 'reg' && op.src.reg === register);

/** What does the same with the shifted register; undefined when one operation can't. */
const adjusted = (op: Operation, { register, by }: Shift): Operation | undefined => {
  if ((registersOf(op).reads & (1 << register)) === 0 || isStep(op, register)) return op;
  if (op.kind === 'load' && fits16(op.off - by)) return { ...op, off: op.off - by };
  const base = op.kind === 'store' || op.kind === 'atomic' ? op : undefined;
  if (!base || base.dst !== register || !fits16(base.off - by)) return undefined;
  const source = typeof base.src === 'number' ? base.src : base.src.kind === 'reg' ? base.src.reg : undefined;
  return source === register ? undefined : { ...base, off: base.off - by };
};

/** The operations to change, by index, when `register` is shifted from behind node `from` on; undefined when some can't be. */
const shifted = (code: Code, from: number, shift: Shift): Map<number, Operation> | undefined => {
  const { register, by } = shift;
  const positions = positionsOf(code);
  const live = liveAfter(code);
  const bit = 1 << register;
  const isWanted = (i: number) => {
    const { reads, writes } = registersOf(code[i]!.op);
    return ((reads | (live[i]! & ~writes)) & bit) !== 0;
  };
  const next = (i: number) => successors(code, i, positions).filter(isWanted);
  const made = new Map<number, Operation>();
  const reached = new Set<number>();
  const leaves = new Set<number>([from]);
  const work = next(from);
  for (let i = work.pop(); i !== undefined; i = work.pop()) {
    if (reached.has(i)) continue;
    if (i === from) return undefined;
    reached.add(i);
    const { op } = code[i]!;
    const copy = copyOf(op);
    const step =
      copy?.src === register && copy.dst !== register ? increment(code[i + 1]?.op, copy.dst) : undefined;
    if (step !== undefined) {
      if (!fits32(step - by) || code.some((n) => n.target === code[i + 1])) return undefined;
      made.set(i + 1, add(copy!.dst, step - by));
    } else {
      const after = adjusted(op, shift);
      if (!after) return undefined;
      if (after !== op && !made.has(i)) made.set(i, after);
    }
    if (registersOf(op).writes & bit && !isStep(op, register)) continue;
    leaves.add(i);
    work.push(...next(i));
  }
  // Every way into what was reached must come from where the register is shifted.
  const isEntered = functionsOf(code, positions).some((i) => reached.has(i));
  const isMixed = [...code.keys()].some((i) => !leaves.has(i) && next(i).some((to) => reached.has(to)));
  return isEntered || isMixed ? undefined : made;
};

const replace = (code: Code, changes: ReadonlyMap<number, readonly Operation[]>): Code => {
  const copy = copyCode(code);
  const standIn = new Map<Node, Node>();
  const out = copy.flatMap((node, i) => {
    const ops = changes.get(i);
    if (!ops) return [node];
    const made = ops.map((op, n) => nodeOf(op, n === ops.length - 1 ? node.target : undefined));
    standIn.set(node, made[0] ?? copy[i + 1]!);
    return made;
  });
  for (const node of out)
    while (node.target && standIn.has(node.target)) node.target = standIn.get(node.target);
  return out;
};

/** `q = p; q += k` becomes `p += k; q = p`; `q = p; p += k` the same, with q ahead. */
const advanceAt = (code: Code, at: number, targets: ReadonlySet<Node | undefined>): Code | undefined => {
  const copy = copyOf(code[at]!.op);
  const step = code[at + 1];
  if (!copy || !step || copy.src === 10 || copy.src === copy.dst || targets.has(step)) return undefined;
  const ahead = increment(step.op, copy.dst);
  const by = ahead ?? increment(step.op, copy.src);
  if (by === undefined) return undefined;
  const register = ahead === undefined ? copy.dst : copy.src;
  if ((liveAfter(code)[at + 1]! & (1 << register)) === 0) return undefined;
  const made = shifted(code, at + 1, { register, by });
  if (!made) return undefined;
  const changes = new Map<number, readonly Operation[]>([...made].map(([i, op]) => [i, [op]]));
  return replace(code, changes.set(at, [add(copy.src, by)]).set(at + 1, [code[at]!.op]));
};

/** `p += k` goes where all that follows can read at larger offsets. */
const dropAt = (code: Code, at: number): Code | undefined => {
  const { op } = code[at]!;
  if (op.kind !== 'alu') return undefined;
  const by = increment(op, op.dst);
  const made = by === undefined ? undefined : shifted(code, at, { register: op.dst, by: -by });
  if (!made) return undefined;
  const changes = new Map<number, readonly Operation[]>([...made].map(([i, o]) => [i, [o]]));
  return replace(code, changes.set(at, []));
};

/** Every change makes one site less; this many are far more than programs have. */
const MAX_SITES = 64;

/** Made at every place that allows it, first to last: each saves an instruction once the copy is gone. */
const everywhere = (code: Code): Code[] => {
  let made = code;
  for (let at = 0, n = 0; at < made.length && n < MAX_SITES; at++) {
    const next = advanceAt(made, at, new Set(made.map((node) => node.target))) ?? dropAt(made, at);
    if (!next) continue;
    made = next;
    n++;
  }
  return made === code ? [] : [made];
};

export const pointerAdvancing: Move = {
  name: 'pointer-advancing',
  doc: 'Moves a pointer itself to where a check or a step needs it, in place of a copy; what follows reads at smaller offsets.',
  sites: everywhere,
};
