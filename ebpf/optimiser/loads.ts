/** Load combining: bytes that are loaded one by one and put together become one wide load. */
import type { ByteSwap, Size } from '../instruction.ts';
import { type Node, nodeOf } from './code.ts';
import type { Rule } from './rule.ts';
import { type Byte, rewriteWithValues, type ValueId, type Values } from './values.ts';

type Run = { size: Size; root: ValueId; offset: number; swapped: boolean };

/** The one load, with its byte order, that gives these bytes and zeros above. */
const runOf = (bytes: readonly Byte[], values: Values): Run | undefined => {
  const low = bytes.filter((b) => b !== 'zero');
  const size = low.length;
  if (size !== 2 && size !== 4 && size !== 8) return undefined;
  const [first, second] = low;
  if (!first || !second || bytes[0] === 'zero') return undefined;
  const step = second.offset - first.offset;
  const inOrder = bytes.slice(0, size).every((b, i) => {
    if (b === undefined || b === 'zero') return false;
    return b.root === first.root && b.offset === first.offset + step * i && b.epoch === values.epochOf(b.root);
  });
  if (!inOrder || (step !== 1 && step !== -1)) return undefined;
  const swapped = step === -1;
  return { size, root: first.root, offset: swapped ? first.offset - size + 1 : first.offset, swapped };
};

const loadOf = (run: Run, dst: number, values: Values): Node[] | undefined => {
  for (let r = 0; r <= 10; r++) {
    const base = values.info(values.regs[r]!);
    const off = run.offset - base.offset;
    if (base.root !== run.root || off < -0x8000 || off > 0x7fff) continue;
    const load = nodeOf({ kind: 'load', size: run.size, signed: false, dst, src: r, off });
    const bits = (run.size * 8) as ByteSwap['bits'];
    return run.swapped ? [load, nodeOf({ kind: 'swap', order: 'be', bits, dst })] : [load];
  }
  return undefined;
};

export const loadCombining: Rule = {
  name: 'load-combining',
  doc: 'Replaces bytes that are loaded and shifted together by one wide load, swapped where the order is the other one.',
  apply: (code) =>
    rewriteWithValues(code, ({ op }, values) => {
      if (op.kind !== 'alu' || !['or', 'add', 'xor'].includes(op.op)) return undefined;
      const value = values.result(op);
      const run = value === undefined ? undefined : runOf(values.info(value).bytes, values);
      return run && loadOf(run, op.dst, values);
    }),
};
