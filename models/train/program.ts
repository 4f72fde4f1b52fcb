/** A window as a whole program, so that verifier, interpreter and prover can judge it: registers from memory, results to memory. */

import { hooks } from '../../abi/index.ts';
import { assemble, type ModuleProgram } from '../../ebpf/index.ts';
import { registersOf } from '../../ebpf/prover/flow.ts';
import { mapRegisters } from '../window/canonical.ts';
import { registersIn } from '../window/evaluate.ts';
import { bytesOf, type PlainOperation, type Window } from '../window/window.ts';

/** Memory of the program: values first, then a zone for each pointer, with room before and behind it. */
const ZONES = 128;
const ZONE_BYTES = 512;
const ZONE_START = 64;
export const MEMORY_BYTES = ZONES + 10 * ZONE_BYTES;
const RESULTS = ZONES - 88;
const FRAME = 10;

/** Registers that hold something when the window starts. */
const liveIn = (ops: readonly PlainOperation[]): number => {
  let needed = 0;
  let written = 0;
  for (const op of ops) {
    const { reads, writes } = registersOf(op);
    needed |= reads & ~written;
    written |= writes;
  }
  return needed;
};

/** Registers at the start whose value, moved or added to, becomes an address. */
const pointersIn = (ops: readonly PlainOperation[]): number => {
  const origin = new Map<number, number>(registersIn(liveIn(ops)).map((r) => [r, r]));
  let found = 0;
  for (const op of ops) {
    const base = op.kind === 'load' ? op.src : op.kind === 'store' ? op.dst : undefined;
    const from = base === undefined ? undefined : origin.get(base);
    if (from !== undefined) found |= 1 << from;
    if (op.kind === 'store') continue;
    const isCopy = op.kind === 'alu' && op.op === 'mov' && op.width === 64 && op.src.kind === 'reg';
    const moved = isCopy ? origin.get((op.src as { reg: number }).reg) : undefined;
    const isSum = op.kind === 'alu' && op.op === 'add' && op.width === 64 && op.src.kind === 'imm';
    if (isSum) continue;
    if (moved === undefined) origin.delete(op.dst);
    else origin.set(op.dst, moved);
  }
  return found;
};

/** The frame's register as an ordinary pointer; undefined when no register is free. */
const withoutFrame = (window: Window, answer: readonly PlainOperation[]) => {
  const used = [...window.operations, ...answer].reduce((mask, op) => {
    const { reads, writes } = registersOf(op);
    return mask | reads | writes;
  }, window.liveOut);
  if ((used & (1 << FRAME)) === 0) return { window, answer };
  const free = Array.from({ length: FRAME }, (_, r) => r).find((r) => (used & (1 << r)) === 0);
  if (free === undefined) return undefined;
  const to = (r: number) => (r === FRAME ? free : r);
  const all = (ops: readonly PlainOperation[]) => ops.map((op) => mapRegisters(op, to));
  return { window: { ...window, operations: all(window.operations) }, answer: all(answer) };
};

const programOf = (code: Uint8Array): ModuleProgram => ({
  name: 'window',
  section: 'run',
  hook: 'run',
  hookId: hooks.run.id,
  code,
  maps: [],
});

const around = (window: Window, ops: readonly PlainOperation[]): Uint8Array => {
  const needed = registersIn(liveIn(window.operations) | liveIn(ops));
  const pointers = pointersIn(window.operations) | pointersIn(ops);
  const enter = needed
    .filter((r) => r !== 1)
    .concat(needed.filter((r) => r === 1))
    .flatMap((r) =>
      pointers & (1 << r)
        ? [...(r === 1 ? [] : [`r${r} = r1`]), `r${r} += ${ZONES + r * ZONE_BYTES + ZONE_START}`]
        : [`r${r} = *(u64 *)(r1 + ${8 * (r % 5)})`],
    );
  const results = registersIn(window.liveOut);
  const base = Array.from({ length: FRAME }, (_, r) => r).find((r) => !results.includes(r));
  const leave =
    base === undefined
      ? []
      : [
          `r${base} = *(u64 *)(r10 - 8)`,
          ...results.map((r, i) => `*(u64 *)(r${base} + ${RESULTS + 8 * i}) = r${r}`),
        ];
  const head = assemble(['*(u64 *)(r10 - 8) = r1', ...enter].join('\n'));
  const tail = assemble([...leave, 'r0 = 0', 'exit'].join('\n'));
  return Buffer.concat([head, bytesOf(ops), tail]);
};

/**
 * Both as programs that start from the same registers and memory. Pointers lead to places that do not overlap.
 * Undefined when the window can't stand alone: it needs every register, or takes a result for an address.
 */
export const asPrograms = (
  window: Window,
  answer: readonly PlainOperation[],
): { before: ModuleProgram; after: ModuleProgram } | undefined => {
  const plain = withoutFrame(window, answer);
  if (!plain || registersIn(plain.window.liveOut).length > 9) return undefined;
  const { window: w, answer: a } = plain;
  return { before: programOf(around(w, w.operations)), after: programOf(around(w, a)) };
};
