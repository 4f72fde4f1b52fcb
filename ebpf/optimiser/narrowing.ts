/** Parts of loaded values are loaded by themselves. */
import type { Operation, Size } from '../instruction.ts';
import { registersOf } from '../prover/flow.ts';
import { type Code, isEnd, type Node, nodeOf } from './code.ts';
import { liveAfter } from './liveness.ts';
import type { Rule } from './rule.ts';
import { type Byte, rewriteWithValues, type Values } from './values.ts';

type Part = { readonly size: Size; readonly root: number; readonly offset: number };

/** The load that gives these bytes in their order, and zeros above; they must not have changed since. */
const partOf = (bytes: readonly Byte[], values: Values): Part | undefined => {
  const count = bytes.indexOf('zero');
  const size = count < 0 ? 8 : count;
  const [first] = bytes;
  if ((size !== 1 && size !== 2 && size !== 4) || !first || first === 'zero') return undefined;
  const isLoaded = (b: Byte, i: number) =>
    b !== undefined &&
    b !== 'zero' &&
    b.root === first.root &&
    b.offset === first.offset + i &&
    b.epoch === values.epochOf(b.root, b.offset);
  if (!bytes.slice(0, size).every(isLoaded) || !bytes.slice(size).every((b) => b === 'zero'))
    return undefined;
  return { size, root: first.root, offset: first.offset };
};

/** The register that points near a place, and how far from it. */
const baseOf = ({ root, offset }: Part, values: Values): { src: number; off: number } | undefined => {
  for (let src = 0; src <= 10; src++) {
    const base = values.info(values.regs[src]!);
    const off = offset - base.offset;
    if (base.root === root && off >= -0x8000 && off <= 0x7fff) return { src, off };
  }
  return undefined;
};

/** Whether what gave the register its value, in this block, goes when the node at `index` needs it no more. */
const hasOneReader = (
  code: Code,
  index: number,
  r: number,
  starts: ReadonlySet<Node | undefined>,
): boolean => {
  for (let i = index - 1; i >= 0 && !isEnd(code[i]!) && !starts.has(code[i + 1]); i--) {
    const { op } = code[i]!;
    const { reads, writes } = registersOf(op);
    if ((writes & (1 << r)) !== 0) return op.kind === 'load' || (op.kind === 'alu' && op.op === 'mov');
    if ((reads & (1 << r)) !== 0 || op.kind === 'branch') return false;
  }
  return false;
};

const isExtraction = (op: Operation): op is Operation & { kind: 'alu' } =>
  op.kind === 'alu' && (op.op === 'and' || op.op === 'rsh') && op.src.kind === 'imm';

/** Rewrites the first place at or after `from`; where the next search goes on. */
const narrowFrom = (code: Code, from: number): { made: Code; next: number } | undefined => {
  const starts = new Set(code.map((n) => n.target));
  const live = liveAfter(code);
  let next: number | undefined;
  const made = rewriteWithValues(code, ({ op }, values, index) => {
    if (next !== undefined || index < from) return undefined;
    if (!isExtraction(op) || (live[index]! & (1 << op.dst)) === 0) return undefined;
    const value = values.result(op);
    const part = value === undefined ? undefined : partOf(values.info(value).bytes, values);
    const base = part && baseOf(part, values);
    if (!part || !base || !hasOneReader(code, index, op.dst, starts)) return undefined;
    next = index + 1;
    return [nodeOf({ kind: 'load', size: part.size, signed: false, dst: op.dst, ...base })];
  });
  return made && next !== undefined ? { made, next } : undefined;
};

export const narrowLoads: Rule = {
  name: 'narrow-loads',
  doc: 'Loads the bytes that a mask or a shift takes out of a value, where the value was copied or loaded for that alone.',
  apply: (code, { facts }) => {
    let from = 0;
    for (let found = narrowFrom(code, from); found; found = narrowFrom(code, from)) {
      // A field of the context can only be loaded whole; the verifier says so.
      if (!facts || facts(found.made)) return found.made;
      from = found.next;
    }
    return undefined;
  },
};
