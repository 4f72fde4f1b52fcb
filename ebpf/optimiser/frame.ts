/**
 * Which registers hold addresses inside the main function's frame, maps, or small constants, before each node; and which
 * bytes of the frame each node reads and writes. Forward data flow; pointers into the frame that are stored anywhere, or
 * handed to another function, make the whole answer undefined.
 */
import { bpf } from '../../abi/index.ts';
import type { Operation } from '../instruction.ts';
import { registersOf } from '../prover/flow.ts';
import { argumentsOf } from './calls.ts';
import { type Code, positionsOf, successors } from './code.ts';
import type { Context } from './rule.ts';

/** `some`: an unknown place of the frame; undefined: no pointer into it. */
type Held =
  | { readonly kind: 'frame'; readonly offset: number }
  | { readonly kind: 'some' }
  | { readonly kind: 'map'; readonly map: number }
  | { readonly kind: 'constant'; readonly value: number }
  | undefined;

export type FrameUse = { readonly reads: bigint; readonly writes: bigint };

const ALL = (1n << BigInt(bpf.STACK_BYTES)) - 1n;
const NOTHING: FrameUse = { reads: 0n, writes: 0n };

export const frameBytes = (offset: number, size: number): bigint => {
  const at = offset + bpf.STACK_BYTES;
  if (at < 0 || offset + size > 0) return ALL;
  return ((1n << BigInt(size)) - 1n) << BigInt(at);
};

const isFrame = (h: Held) => h?.kind === 'frame' || h?.kind === 'some';

const same = (a: Held, b: Held): boolean =>
  a === b || (a !== undefined && b !== undefined && JSON.stringify(a) === JSON.stringify(b));

const meet = (a: Held, b: Held): Held => {
  if (same(a, b)) return a;
  return isFrame(a) || isFrame(b) ? { kind: 'some' } : undefined;
};

const afterAlu = (op: Operation & { kind: 'alu' }, regs: readonly Held[]): Held => {
  const src = op.src.kind === 'reg' ? regs[op.src.reg] : ({ kind: 'constant', value: op.src.imm } as const);
  if (op.op === 'mov') return op.width === 64 || !isFrame(src) ? src : { kind: 'some' };
  const dst = regs[op.dst];
  if (op.width === 64 && dst?.kind === 'frame' && src?.kind === 'constant') {
    if (op.op === 'add') return { kind: 'frame', offset: dst.offset + src.value };
    if (op.op === 'sub') return { kind: 'frame', offset: dst.offset - src.value };
  }
  return isFrame(dst) || isFrame(src) ? { kind: 'some' } : undefined;
};

const transfer = (op: Operation, regs: readonly Held[]): Held[] => {
  const out = [...regs];
  const { writes } = registersOf(op);
  for (let r = 0; r <= 9; r++) if (writes & (1 << r)) out[r] = undefined;
  if (op.kind === 'alu') out[op.dst] = afterAlu(op, regs);
  if (op.kind === 'ld_imm64' && op.form === 'map')
    out[op.dst] = { kind: 'map', map: Number(op.imm & 0xffffffffn) };
  if ((op.kind === 'neg' || op.kind === 'swap') && isFrame(regs[op.dst])) out[op.dst] = { kind: 'some' };
  if (op.kind === 'movsx' && isFrame(regs[op.src])) out[op.dst] = { kind: 'some' };
  return out;
};

const place = (held: Held, off: number, size: number, certain: boolean): bigint => {
  if (held?.kind === 'frame') return frameBytes(held.offset + off, size);
  return held?.kind === 'some' && !certain ? ALL : 0n;
};

/** Bytes of the frame that a call's arguments show the outside; undefined when that is not known. */
const shown = (op: Operation, regs: readonly Held[], { maps }: Context): bigint | undefined => {
  const args = argumentsOf(op);
  if (!args) return undefined;
  let reads = 0n;
  const map = regs[1]?.kind === 'map' ? maps[regs[1].map] : undefined;
  for (const [i, type] of args.entries()) {
    const held = regs[i + 1];
    if (!isFrame(held) || type === 'size') continue;
    const sizes: Partial<Record<string, number | undefined>> = {
      map_key: map?.keySize,
      map_value: map?.valueSize,
      memory: regs[i + 2]?.kind === 'constant' ? (regs[i + 2] as { value: number }).value : undefined,
    };
    const size = sizes[type];
    if (type === 'scalar' || type === 'map') return undefined;
    reads |=
      size === undefined || held?.kind === 'some'
        ? ALL
        : frameBytes((held as { offset: number }).offset, size);
  }
  return reads;
};

const useOf = (op: Operation, regs: readonly Held[], context: Context): FrameUse | undefined => {
  switch (op.kind) {
    case 'load':
      return { reads: place(regs[op.src], op.off, op.size, false), writes: 0n };
    case 'store':
      if (op.src.kind === 'reg' && isFrame(regs[op.src.reg])) return undefined;
      return { reads: 0n, writes: place(regs[op.dst], op.off, op.size, true) };
    case 'atomic':
      return isFrame(regs[op.dst]) || isFrame(regs[op.src]) ? undefined : NOTHING;
    case 'call': {
      const reads = shown(op, regs, context);
      return reads === undefined ? undefined : { reads, writes: 0n };
    }
    case 'callx':
      return undefined;
    case 'exit':
      return isFrame(regs[0]) ? undefined : NOTHING;
    default:
      return NOTHING;
  }
};

const start = (): Held[] => {
  const regs: Held[] = Array(11).fill(undefined);
  regs[10] = { kind: 'frame', offset: 0 };
  return regs;
};

/** What each register holds before each node; undefined where control never comes. */
export const heldBefore = (code: Code): readonly (readonly Held[] | undefined)[] => {
  const positions = positionsOf(code);
  const before: (Held[] | undefined)[] = Array(code.length).fill(undefined);
  before[0] = start();
  const work = [0];
  for (let i = work.pop(); i !== undefined; i = work.pop()) {
    const after = transfer(code[i]!.op, before[i]!);
    for (const to of successors(code, i, positions)) {
      const old = before[to];
      const merged = old ? old.map((h, r) => meet(h, after[r])) : after;
      if (old && merged.every((h, r) => same(h, old[r]))) continue;
      before[to] = merged;
      work.push(to);
    }
  }
  return before;
};

/** Uses of the frame by each node; undefined when they are not all known. */
export const frameUses = (code: Code, context: Context): readonly FrameUse[] | undefined => {
  if (code.some((n) => n.op.kind === 'call' && n.op.form !== 'helper')) return undefined;
  const held = heldBefore(code);
  const uses: FrameUse[] = [];
  for (const [i, node] of code.entries()) {
    const regs = held[i];
    const use = regs ? useOf(node.op, regs, context) : NOTHING;
    if (!use) return undefined;
    uses.push(use);
  }
  return uses;
};
