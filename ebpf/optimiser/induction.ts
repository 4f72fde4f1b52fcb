/** Addresses that a loop computes anew in each turn from a base and an index: a pointer that moves with the index. */
import type { Operation } from '../instruction.ts';
import { registersOf } from '../prover/flow.ts';
import { type Code, copyCode, type Node, nodeOf, positionsOf } from './code.ts';
import { liveAfter } from './liveness.ts';
import { type Loop, loopsOf } from './loops.ts';
import type { Move } from './rule.ts';
import { copyOf } from './webs.ts';

type Address = {
  readonly at: number;
  readonly base: number;
  readonly index: number;
  readonly by: number;
  readonly step: number;
};

const add = (dst: number, src: Operation & { kind: 'alu' }): Node => nodeOf({ ...src, dst });

const registerAdd = (op: Operation | undefined, dst: number): number | undefined =>
  op?.kind === 'alu' && op.op === 'add' && op.width === 64 && op.dst === dst && op.src.kind === 'reg'
    ? op.src.reg
    : undefined;

/** The one place in the loop where this register is written, if it adds a constant there. */
const stepOf = (
  code: Code,
  { header, latch }: Loop,
  register: number,
): { by: number; step: number } | undefined => {
  const writes: number[] = [];
  for (let i = header; i <= latch; i++) if (registersOf(code[i]!.op).writes & (1 << register)) writes.push(i);
  const op = code[writes[0] ?? -1]?.op;
  if (writes.length !== 1 || op?.kind !== 'alu' || op.op !== 'add' || op.width !== 64) return undefined;
  return op.src.kind === 'imm' ? { by: op.src.imm, step: writes[0]! } : undefined;
};

const isSteady = (code: Code, { header, latch }: Loop, register: number): boolean =>
  code.slice(header, latch + 1).every(({ op }) => (registersOf(op).writes & (1 << register)) === 0);

/** `a = base; a += index` in a loop where base stays and index is stepped, either way round. */
const addressesOf = (code: Code, loop: Loop): Address[] => {
  const out: Address[] = [];
  const targets = new Set(code.map((n) => n.target));
  for (let at = loop.header; at < loop.latch; at++) {
    const copy = copyOf(code[at]!.op);
    const other = copy && registerAdd(code[at + 1]?.op, copy.dst);
    if (!copy || other === undefined || other === copy.dst || targets.has(code[at + 1])) continue;
    for (const [base, index] of [
      [copy.src, other],
      [other, copy.src],
    ] as const) {
      const stepped = stepOf(code, loop, index);
      if (stepped && isSteady(code, loop, base)) out.push({ at, base, index, ...stepped });
    }
  }
  return out;
};

const freeIn = (code: Code, live: readonly number[], { header, latch }: Loop): number[] => {
  let busy = header > 0 ? live[header - 1]! : 0;
  let calls = false;
  for (let i = header; i <= latch; i++) {
    const { reads, writes } = registersOf(code[i]!.op);
    busy |= reads | writes | live[i]!;
    calls ||= code[i]!.op.kind === 'call';
  }
  return [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].filter((r) => (busy & (1 << r)) === 0 && !(calls && r <= 5));
};

/** Puts the pointer into `pointer` before the loop, steps it after each index step, and copies it where it was computed. */
const apply = (code: Code, loop: Loop, addresses: readonly Address[], pointer: number): Code => {
  const copy = copyCode(code);
  const { base, index, by, step } = addresses[0]!;
  const header = copy[loop.header]!;
  const plain = { kind: 'alu', width: 64 } as const;
  const enter = [
    nodeOf({ ...plain, op: 'mov', dst: pointer, src: { kind: 'reg', reg: base } }),
    nodeOf({ ...plain, op: 'add', dst: pointer, src: { kind: 'reg', reg: index } }),
  ];
  for (const [i, node] of copy.entries())
    if (node.target === header && (i < loop.header || i > loop.latch)) node.target = enter[0];
  const out: Node[] = [];
  for (const [i, node] of copy.entries()) {
    if (i === loop.header) out.push(...enter);
    const replaced = addresses.find((a) => i === a.at || i === a.at + 1);
    // What is jumped to stays the node that it is.
    if (!replaced || i === replaced.at) out.push(node);
    else
      out.push(
        add((node.op as { dst: number }).dst, {
          ...plain,
          op: 'mov',
          dst: 0,
          src: { kind: 'reg', reg: pointer },
        }),
      );
    if (i === step) out.push(nodeOf({ ...plain, op: 'add', dst: pointer, src: { kind: 'imm', imm: by } }));
  }
  const first = out.find((n) => n.op === header.op && out.indexOf(n) >= loop.header + 2)!;
  for (const node of out) if (node.target === header) node.target = first;
  return out;
};

export const pointerInduction: Move = {
  name: 'pointer-induction',
  doc: 'Steps a pointer along with the index of a loop in place of adding index and base in each turn.',
  sites: (code) => {
    const positions = positionsOf(code);
    const live = liveAfter(code);
    return loopsOf(code).flatMap((loop) => {
      const addresses = addressesOf(code, loop);
      const [pointer] = freeIn(code, live, loop);
      const isEntered = code.some((n) => n.target && positions.get(n.target)! === loop.header);
      if (addresses.length === 0 || pointer === undefined || !isEntered) return [];
      const { base, index } = addresses[0]!;
      const alike = addresses.filter((a) => a.base === base && a.index === index);
      return [apply(code, loop, alike, pointer)];
    });
  },
};
