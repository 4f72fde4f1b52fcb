/** Checks of a pointer against an end: one that reaches further makes an earlier one and itself the same. */
import type { Branch, Operation } from '../instruction.ts';
import { registersOf } from '../prover/flow.ts';
import { type Code, copyCode, type Node, nodeOf, replaceNodes } from './code.ts';
import { liveAfter } from './liveness.ts';
import type { Move } from './rule.ts';
import { rewriteWithValues, type ValueId } from './values.ts';

type Check = {
  readonly index: number;
  readonly branch: Branch;
  readonly root: ValueId;
  readonly offset: number;
  readonly end: ValueId;
  readonly target: Node;
};

/** Checks `if pointer > end goto away`, in extended basic blocks, in order. */
const checksOf = (code: Code): Check[] => {
  const checks: Check[] = [];
  rewriteWithValues(code, (node, values, index) => {
    const { op } = node;
    if (op.kind !== 'branch' || op.op !== 'jgt' || op.width !== 64 || op.src.kind !== 'reg') return undefined;
    const { root, offset } = values.info(values.regs[op.dst]!);
    const target = code[index]!.target!;
    checks.push({ index, branch: op, root, offset, end: values.regs[op.src.reg]!, target });
    return undefined;
  });
  return checks;
};

const freeAt = (code: Code, live: readonly number[], index: number): number | undefined => {
  const busy = live[index]! | registersOf(code[index]!.op).reads;
  return [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].find((r) => (busy & (1 << r)) === 0);
};

/**
 * Whether failing earlier is the same: between the checks nothing is done that shows, every way out leads where a failed check
 * leads, and nothing that is read there is written.
 */
const failsAlike = (code: Code, live: readonly number[], first: Check, second: Check): boolean => {
  const away = code.indexOf(first.target);
  const { reads, writes } = registersOf(code[away]!.op);
  const wanted = reads | (live[away]! & ~writes);
  return code.slice(first.index + 1, second.index).every(({ op, target }) => {
    if (target && target !== first.target) return false;
    const isPlain = op.kind === 'branch' || PLAIN.has(op.kind);
    return isPlain && (registersOf(op).writes & wanted) === 0;
  });
};

const PLAIN: ReadonlySet<Operation['kind']> = new Set(['alu', 'neg', 'movsx', 'swap', 'load', 'ld_imm64']);

/** The earlier check reaching as far as the later one, which goes. */
const merged = (code: Code, first: Check, second: Check): Code | undefined => {
  const by = second.offset - first.offset;
  const live = liveAfter(code);
  const register = freeAt(code, live, first.index);
  if (register === undefined || !failsAlike(code, live, first, second)) return undefined;
  const add = { kind: 'alu', width: 64, op: 'add', dst: register, src: { kind: 'imm', imm: by } } as const;
  const copy = {
    kind: 'alu',
    width: 64,
    op: 'mov',
    dst: register,
    src: { kind: 'reg', reg: first.branch.dst },
  } as const;
  return replaceNodes(copyCode(code), (node, i) => {
    if (i === second.index) return [];
    if (i !== first.index) return undefined;
    return [nodeOf(copy), nodeOf(add), nodeOf({ ...first.branch, dst: register }, node.target)];
  });
};

export const boundsMerging: Move = {
  name: 'bounds-merging',
  doc: 'Checks once, as far as a later check of the same pointer reaches, where both fail alike.',
  sites: (code) => {
    const checks = checksOf(code);
    return checks.flatMap((second, n) =>
      checks
        .slice(0, n)
        .filter((c) => c.root === second.root && c.end === second.end && c.target === second.target)
        .filter((c) => c.offset < second.offset)
        .slice(-1)
        .map((first) => merged(code, first, second))
        .filter((c) => c !== undefined),
    );
  },
};
