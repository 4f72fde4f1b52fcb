/** Orders of a window's operations that keep every dependence. */
import { registersOf } from '../../ebpf/prover/flow.ts';
import { namesIn, readBy, writtenBy } from './names.ts';
import type { PlainOperation } from './window.ts';

const access = (op: PlainOperation) => {
  if (op.kind === 'load') return { base: op.src, off: op.off, size: op.size, writes: false };
  return op.kind === 'store' ? { base: op.dst, off: op.off, size: op.size, writes: true } : undefined;
};

/** Whether two accesses may touch the same byte. `version` counts the changes of a base before an operation. */
const overlap = (a: PlainOperation, b: PlainOperation, sameBase: boolean): boolean => {
  const [x, y] = [access(a), access(b)];
  if (!x || !y || (!x.writes && !y.writes)) return false;
  if (!sameBase || x.base !== y.base) return true;
  return x.off < y.off + y.size && y.off < x.off + x.size;
};

/** For each operation, those before it that have to stay before it. */
export const dependences = (ops: readonly PlainOperation[]): number[][] => {
  const versions = new Map<number, number>();
  const seen: { op: PlainOperation; version: number }[] = [];
  return ops.map((op) => {
    const base = access(op)?.base ?? -1;
    const version = versions.get(base) ?? 0;
    const written = writtenBy(op);
    const reads = readBy(op);
    const before: number[] = [];
    for (const [i, earlier] of seen.entries()) {
      const out = writtenBy(earlier.op);
      const ordered =
        (out !== undefined && reads.includes(out)) ||
        (written !== undefined && namesIn(earlier.op).includes(written)) ||
        overlap(earlier.op, op, earlier.version === version);
      if (ordered) before.push(i);
    }
    seen.push({ op, version });
    if (written !== undefined) versions.set(written, (versions.get(written) ?? 0) + 1);
    return before;
  });
};

/** Indices in an order that keeps the dependences and otherwise takes the smallest priority first. */
export const ordered = (before: readonly number[][], priority: (index: number) => number): number[] => {
  const left = new Set(before.keys());
  const out: number[] = [];
  while (left.size > 0) {
    let best = -1;
    for (const i of left) {
      if (before[i]!.some((j) => left.has(j))) continue;
      if (best < 0 || priority(i) < priority(best)) best = i;
    }
    left.delete(best);
    out.push(best);
  }
  return out;
};

/** True dependences, and those of registers that are used again. */
export const registerDependences = (ops: readonly PlainOperation[]): number[][] => {
  const effects = ops.map(registersOf);
  return dependences(ops).map((before, i) => {
    const { reads, writes } = effects[i]!;
    const all = new Set(before);
    for (let j = 0; j < i; j++)
      if ((effects[j]!.writes & (reads | writes)) !== 0 || (effects[j]!.reads & writes) !== 0) all.add(j);
    return [...all];
  });
};
