/** A load, an addition and a store of one place become one atomic addition. */
import type { Operand, Operation } from '../instruction.ts';
import { registersOf } from '../prover/flow.ts';
import { type Code, copyCode, isEnd, type Node, nodeOf, replaceNodes } from './code.ts';
import { liveAfter } from './liveness.ts';
import type { Move } from './rule.ts';

type Load = Operation & { kind: 'load' };
type Store = Operation & { kind: 'store' };
type Add = Operation & { kind: 'alu' };

/** Instructions between the load and the store. */
const REACH = 6;

type Found = {
  readonly load: number;
  readonly add: number;
  readonly store: number;
  /** What is added. */
  readonly by: Operand;
};

const touchesMemory = (op: Operation) => ['store', 'atomic', 'call', 'callx'].includes(op.kind);

const samePlace = (load: Load, store: Store) =>
  store.dst === load.src && store.off === load.off && store.size === load.size;

/** Additions of the loaded value to another one: which register has the sum, and what was added. */
const sumOf = (op: Operation, loaded: number): { sum: number; by: Operand } | undefined => {
  if (op.kind !== 'alu' || op.op !== 'add') return undefined;
  if (op.dst === loaded && !(op.src.kind === 'reg' && op.src.reg === loaded))
    return { sum: loaded, by: op.src };
  if (op.src.kind === 'reg' && op.src.reg === loaded && op.dst !== loaded)
    return { sum: op.dst, by: { kind: 'reg', reg: op.dst } };
  return undefined;
};

/** Whether `op` leaves alone what the three instructions have in hand. */
const isApart = (op: Operation, kept: number, unread: number): boolean => {
  const { reads, writes } = registersOf(op);
  return !touchesMemory(op) && op.kind !== 'branch' && (writes & kept) === 0 && (reads & unread) === 0;
};

const bit = (r: number) => 1 << r;

/** The addition and the store that follow a load, where nothing comes between that they would notice. */
const followed = (
  code: Code,
  at: number,
  targets: ReadonlySet<Node | undefined>,
  live: readonly number[],
): Found | undefined => {
  const load = code[at]!.op as Load;
  let add: { index: number; op: Add; sum: number; by: Operand } | undefined;
  for (let i = at + 1; i < code.length && i <= at + REACH; i++) {
    const { op } = code[i]!;
    if (targets.has(code[i]) || isEnd(code[i]!)) return undefined;
    if (add && op.kind === 'store' && samePlace(load, op)) {
      const stored = op.src.kind === 'reg' && op.src.reg === add.sum;
      const gone = live[i]! & (bit(add.sum) | bit(load.dst));
      return stored && gone === 0 ? { load: at, add: add.index, store: i, by: add.by } : undefined;
    }
    const sum = add ? undefined : sumOf(op, load.dst);
    if (sum && op.kind === 'alu' && (op.width === 64 || load.size === 4) && sum.sum !== load.src) {
      add = { index: i, op, ...sum };
      continue;
    }
    const by = add?.by.kind === 'reg' ? bit(add.by.reg) : 0;
    const sums = add ? bit(add.sum) : 0;
    if (!isApart(op, bit(load.src) | bit(load.dst) | by | sums, bit(load.dst) | sums)) return undefined;
  }
  return undefined;
};

const isCandidate = ({ op }: Node): boolean =>
  op.kind === 'load' && !op.signed && (op.size === 4 || op.size === 8) && op.dst !== op.src && op.src !== 10;

const inPlace = (code: Code, { load, add, store, by }: Found): ReadonlyMap<number, Node[]> => {
  const { size, dst: loaded, src: dst, off } = code[load]!.op as Load;
  const src = by.kind === 'reg' ? by.reg : loaded;
  const atomic = nodeOf({ kind: 'atomic', size: size as 4 | 8, op: 'add', fetch: false, dst, off, src });
  const set = nodeOf({ kind: 'alu', width: 64, op: 'mov', dst: loaded, src: by });
  return new Map([
    [load, []],
    [add, []],
    [store, by.kind === 'imm' ? [set, atomic] : [atomic]],
  ]);
};

const fuse = (code: Code): Code | undefined => {
  const targets = new Set(code.map((n) => n.target));
  const live = liveAfter(code);
  const made = new Map<number, Node[]>();
  for (const [i, node] of code.entries()) {
    if (!isCandidate(node) || made.has(i)) continue;
    const found = followed(code, i, targets, live);
    if (found) for (const [at, nodes] of inPlace(code, found)) made.set(at, nodes);
  }
  return made.size === 0 ? undefined : replaceNodes(copyCode(code), (_, i) => made.get(i));
};

/** A core without LSE adds atomically in more instructions than it loads, adds and stores: where speed alone counts, this is no gain. */
export const atomicAdditions: Move = {
  name: 'atomic-additions',
  doc: 'Adds to a place in memory at once in place of loading, adding and storing; where size counts.',
  sites: (code, { objective = 'speed' }) => {
    const made = objective === 'speed' ? undefined : fuse(code);
    return made ? [made] : [];
  },
};
