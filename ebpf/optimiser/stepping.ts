/** Sums that a register is near already: it goes there in one step. */
import type { Operation } from '../instruction.ts';
import { registersOf } from '../prover/flow.ts';
import { type Code, type Node, nodeOf } from './code.ts';
import type { Rule } from './rule.ts';
import { rewriteWithValues, type Values } from './values.ts';
import { copyOf } from './webs.ts';

/** What the sum `d = x; d += y` holds, as a root and an offset; undefined when the two operations are no such sum. */
const sumAfter = (values: Values, first: Operation, second: Operation | undefined) => {
  const copy = copyOf(first);
  if (!copy || second?.kind !== 'alu' || second.op !== 'add' || second.width !== 64) return undefined;
  if (second.dst !== copy.dst || (second.src.kind === 'reg' && second.src.reg === copy.dst)) return undefined;
  const held = values.regs;
  values.regs = held.with(copy.dst, held[copy.src]!);
  const value = values.result(second);
  values.regs = held;
  return value === undefined ? undefined : { register: copy.dst, value };
};

/** Whether what the register holds before node `at` was made for something else than to be written over. */
const isUsed = (
  code: Code,
  at: number,
  register: number,
  targets: ReadonlySet<Node | undefined>,
): boolean => {
  for (let i = at - 1; i >= 0; i--) {
    if (targets.has(code[i + 1]!)) return true;
    const { op } = code[i]!;
    const { reads, writes } = registersOf(op);
    const isOwn = op.kind === 'alu' && op.dst === register;
    if (reads & (1 << register) && !isOwn) return true;
    if (writes & (1 << register) && !(isOwn && reads & (1 << register))) return false;
  }
  return true;
};

export const sumStepping: Rule = {
  name: 'sum-stepping',
  doc: 'Steps a register that is near a sum there, in place of adding up anew.',
  apply: (code: Code) => {
    const targets = new Set(code.map((n) => n.target));
    let gone = -1;
    return rewriteWithValues(code, ({ op }, values, index) => {
      if (index === gone) return [];
      const next = code[index + 1];
      const sum = next && !targets.has(next) ? sumAfter(values, op, next.op) : undefined;
      if (!sum) return undefined;
      const there = values.info(sum.value);
      const here = values.info(values.regs[sum.register]!);
      const imm = there.offset - here.offset;
      if (here.root !== there.root || imm !== (imm | 0)) return undefined;
      if (!isUsed(code, index, sum.register, targets)) return undefined;
      gone = index + 1;
      const step = {
        kind: 'alu',
        width: 64,
        op: 'add',
        dst: sum.register,
        src: { kind: 'imm', imm },
      } as const;
      return imm === 0 ? [] : [nodeOf(step)];
    });
  },
};
