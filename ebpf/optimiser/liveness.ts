/** Registers, and bytes of the main function's stack, that may still be read after each node. */
import { registersOf } from '../prover/flow.ts';
import { type Code, positionsOf, successors } from './code.ts';

/** Bit masks of registers live after each node. */
export const liveAfter = (code: Code): number[] => {
  const positions = positionsOf(code);
  const effects = code.map((n) => registersOf(n.op));
  const next = code.map((_, i) => successors(code, i, positions));
  const before: number[] = Array(code.length).fill(0);
  const after: number[] = Array(code.length).fill(0);
  let changed = true;
  while (changed) {
    changed = false;
    for (let i = code.length - 1; i >= 0; i--) {
      let out = 0;
      for (const to of next[i]!) out |= before[to]!;
      const { reads, writes } = effects[i]!;
      const live = reads | (out & ~writes);
      after[i] = out;
      if (live === before[i]) continue;
      before[i] = live;
      changed = true;
    }
  }
  return after;
};

const bytesAt = (off: number, size: number): bigint => ((1n << BigInt(size)) - 1n) << BigInt(off + 512);
const inFrame = (off: number, size: number) => off >= -512 && off + size <= 0;

/** Bytes of the stack live after each node; undefined when the frame's address is used other than in plain loads and stores. */
export const stackLiveAfter = (code: Code): bigint[] | undefined => {
  const positions = positionsOf(code);
  const gen: bigint[] = [];
  const kill: bigint[] = [];
  for (const { op } of code) {
    const load = op.kind === 'load' && op.src === 10;
    const store = op.kind === 'store' && op.dst === 10 && !(op.src.kind === 'reg' && op.src.reg === 10);
    const usesFrame = (registersOf(op).reads & (1 << 10)) !== 0;
    if (usesFrame && !load && !store) return undefined;
    if ((load || store) && !inFrame(op.off, op.size)) return undefined;
    if (op.kind === 'call' && op.form !== 'helper') return undefined;
    gen.push(load ? bytesAt(op.off, op.size) : 0n);
    kill.push(store ? bytesAt(op.off, op.size) : 0n);
  }
  const next = code.map((_, i) => successors(code, i, positions));
  const before: bigint[] = Array(code.length).fill(0n);
  const after: bigint[] = Array(code.length).fill(0n);
  let changed = true;
  while (changed) {
    changed = false;
    for (let i = code.length - 1; i >= 0; i--) {
      let out = 0n;
      for (const to of next[i]!) out |= before[to]!;
      const live = gen[i]! | (out & ~kill[i]!);
      after[i] = out;
      if (live === before[i]) continue;
      before[i] = live;
      changed = true;
    }
  }
  return after;
};
