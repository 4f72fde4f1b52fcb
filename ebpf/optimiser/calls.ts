/** What a call of a helper reads: registers, and memory behind pointers. */
import { type ArgumentType, helpers } from '../../abi/index.ts';
import type { Operation } from '../instruction.ts';

const byId: ReadonlyMap<number, readonly ArgumentType[]> = new Map(
  Object.values(helpers).map((h) => [h.id, h.args]),
);

/** Kinds of a helper's arguments, r1 first; undefined for what is no known helper. */
export const argumentsOf = (op: Operation): readonly ArgumentType[] | undefined =>
  op.kind === 'call' && op.form === 'helper' ? byId.get(op.imm) : undefined;
