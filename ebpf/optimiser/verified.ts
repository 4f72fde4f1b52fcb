/** Rules on what the verifier proved: branches that go one way only, upper halves that are zero. */
import { slotsOf } from '../instruction.ts';
import { FACT } from '../wasm/index.ts';
import { type Code, copyCode, type Node, nodeOf, replaceNodes } from './code.ts';
import type { Rule } from './rule.ts';

/** The rewrite of every node with its facts; undefined when the verifier refuses the code or nothing changed. */
const rewriteWithFacts = (
  code: Code,
  facts: Uint8Array | undefined,
  rewrite: (node: Node, flags: number, index: number) => Node[] | undefined,
): Code | undefined => {
  if (!facts) return undefined;
  let slot = 0;
  let changed = false;
  const out = replaceNodes(copyCode(code), (node, index) => {
    const flags = facts[slot]!;
    slot += slotsOf(node.op);
    const made = rewrite(node, flags, index);
    if (made) changed = true;
    return made;
  });
  return changed ? out : undefined;
};

export const verifiedBranches: Rule = {
  name: 'verified-branches',
  doc: 'Takes branches that the ranges proven by the verifier decide.',
  apply: (code, { facts }) =>
    rewriteWithFacts(code, facts?.(code), (node, flags) => {
      if (node.op.kind !== 'branch') return undefined;
      if (flags & FACT.alwaysTaken) return [nodeOf({ kind: 'jump', long: false, off: 0 }, node.target)];
      return flags & FACT.neverTaken ? [] : undefined;
    }),
};

export const zeroExtensions: Rule = {
  name: 'zero-extensions',
  doc: 'Drops what only clears an upper half that is zero already; a copy of such a half becomes a plain copy.',
  apply: (code, { facts }) =>
    rewriteWithFacts(code, facts?.(code), (node, flags, index) => {
      const { op } = node;
      const after = code[index + 1]?.op;
      const isPair =
        op.kind === 'alu' && op.width === 64 && op.op === 'lsh' && op.src.kind === 'imm' && op.src.imm === 32;
      if (isPair && flags & FACT.dstUpperZero && after?.kind === 'alu' && after.dst === op.dst)
        return undefined;
      if (op.kind !== 'alu' || op.op !== 'mov' || op.width !== 32 || op.src.kind !== 'reg') return undefined;
      if ((flags & FACT.srcUpperZero) === 0) return undefined;
      return op.src.reg === op.dst ? [] : [nodeOf({ ...op, width: 64 })];
    }),
};
