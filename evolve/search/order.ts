/**
 * Other orders of straight pieces from which the rewrite rules get further: rules look at what stands next to each other and which
 * registers are free where, and what a scheduler put between hides gains from them, copies above all.
 */
import { type Host, loadHost, type ModuleProgram } from '../../ebpf/index.ts';
import type { Operation } from '../../ebpf/instruction.ts';
import { type Code, estimateProgram, lift, lower, nodeOf, tidied } from '../../ebpf/optimiser/index.ts';
import { processorMs } from '../../ebpf/processor-time.ts';
import { Random } from '../../ebpf/random.ts';
import { ordered, type PlacedWindow, registerDependences, windowsOf } from '../../models/index.ts';
import { lookingAt } from '../proposer.ts';

const SEED = 5;
/** What is there to be gained shows within the first dozens. */
const TRIES = 96;
/** Straight pieces are taken whole up to this many instructions. */
const LONGEST = 40;
/** How far instructions may go: near their place, or anywhere. */
const SPREADS = [1, 3, 10, 40] as const;

/** The same jumps between other operations. */
const withOperations = (code: Code, ops: readonly Operation[]): Uint8Array => {
  const nodes = ops.map((op) => nodeOf(op));
  const copies = new Map(code.map((node, i) => [node, nodes[i]!]));
  for (const [node, copy] of copies) copy.target = node.target && copies.get(node.target);
  return lower(nodes);
};

/** One of the pieces, or about half of them, in another order. */
const disturbed = (code: Code, windows: readonly PlacedWindow[], random: Random): Uint8Array => {
  const ops = code.map((node) => node.op);
  const chosen = random.once(2) ? [random.pick(windows)] : windows.filter(() => random.once(2));
  for (const { start, operations } of chosen) {
    const spread = random.pick(SPREADS);
    const place = operations.map((_, i) => i + spread * random.unit());
    const order = ordered(registerDependences(operations), (i) => place[i]!);
    for (const [i, from] of order.entries()) ops[start + i] = operations[from]!;
  }
  return withOperations(code, ops);
};

/** Smaller is better. What the module's policy counts is for the judge to say. */
const scoreOf = (code: Uint8Array) => Math.log(estimateProgram(code)) + Math.log(code.length);

/** What the rules make of the best order tried; undefined when none gains. @param budgetMs processor time */
export const reordered = async (
  program: ModuleProgram,
  budgetMs: number,
): Promise<Uint8Array | undefined> => {
  const host: Host = await loadHost();
  const { facts, check } = lookingAt(host, program);
  const context = { maps: program.maps, facts: (code: Code) => facts(lower(code)) };
  const code = lift(program.code);
  const windows = windowsOf(program.code, LONGEST, LONGEST).filter((w) => w.operations.length > 2);
  const random = new Random(SEED);
  const end = processorMs() + budgetMs;
  const seen = new Set([Buffer.from(program.code).toString('latin1')]);
  // What the rules make of the order that it has is theirs to propose.
  const own = lower(tidied(code, context));
  let best = { code: program.code, score: Math.min(scoreOf(own), scoreOf(program.code)) };
  for (let i = 0; i < TRIES && windows.length > 0 && processorMs() < end; i++) {
    const draft = disturbed(code, windows, random);
    const key = Buffer.from(draft).toString('latin1');
    if (seen.has(key)) continue;
    seen.add(key);
    const made = lower(tidied(lift(draft), context));
    const score = scoreOf(made);
    if (score < best.score && check(made)) best = { code: made, score };
  }
  return best.code === program.code ? undefined : best.code;
};
