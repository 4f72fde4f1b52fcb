/** What a call of a helper reads: registers, and memory behind pointers. */
import { type ArgumentType, helpers, vectors } from '../../abi/index.ts';
import type { Operation } from '../instruction.ts';

/** `buffer`: memory whose size hangs on other arguments. */
export type Argument = ArgumentType | 'buffer';

const vectorArguments = Object.values(vectors).map((v) => ({
  id: v.id,
  args: Object.values(v.args).map((a): Argument => ('elements' in a ? 'buffer' : 'scalar')),
  writes: Object.values(v.args).some((a) => a.kind === 'out' || a.kind === 'inout'),
}));

const byId: ReadonlyMap<number, readonly Argument[]> = new Map(
  [...Object.values(helpers), ...vectorArguments].map((h) => [h.id, h.args]),
);
const writers: ReadonlySet<number> = new Set(vectorArguments.filter((v) => v.writes).map((v) => v.id));

/** Kinds of a helper's arguments, r1 first; undefined for what is no known helper. */
export const argumentsOf = (op: Operation): readonly Argument[] | undefined =>
  op.kind === 'call' && op.form === 'helper' ? byId.get(op.imm) : undefined;

/** Whether a known helper may write to memory that it is given. */
export const writesMemory = (op: Operation): boolean =>
  op.kind === 'call' && op.form === 'helper' && writers.has(op.imm);
