/** Rules on neighbours: pairs of shifts that are one extension, masks that a branch can test itself. */
import type { Alu, Operation } from '../instruction.ts';
import { type Code, copyCode, type Node, nodeOf, replaceNodes } from './code.ts';
import { liveAfter } from './liveness.ts';
import type { Rule } from './rule.ts';

/** Pairs of neighbours, the second of which nothing jumps to. */
const rewritePairs = (
  code: Code,
  rewrite: (first: Node, second: Node, live: number) => Node[] | undefined,
): Code | undefined => {
  const copy = copyCode(code);
  const targets = new Set(copy.map((n) => n.target));
  const live = liveAfter(code);
  let skip = -1;
  let changed = false;
  const out = replaceNodes(copy, (node, i) => {
    if (i === skip) return [];
    const second = copy[i + 1];
    if (!second || targets.has(second)) return undefined;
    const made = rewrite(node, second, live[i + 1]!);
    if (!made) return undefined;
    changed = true;
    skip = i + 1;
    return made;
  });
  return changed ? out : undefined;
};

const isShift = (op: Operation, name: Alu['op']): op is Alu & { src: { kind: 'imm'; imm: number } } =>
  op.kind === 'alu' && op.width === 64 && op.op === name && op.src.kind === 'imm';

const extensionOf = (a: Operation, b: Operation): Operation | undefined => {
  if (!isShift(a, 'lsh') || b.kind !== 'alu' || b.dst !== a.dst) return undefined;
  const bits = 64 - a.src.imm;
  const same = b.src.kind === 'imm' && b.src.imm === a.src.imm && b.width === 64;
  if (!same || (bits !== 8 && bits !== 16 && bits !== 32)) return undefined;
  const { dst } = a;
  if (b.op === 'arsh') return { kind: 'movsx', width: 64, bits, dst, src: dst };
  if (b.op !== 'rsh') return undefined;
  if (bits === 32) return { kind: 'alu', width: 32, op: 'mov', dst, src: { kind: 'reg', reg: dst } };
  return { kind: 'alu', width: 64, op: 'and', dst, src: { kind: 'imm', imm: 2 ** bits - 1 } };
};

export const shiftPairs: Rule = {
  name: 'shift-pairs',
  doc: 'Makes one extension, or one mask, of a shift to the left and the same shift back.',
  apply: (code) =>
    rewritePairs(code, (first, second) => {
      const made = extensionOf(first.op, second.op);
      return made && [nodeOf(made)];
    }),
};

export const signedLoads: Rule = {
  name: 'signed-loads',
  doc: 'Loads with the extension that follows the load.',
  apply: (code) =>
    rewritePairs(code, ({ op: load }, { op: next }, live) => {
      if (load.kind !== 'load' || load.signed || load.size === 8) return undefined;
      const isDead = (r: number) => r === (next as { dst: number }).dst || (live & (1 << r)) === 0;
      if (next.kind === 'movsx' && next.width === 64 && next.bits === load.size * 8)
        if (next.src === load.dst && isDead(load.dst))
          return [nodeOf({ ...load, dst: next.dst, signed: true })];
      const masks =
        next.kind === 'alu' && next.op === 'and' && next.src.kind === 'imm' && next.dst === load.dst;
      if (masks && load.size < 4 && next.src.kind === 'imm' && next.src.imm === 2 ** (8 * load.size) - 1)
        return [nodeOf(load)];
      return undefined;
    }),
};

export const bitTests: Rule = {
  name: 'bit-tests',
  doc: 'Branches on the bits of a mask in place of masking first.',
  apply: (code) =>
    rewritePairs(code, ({ op: mask }, { op: branch, target }, live) => {
      if (mask.kind !== 'alu' || mask.op !== 'and' || branch.kind !== 'branch' || branch.op !== 'jne')
        return undefined;
      const isZero = branch.src.kind === 'imm' && branch.src.imm === 0 && branch.dst === mask.dst;
      const wide = mask.width === 64 && mask.src.kind === 'imm' && mask.src.imm < 0;
      if (!isZero || wide || branch.width < mask.width || (live & (1 << mask.dst)) !== 0) return undefined;
      if (mask.src.kind === 'reg' && mask.src.reg === mask.dst) return undefined;
      return [nodeOf({ ...branch, width: mask.width, op: 'jset', src: mask.src }, target)];
    }),
};
