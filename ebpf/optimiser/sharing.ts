/** Rules on values that are computed or copied more than once. */
import type { Operation } from '../instruction.ts';
import { registersOf } from '../prover/flow.ts';
import { type Code, copyCode, isEnd, nodeOf, replaceNodes } from './code.ts';
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

/** The index of `y = x` after `x op= y`, with nothing between that touches either; undefined when there is none. */
const copyBack = (code: Code, from: number, x: number, y: number, width: number): number | undefined => {
  const targets = new Set(code.map((n) => n.target));
  for (let i = from + 1; i < code.length; i++) {
    const { op } = code[i]!;
    if (targets.has(code[i]!)) return undefined;
    const copies = op.kind === 'alu' && op.op === 'mov' && op.dst === y && op.src.kind === 'reg';
    if (copies && op.src.kind === 'reg' && op.src.reg === x) return op.width === width ? i : undefined;
    const { reads, writes } = registersOf({ ...op, slot: 0 });
    if (code[i]!.target || isEnd(code[i]!) || ((reads | writes) & ((1 << x) | (1 << y))) !== 0)
      return undefined;
  }
  return undefined;
};

/** `x op= y; y = x` is `y op= x` where x is not read again. */
export const operandSwapping: Rule = {
  name: 'operand-swapping',
  doc: 'Accumulates in the register that the result is copied to.',
  apply: (code) => {
    const live = liveAfter(code);
    for (const [i, { op }] of code.entries()) {
      if (op.kind !== 'alu' || !commutes.has(op.op) || op.src.kind !== 'reg' || op.src.reg === op.dst)
        continue;
      const copy = copyBack(code, i, op.dst, op.src.reg, op.width);
      if (copy === undefined || (live[copy]! & (1 << op.dst)) !== 0) continue;
      const swapped = nodeOf({ ...op, dst: op.src.reg, src: { kind: 'reg', reg: op.dst } });
      const [from, back] = [code[i], code[copy]];
      const copied = copyCode(code);
      return replaceNodes(copied, (_, n) =>
        code[n] === from ? [swapped] : code[n] === back ? [] : undefined,
      );
    }
    return undefined;
  },
};

/** `x = y; …; y = x` with x unused between: computing in x what may be computed in y. */
export const copyForwarding: Rule = {
  name: 'copy-forwarding',
  doc: 'Computes a value in the register that it is copied to right after.',
  apply: (code) => {
    const live = liveAfter(code);
    const targets = new Set(code.map((n) => n.target));
    for (let i = 0; i + 1 < code.length; i++) {
      const { op } = code[i]!;
      const copy = code[i + 1]!.op;
      if (copy.kind !== 'alu' || copy.op !== 'mov' || copy.width !== 64 || copy.src.kind !== 'reg') continue;
      const isFresh = op.kind === 'load' || op.kind === 'movsx' || (op.kind === 'alu' && op.op === 'mov');
      if (!isFresh || op.dst !== copy.src.reg || targets.has(code[i + 1]!)) continue;
      if ((live[i + 1]! & (1 << op.dst)) !== 0) continue;
      const made = nodeOf({ ...op, dst: copy.dst });
      return replaceNodes(copyCode(code), (_, n) => (n === i ? [made] : n === i + 1 ? [] : undefined));
    }
    return undefined;
  },
};
