/** Tests of bytes next to each other that lead to the same place become one test of a wider load. */
import type { Branch, Operation, Size } from '../instruction.ts';
import { type Code, copyCode, type Node, nodeOf, replaceNodes } from './code.ts';
import { liveAfter } from './liveness.ts';
import type { Move } from './rule.ts';
import { rewriteWithValues, type ValueId } from './values.ts';

/** `d = *(p + off); if d != value goto away`, and what is needed to see whether two of them lie side by side. */
type Test = {
  readonly index: number;
  readonly load: Operation & { kind: 'load' };
  readonly branch: Branch;
  readonly away: Node;
  readonly root: ValueId;
  readonly at: number;
  readonly value: bigint;
  readonly isEntered: boolean;
};

const testsOf = (code: Code): Test[] => {
  const tests: Test[] = [];
  const live = liveAfter(code);
  const targets = new Set(code.map((n) => n.target));
  rewriteWithValues(code, ({ op }, values, index) => {
    const branch = code[index + 1];
    if (op.kind !== 'load' || op.signed || branch?.op.kind !== 'branch' || targets.has(branch))
      return undefined;
    const { op: test } = branch;
    if (test.op !== 'jne' || test.dst !== op.dst || test.src.kind !== 'imm' || test.src.imm < 0)
      return undefined;
    if (live[index + 1]! & (1 << op.dst) || op.size > 2) return undefined;
    const { root, offset } = values.info(values.regs[op.src]!);
    const value = BigInt(test.src.imm);
    const isEntered = targets.has(code[index]!);
    tests.push({
      index,
      load: op,
      branch: test,
      away: branch.target!,
      root,
      at: offset + op.off,
      value,
      isEntered,
    });
    return undefined;
  });
  return tests;
};

/** Both tests as one; undefined when they do not fit together. */
const joined = (first: Test, second: Test): Operation[] | undefined => {
  const { size } = first.load;
  const isNext = second.index === first.index + 2 && second.away === first.away && second.root === first.root;
  if (!isNext || second.isEntered || second.load.size !== size || Math.abs(second.at - first.at) !== size)
    return undefined;
  const [low, high] = first.at < second.at ? [first, second] : [second, first];
  const bits = BigInt(8 * size);
  if (low.value >> bits !== 0n || high.value >> bits !== 0n) return undefined;
  const imm = Number(BigInt.asIntN(32, low.value | (high.value << bits)));
  const off = first.load.off + low.at - first.at;
  const load = { ...first.load, size: (2 * size) as Size, off };
  return [load, { ...first.branch, width: 32, src: { kind: 'imm', imm } }];
};

const joinAll = (code: Code): Code | undefined => {
  const tests = testsOf(code);
  const made = new Map<number, Operation[] | null>();
  for (const [n, second] of tests.entries()) {
    const first = tests[n - 1];
    if (!first || made.has(first.index)) continue;
    const ops = joined(first, second);
    if (!ops) continue;
    made.set(first.index, ops);
    for (const i of [first.index + 1, second.index, second.index + 1]) made.set(i, null);
  }
  if (made.size === 0) return undefined;
  const copy = copyCode(code);
  return replaceNodes(copy, (_, i) => {
    const ops = made.get(i);
    if (ops === undefined) return undefined;
    return (ops ?? []).map((op) => nodeOf(op, op.kind === 'branch' ? copy[i + 1]!.target : undefined));
  });
};

export const testJoining: Move = {
  name: 'test-joining',
  doc: 'Tests at once what is loaded from places next to each other, where each difference leads to the same place.',
  sites: (code) => {
    let made = code;
    for (let next = joinAll(made); next; next = joinAll(made)) made = next;
    return made === code ? [] : [made];
  },
};
