/**
 * Loops over buffers whose turns a model can take in whole: one element of each buffer a turn, without calls. What steps and ends
 * the loop is left out of the question and put back by the host, so that an answer only says what is done to several elements.
 */
import type { Alu, Branch, Load, Store } from '../../ebpf/instruction.ts';
import { constantsOf } from '../../ebpf/optimiser/constants.ts';
import { type Code, lift, type Node } from '../../ebpf/optimiser/index.ts';
import { liveAfter } from '../../ebpf/optimiser/liveness.ts';
import { type Loop, loopsOf } from '../../ebpf/optimiser/loops.ts';
import { registersOf } from '../../ebpf/prover/flow.ts';
import { isPlain, type PlainOperation } from '../window/window.ts';

/** A branch leads forward, to the operation of that index or behind the last one. */
export type TurnBranch = { readonly kind: 'turn-branch'; readonly branch: Branch; readonly to: number };
export type TurnOperation = PlainOperation | TurnBranch;

export type Turn = {
  readonly operations: readonly TurnOperation[];
  /** Registers that the turn only reads and whose value is known, below 2^31. */
  readonly known: ReadonlyMap<number, number>;
  /** Bit mask of the registers that the turn writes and that are read behind the loop. */
  readonly liveOut: number;
};

/** Adds a number to a register. */
export type Step = Alu & { readonly src: { readonly kind: 'imm'; readonly imm: number } };

export type LoopWindow = Turn & {
  readonly code: Code;
  /** Indices of its first instruction and of the branch that closes it. */
  readonly header: number;
  readonly latch: number;
  readonly turns: number;
  /** What steps the registers that count or point, each turn. */
  readonly steps: readonly Step[];
  /** Bytes of an element. */
  readonly size: 1 | 2 | 4;
  /** Bit mask of registers that an answer may use besides. */
  readonly free: number;
};

const MOST = 20;
const REGISTERS = 10;

const isStep = (op: Node['op']): op is Step => op.kind === 'alu' && op.op === 'add' && op.src.kind === 'imm';

/** Indices of the instructions that step a register each turn and are all that writes it. */
const stepsOf = (code: Code, { header, latch }: Loop): Map<number, number> => {
  const positions = new Map(code.map((n, i) => [n, i]));
  const writers = new Map<number, number[]>();
  const skipped = new Set<number>();
  for (let i = header; i < latch; i++) {
    const { op, target } = code[i]!;
    const { writes } = registersOf(op);
    for (let r = 0; r < REGISTERS; r++) if (writes & (1 << r)) writers.set(r, [...(writers.get(r) ?? []), i]);
    if (op.kind === 'branch') for (let k = i + 1; k < positions.get(target!)!; k++) skipped.add(k);
  }
  const steps = new Map<number, number>();
  for (const [r, [at, more]] of writers)
    if (more === undefined && isStep(code[at!]!.op) && !skipped.has(at!)) steps.set(r, at!);
  return steps;
};

const baseOf = (op: PlainOperation) =>
  op.kind === 'load' ? op.src : op.kind === 'store' ? op.dst : undefined;

/** An operation as if nothing had been stepped before it; undefined when it uses what is stepped for anything but an address. */
const unstepped = (op: PlainOperation, index: number, steps: ReadonlyMap<number, number>, code: Code) => {
  const base = baseOf(op);
  const { reads } = registersOf(op);
  const others =
    op.kind === 'store' && op.src.kind === 'reg' ? 1 << op.src.reg : base === undefined ? reads : 0;
  for (const r of steps.keys()) if (others & (1 << r)) return undefined;
  if (base === undefined) return op;
  const at = steps.get(base);
  if (at === undefined) return undefined;
  const by = at < index ? (code[at]!.op as Step).src.imm : 0;
  return { ...op, off: (op as Load | Store).off + by } as PlainOperation;
};

const turnOf = (code: Code, { header, latch }: Loop, steps: ReadonlyMap<number, number>) => {
  const left = new Set(steps.values());
  const kept = Array.from({ length: latch - header }, (_, i) => header + i).filter((i) => !left.has(i));
  const place = (node: Node) => {
    const to = code.indexOf(node);
    return kept.findIndex((i) => i >= to) < 0 ? kept.length : kept.findIndex((i) => i >= to);
  };
  const operations: TurnOperation[] = [];
  for (const i of kept) {
    const { op, target } = code[i]!;
    if (op.kind === 'branch' && target && code.indexOf(target) > i && code.indexOf(target) <= latch) {
      const reads = registersOf(op).reads;
      if ([...steps.keys()].some((r) => reads & (1 << r))) return undefined;
      operations.push({ kind: 'turn-branch', branch: op, to: place(target) });
      continue;
    }
    const plain = isPlain(op) ? unstepped(op, i, steps, code) : undefined;
    if (!plain) return undefined;
    operations.push(plain);
  }
  return operations;
};

/** The one size of everything that is loaded and stored, and of the steps of its addresses. */
const sizeOf = (operations: readonly TurnOperation[], by: ReadonlyMap<number, number>) => {
  const sizes = new Set(
    operations.flatMap((op) =>
      op.kind === 'load' || op.kind === 'store' ? [op.size, by.get(baseOf(op)!)!] : [],
    ),
  );
  const [size] = sizes;
  return sizes.size === 1 && (size === 1 || size === 2 || size === 4) ? size : undefined;
};

const isCounting = ({ op }: Node, steps: ReadonlyMap<number, number>): boolean =>
  op.kind === 'branch' && op.op !== 'jeq' && op.op !== 'jset' && op.src.kind === 'imm' && steps.has(op.dst);

const windowOf = (
  code: Code,
  loop: Loop,
  live: readonly number[],
  constants: ReturnType<typeof constantsOf>,
) => {
  const { header, latch, trips } = loop;
  const steps = stepsOf(code, loop);
  if (trips === undefined || latch - header > MOST || !isCounting(code[latch]!, steps)) return undefined;
  const operations = turnOf(code, loop, steps);
  const stepping = [...steps.values()].map((at) => code[at]!.op as Step);
  const by = new Map(stepping.map((op) => [op.dst, op.src.imm]));
  const size = operations && sizeOf(operations, by);
  if (!operations || !size || trips < 8 / size) return undefined;
  let [reads, writes] = [0, 0];
  for (let i = header; i <= latch; i++) {
    const effect = registersOf(code[i]!.op);
    reads |= effect.reads;
    writes |= effect.writes;
  }
  let stepped = 0;
  for (const r of steps.keys()) stepped |= 1 << r;
  const known = new Map<number, number>();
  for (let r = 0; r < REGISTERS; r++) {
    const value = constants[header]?.[r];
    if (reads & ~writes & (1 << r) && typeof value === 'bigint' && value < 1n << 31n)
      known.set(r, Number(value));
  }
  const after = live[latch]!;
  const window: LoopWindow = {
    code,
    header,
    latch,
    turns: trips,
    operations,
    known,
    liveOut: after & writes & ~stepped,
    steps: stepping,
    size,
    free: ~(after | reads | writes) & ((1 << REGISTERS) - 1),
  };
  return window;
};

/**
 * Every such loop of a program.
 * @throws RangeError when the program holds undefined instructions or jumps outside itself.
 */
export const loopWindowsOf = (program: Uint8Array): LoopWindow[] => {
  const code = lift(program);
  const live = liveAfter(code);
  const constants = constantsOf(code);
  return loopsOf(code).flatMap((loop) => windowOf(code, loop, live, constants) ?? []);
};
