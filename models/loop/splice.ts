/** The program with a loop that does several elements a turn in a loop's place; what is left over is done by the old one. */
import type { Branch, Operation } from '../../ebpf/instruction.ts';
import { copyCode, lower, type Node, nodeOf } from '../../ebpf/optimiser/index.ts';
import type { LoopWindow, Step } from './loop.ts';

/** Before the loop, each turn of it, and behind it. */
export type Lanes = {
  readonly before: readonly Operation[];
  readonly turn: readonly Operation[];
  readonly after: readonly Operation[];
};

const times = (step: Step, by: number): Step => ({ ...step, src: { kind: 'imm', imm: step.src.imm * by } });

export const elementsPerTurn = ({ size }: LoopWindow): number => 8 / size;

/** @throws RangeError when it can't be written, e.g. because a jump does not reach. */
export const spliceLoop = (window: LoopWindow, lanes: Lanes): Uint8Array => {
  const { header, latch, steps, turns } = window;
  const per = elementsPerTurn(window);
  const rest = turns % per;
  const code = copyCode(window.code);
  const nodes = (ops: readonly Operation[]) => ops.map((op) => nodeOf(op));
  const turn = [...nodes(lanes.turn), ...nodes(steps.map((step) => times(step, per)))];
  const closing = code[latch]!.op as Branch & { src: { kind: 'imm'; imm: number } };
  const end = closing.src.imm - rest * steps.find((s) => s.dst === closing.dst)!.src.imm;
  turn.push(nodeOf({ ...closing, src: { kind: 'imm', imm: end } }, turn[0]!));
  const made = [...nodes(lanes.before), ...turn, ...nodes(lanes.after)];
  const old = code.slice(header, latch + 1);
  const inside = new Set<Node>(old);
  for (const node of code) if (!inside.has(node) && node.target === old[0]) node.target = made[0];
  return lower([...code.slice(0, header), ...made, ...(rest > 0 ? old : []), ...code.slice(latch + 1)]);
};
