/** Rules on values that are computed or copied more than once. */
import type { Alu, Operation } from '../instruction.ts';
import { registersOf } from '../prover/flow.ts';
import { type Code, copyCode, isEnd, type Node, nodeOf, replaceNodes } from './code.ts';
import { liveAfter } from './liveness.ts';
import type { Rule } from './rule.ts';
import { rewriteWithValues, type Values } from './values.ts';

const older = (register: number, values: Values): number => {
  const holder = values.holder(values.regs[register]!);
  return holder === undefined ? register : holder;
};

/** The operation reading each operand from the register that has held it longest. */
const withOldest = (op: Operation, values: Values): Operation | undefined => {
  switch (op.kind) {
    case 'alu':
    case 'branch':
    case 'store': {
      const src = op.src.kind === 'reg' ? ({ kind: 'reg', reg: older(op.src.reg, values) } as const) : op.src;
      const dst = op.kind === 'alu' ? op.dst : older(op.dst, values);
      const same =
        dst === op.dst && (op.src.kind === 'imm' || (src.kind === 'reg' && src.reg === op.src.reg));
      return same ? undefined : { ...op, dst, src };
    }
    case 'load':
    case 'movsx': {
      const src = older(op.src, values);
      return src === op.src ? undefined : { ...op, src };
    }
    default:
      return undefined;
  }
};

export const copyPropagation: Rule = {
  name: 'copy-propagation',
  doc: 'Reads a value from the register that has held it longest, so that copies become unused.',
  apply: (code) =>
    rewriteWithValues(code, (node, values) => {
      const op = withOldest(node.op, values);
      return op && [nodeOf(op, node.target)];
    }),
};

const isCopy = (op: Operation) => op.kind === 'alu' && op.op === 'mov';

export const commonSubexpressions: Rule = {
  name: 'common-subexpressions',
  doc: 'Takes a value that a register holds already in place of computing or loading it again.',
  apply: (code) =>
    rewriteWithValues(code, ({ op }, values) => {
      const value = values.result(op);
      if (value === undefined || !('dst' in op)) return undefined;
      if (values.regs[op.dst] === value) return [];
      const holder = values.holder(value);
      if (holder === undefined || isCopy(op)) return undefined;
      return [nodeOf({ kind: 'alu', width: 64, op: 'mov', dst: op.dst, src: { kind: 'reg', reg: holder } })];
    }),
};

const commutes = new Set(['add', 'mul', 'or', 'and', 'xor']);

type Targets = ReadonlySet<Node | undefined>;

/** The index of `y = x` after `x op= y`, with nothing between that touches either; undefined when there is none. */
const copyBack = (code: Code, from: number, op: Alu, y: number, targets: Targets): number | undefined => {
  const x = op.dst;
  for (let i = from + 1; i < code.length; i++) {
    const next = code[i]!.op;
    if (targets.has(code[i]!)) return undefined;
    if (next.kind === 'alu' && next.op === 'mov' && next.dst === y && next.src.kind === 'reg')
      if (next.src.reg === x) return next.width === op.width ? i : undefined;
    const { reads, writes } = registersOf(next);
    if (code[i]!.target || isEnd(code[i]!) || ((reads | writes) & ((1 << x) | (1 << y))) !== 0)
      return undefined;
  }
  return undefined;
};

/** Replaces (or removes, with null) nodes by index. */
const edit = (code: Code, changes: ReadonlyMap<number, Operation | null>): Code | undefined => {
  if (changes.size === 0) return undefined;
  return replaceNodes(copyCode(code), (_, i) => {
    const made = changes.get(i);
    return made === undefined ? undefined : made === null ? [] : [nodeOf(made)];
  });
};

/** `x op= y; y = x` is `y op= x` where x is not read again. */
export const operandSwapping: Rule = {
  name: 'operand-swapping',
  doc: 'Accumulates in the register that the result is copied to.',
  apply: (code) => {
    const live = liveAfter(code);
    const targets = new Set(code.map((n) => n.target));
    const changes = new Map<number, Operation | null>();
    for (let i = 0; i < code.length; i++) {
      const { op } = code[i]!;
      if (op.kind !== 'alu' || !commutes.has(op.op) || op.src.kind !== 'reg' || op.src.reg === op.dst)
        continue;
      const copy = copyBack(code, i, op, op.src.reg, targets);
      if (copy === undefined || (live[copy]! & (1 << op.dst)) !== 0) continue;
      changes.set(i, { ...op, dst: op.src.reg, src: { kind: 'reg', reg: op.dst } });
      changes.set(copy, null);
      i = copy;
    }
    return edit(code, changes);
  },
};

/** `x = …; y = x` is `y = …` where x is not read again. */
export const copyForwarding: Rule = {
  name: 'copy-forwarding',
  doc: 'Computes a value in the register that it is copied to right after.',
  apply: (code) => {
    const live = liveAfter(code);
    const targets = new Set(code.map((n) => n.target));
    const changes = new Map<number, Operation | null>();
    for (let i = 0; i + 1 < code.length; i++) {
      const { op } = code[i]!;
      const copy = code[i + 1]!.op;
      if (copy.kind !== 'alu' || copy.op !== 'mov' || copy.width !== 64 || copy.src.kind !== 'reg') continue;
      const isFresh = op.kind === 'load' || op.kind === 'movsx' || (op.kind === 'alu' && op.op === 'mov');
      if (!isFresh || op.dst !== copy.src.reg || targets.has(code[i + 1]!)) continue;
      if ((live[i + 1]! & (1 << op.dst)) !== 0) continue;
      changes.set(i, { ...op, dst: copy.dst });
      changes.set(i + 1, null);
      i++;
    }
    return edit(code, changes);
  },
};
