/**
 * Search as a proposer: instructions left out, short windows replaced by fewer instructions that superoptimisation finds, and other
 * orders from which the rules get further.
 */
import { loadHost, type ModuleProgram } from '../../ebpf/index.ts';
import { slotsOf } from '../../ebpf/instruction.ts';
import { lift } from '../../ebpf/optimiser/index.ts';
import { processorMs } from '../../ebpf/processor-time.ts';
import { registersOf } from '../../ebpf/prover/flow.ts';
import { FACT } from '../../ebpf/wasm/index.ts';
import {
  compatible,
  type PlacedWindow,
  type PlainOperation,
  type Replacement,
  spell,
  splice,
  unspell,
  windowsOf,
} from '../../models/index.ts';
import { lookingAt, type Proposal, type Proposer } from '../proposer.ts';
import { isSearchable, type SearchWindow, shorter } from './enumerate.ts';
import { omissions } from './omission.ts';
import { reordered } from './order.ts';

export type SearchOptions = {
  /** Processor time for the windows of one program, in ms; default 1,000. */
  readonly budgetMs?: number;
  /** Processor time for leaving instructions out, in ms; default 3,000. */
  readonly omissionMs?: number;
  /** Processor time for other orders, in ms; default 500. */
  readonly orderMs?: number;
  /** What was found, in canonical spelling: for people who look for rules. */
  readonly onFound?: (before: readonly PlainOperation[], after: readonly PlainOperation[]) => void;
};

const LONGEST = 4;

/** What earlier searches gave, by canonical spelling; null for nothing. */
const known = new Map<string, readonly PlainOperation[] | null>();

/** Registers that are read first in the window and whose upper half is zero there, as the verifier proved. */
const narrowIn = (
  code: ReturnType<typeof lift>,
  flags: Uint8Array | undefined,
  { start, operations }: PlacedWindow,
): number => {
  if (!flags) return 0;
  let slot = code.slice(0, start).reduce((n, node) => n + slotsOf(node.op), 0);
  let written = 0;
  let narrow = 0;
  for (const op of operations) {
    const source =
      'src' in op ? (typeof op.src === 'number' ? op.src : op.src.kind === 'reg' ? op.src.reg : -1) : -1;
    const f = flags[slot]!;
    const fresh = (r: number) => r >= 0 && (written & (1 << r)) === 0;
    if (f & FACT.srcUpperZero && fresh(source)) narrow |= 1 << source;
    if (f & FACT.dstUpperZero && fresh(op.dst) && registersOf(op).reads & (1 << op.dst))
      narrow |= 1 << op.dst;
    written |= registersOf(op).writes;
    slot += slotsOf(op);
  }
  return narrow;
};

const shortWindows = (program: Uint8Array): PlacedWindow[] =>
  Array.from({ length: LONGEST - 1 }, (_, i) => LONGEST - i).flatMap((length) =>
    windowsOf(program, length, 1).filter((w) => w.operations.length === length && isSearchable(w.operations)),
  );

const found = (window: SearchWindow, stop: () => boolean): readonly PlainOperation[] | undefined => {
  const spelling = spell({ operations: window.operations, liveOut: window.liveOut });
  let narrow = 0;
  spelling.names.forEach((name, i) => {
    if (window.narrow & (1 << name)) narrow |= 1 << i;
  });
  const key = JSON.stringify([spelling.window, narrow]);
  if (!known.has(key)) {
    const made = shorter({ ...spelling.window, narrow }, stop);
    if (made === undefined && stop()) return undefined;
    known.set(key, made ?? null);
  }
  const answer = known.get(key);
  return answer ? unspell(spelling, answer) : undefined;
};

/** Replacements of windows that pay, most gain first. */
export const searchWindows = async (
  program: ModuleProgram,
  { budgetMs = 1000, onFound }: SearchOptions = {},
): Promise<Replacement[]> => {
  const code = lift(program.code);
  const { facts } = lookingAt(await loadHost(), program);
  const flags = facts(program.code);
  const end = processorMs() + budgetMs;
  let asked = 0;
  let over = false;
  const stop = () => {
    if (asked++ % 64 === 0) over = processorMs() > end;
    return over;
  };
  const out: Replacement[] = [];
  for (const window of shortWindows(program.code)) {
    const operations = found({ ...window, narrow: narrowIn(code, flags, window) }, stop);
    if (over) break;
    if (!operations) continue;
    onFound?.(window.operations, operations);
    const { start, operations: before } = window;
    out.push({ start, count: before.length, operations, gain: before.length - operations.length });
  }
  return out.sort((a, b) => b.gain - a.gain);
};

export const searchProposer = (options: SearchOptions = {}): Proposer => ({
  name: 'search',
  async *propose({ program }) {
    const { check } = lookingAt(await loadHost(), program);
    const left = await omissions(program, options.omissionMs ?? 3000);
    if (left) yield { code: left.code, proposer: 'search', note: `${left.count} instructions left out` };
    const all = await searchWindows(program, options);
    const right = all.filter((r) => check(splice(program.code, [r])));
    const chosen = compatible(right);
    const proposal = (some: readonly Replacement[]): Proposal => ({
      code: splice(program.code, some),
      proposer: 'search',
      note: some.map((r) => `${r.count} → ${r.operations.length} at ${r.start}`).join(', '),
    });
    if (chosen.length > 0) yield proposal(chosen);
    if (chosen.length > 1) for (const one of chosen) yield proposal([one]);
    const other = await reordered(program, options.orderMs ?? 500);
    if (other) yield { code: other, proposer: 'search', note: 'another order, then rules' };
  },
});
