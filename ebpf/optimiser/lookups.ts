/** Rules on map lookups whose result is known before the program runs. */
import { helpers, MAP_FLAG_READ_ONLY, mapTypes } from '../../abi/index.ts';
import { type Node, nodeOf } from './code.ts';
import type { Rule } from './rule.ts';
import { rewriteWithValues, type Values } from './values.ts';

const isLookup = ({ op }: Node) =>
  op.kind === 'call' && op.form === 'helper' && op.imm === helpers.map_lookup_elem.id;

/** The constant key that r2 points to, where it lies in the frame and was stored before. */
const keyOf = (values: Values, size: number): bigint | undefined => {
  if (size !== 4) return undefined;
  return values.info(values.load(size, false, values.regs[2]!, 0)).constant;
};

export const constantLookups: Rule = {
  name: 'constant-lookups',
  doc: "Takes the address of an array's first value in place of looking it up: it is always there, so its check goes too.",
  apply: (code, { maps }) =>
    rewriteWithValues(code, (node, values) => {
      if (!isLookup(node)) return undefined;
      const index = values.handles.get(values.regs[1]!);
      const map = index === undefined ? undefined : maps[index];
      if (map?.type !== mapTypes.array || (map.flags & ~MAP_FLAG_READ_ONLY) !== 0) return undefined;
      if (keyOf(values, map.keySize) !== 0n) return undefined;
      return [nodeOf({ kind: 'ld_imm64', form: 'map_value', dst: 0, imm: BigInt(index!) })];
    }),
};
