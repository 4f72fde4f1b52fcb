/** Rules on addresses: constants move from pointer arithmetic into the offsets of loads and stores. */
import type { Operation } from '../instruction.ts';
import { registersOf } from '../prover/flow.ts';
import { type Code, copyCode, type Node, nodeOf } from './code.ts';
import type { Rule } from './rule.ts';
import { rewriteWithValues, type Values } from './values.ts';

const fits16 = (off: number) => off >= -0x8000 && off <= 0x7fff;

/** Another register and offset for the same address, from a register that has held its value longer. */
const rebase = (
  register: number,
  off: number,
  values: Values,
): { register: number; off: number } | undefined => {
  const { root, offset } = values.info(values.regs[register]!);
  let best: { register: number; off: number } | undefined;
  for (let r = 0; r <= 10; r++) {
    const other = values.info(values.regs[r]!);
    const distance = off + offset - other.offset;
    if (other.root !== root || !fits16(distance)) continue;
    if (!best || values.since[r]! < values.since[best.register]!) best = { register: r, off: distance };
  }
  return best && best.register !== register ? best : undefined;
};

export const addressFolding: Rule = {
  name: 'address-folding',
  doc: 'Addresses memory from an older pointer and a larger offset, so that pointer arithmetic becomes unused.',
  apply: (code) =>
    rewriteWithValues(code, ({ op }, values) => {
      if (op.kind !== 'load' && op.kind !== 'store') return undefined;
      const made = rebase(op.kind === 'load' ? op.src : op.dst, op.off, values);
      if (!made) return undefined;
      if (op.kind === 'load') return [nodeOf({ ...op, src: made.register, off: made.off })];
      return [nodeOf({ ...op, dst: made.register, off: made.off })];
    }),
};

type Increment = { register: number; by: number };

const incrementOf = (op: Operation): Increment | undefined => {
  if (op.kind !== 'alu' || op.width !== 64 || op.src.kind !== 'imm') return undefined;
  if (op.op === 'add') return { register: op.dst, by: op.src.imm };
  return op.op === 'sub' ? { register: op.dst, by: -op.src.imm } : undefined;
};

/** The operation as it must read once `register` has not been increased yet; undefined when it can't wait. */
const before = (op: Operation, { register, by }: Increment): Operation | undefined => {
  const bit = 1 << register;
  const { reads, writes } = registersOf(op);
  if (writes & bit || op.kind === 'call' || op.kind === 'callx' || op.kind === 'exit') return undefined;
  if ((reads & bit) === 0) return op;
  if (op.kind === 'load' && fits16(op.off + by)) return { ...op, off: op.off + by };
  const storesIt = op.kind === 'store' && op.src.kind === 'reg' && op.src.reg === register;
  if (op.kind === 'store' && !storesIt && fits16(op.off + by)) return { ...op, off: op.off + by };
  return undefined;
};

/** `r += 4; …; r = *(r + 0)` needs no increment. */
const absorb = (op: Operation, { register, by }: Increment): Operation | undefined =>
  op.kind === 'load' && op.src === register && op.dst === register && fits16(op.off + by)
    ? { ...op, off: op.off + by }
    : undefined;

/** Moves each increment down to the next one of the same register, within a block. */
const sink = (code: Code): Code | undefined => {
  const out: Node[] = copyCode(code);
  const targets = new Set(out.map((n) => n.target));
  let changed = false;
  for (let i = 0; i < out.length; i++) {
    const node = out[i]!;
    const first = incrementOf(node.op);
    if (!first || targets.has(node)) continue;
    const moved: Node[] = [];
    for (let j = i + 1; j < out.length; j++) {
      const next = out[j]!;
      const second = incrementOf(next.op);
      if (targets.has(next) || next.target || next.op.kind === 'jump') break;
      if (second?.register === first.register) {
        const imm = first.by + second.by;
        if (Math.abs(imm) >= 2 ** 31) break;
        const sum = nodeOf({
          kind: 'alu',
          width: 64,
          op: 'add',
          dst: first.register,
          src: { kind: 'imm', imm },
        });
        out.splice(i, j - i + 1, ...moved, sum);
        changed = true;
        i--;
        break;
      }
      const absorbed = absorb(next.op, first);
      if (absorbed) {
        out.splice(i, j - i + 1, ...moved, nodeOf(absorbed));
        changed = true;
        i--;
        break;
      }
      const op = before(next.op, first);
      if (!op) break;
      moved.push(nodeOf(op));
    }
  }
  return changed ? out : undefined;
};

export const incrementMerging: Rule = {
  name: 'increment-merging',
  doc: 'Adds up constant increments of a register, moving loads and stores between them to larger offsets.',
  apply: sink,
};
