/** Rules on values that are computed or copied more than once. */
import type { Operation } from '../instruction.ts';
import { nodeOf } from './code.ts';
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
      const same = dst === op.dst && (op.src.kind === 'imm' || (src.kind === 'reg' && src.reg === op.src.reg));
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
