import { registersOf } from '../prover/flow.ts';
import { type Code, copyCode, isEnd, type Node, nodeOf, replaceNodes } from './code.ts';
import { frameUses } from './frame.ts';
import { opposite } from './jumps.ts';
import { liveAfter, stackLiveAfter } from './liveness.ts';
import type { Context, Move } from './rule.ts';
import { same } from './tails.ts';

/** What an operation may change: registers, and bytes of the frame. */
type Change = { readonly registers: number; readonly frame: bigint };

/** What is wanted before each node, and what each changes where that is all it does; undefined when the frame is not understood. */
export const surveyOf = (code: Code, context: Context) => {
  const live = liveAfter(code);
  const stack = stackLiveAfter(code, context);
  const uses = frameUses(code, context);
  if (!stack || !uses) return undefined;
  const changeOf = (i: number): Change | undefined => {
    const { op } = code[i]!;
    if (op.kind === 'store')
      return uses[i]!.writes === 0n ? undefined : { registers: 0, frame: uses[i]!.writes };
    const isPlain = op.kind === 'alu' || op.kind === 'load' || op.kind === 'movsx' || op.kind === 'ld_imm64';
    return isPlain ? { registers: registersOf(op).writes, frame: 0n } : undefined;
  };
  const isWanted = (i: number, change: Change): boolean => {
    const { reads, writes } = registersOf(code[i]!.op);
    const bytes = uses[i]!.reads | (stack[i]! & ~uses[i]!.writes);
    return ((reads | (live[i]! & ~writes)) & change.registers) !== 0 || (bytes & change.frame) !== 0n;
  };
  return { changeOf, isWanted };
};

export type Survey = NonNullable<ReturnType<typeof surveyOf>>;

/** Whether node `i` may be done before the branch at `at`, for nobody on the other way, which begins at `other`. */
const mayPrecede = (code: Code, at: number, i: number, other: number, survey: Survey): boolean => {
  const change = survey.changeOf(i);
  const isRead = change && (registersOf(code[at]!.op).reads & change.registers) !== 0;
  return change !== undefined && !isRead && !survey.isWanted(other, change);
};

const entriesOf = (code: Code, node: Node | undefined): number =>
  code.filter((n) => n.target === node).length;

/** `if c goto L; n; goto E; L: …` becomes `n; if !c goto E; L: …`. */
const hoistFall = (code: Code, at: number, survey: Survey): Code | undefined => {
  const [branch, node, jump] = [code[at]!, code[at + 1], code[at + 2]];
  if (branch.op.kind !== 'branch' || jump?.op.kind !== 'jump' || branch.target !== code[at + 3])
    return undefined;
  const op = opposite[branch.op.op];
  if (!op || entriesOf(code, node) + entriesOf(code, jump) > 0) return undefined;
  if (!mayPrecede(code, at, at + 1, at + 3, survey)) return undefined;
  const inverted = { ...branch.op, op };
  const copy = copyCode(code);
  return replaceNodes(copy, (_, i) => {
    if (i === at) return [nodeOf(node!.op), nodeOf(inverted, copy[at + 2]!.target)];
    return i === at + 1 || i === at + 2 ? [] : undefined;
  });
};

/** `if c goto L; …; L: n; goto E` becomes `n; if c goto E; …`, for an end of the program the same with `exit`. */
const hoistTaken = (code: Code, at: number, survey: Survey): Code | undefined => {
  const { op, target } = code[at]!;
  const to = op.kind === 'branch' && target ? code.indexOf(target) : 0;
  if (to < 1 || !isEnd(code[to - 1]!) || entriesOf(code, target) !== 1 || code[at + 1] === target)
    return undefined;
  const last = code[to + 1];
  if (!last || !isEnd(last) || entriesOf(code, last) > 0 || !mayPrecede(code, at, to, at + 1, survey))
    return undefined;
  const copy = copyCode(code);
  const end =
    last.op.kind === 'jump'
      ? copy[to + 1]!.target
      : copy.find((n, i) => n.op.kind === 'exit' && i !== to + 1);
  if (!end || end === copy[to + 1] || end === copy[to]) return undefined;
  return replaceNodes(copy, (_, i) => {
    if (i === at) return [nodeOf(target!.op), nodeOf(op, end)];
    return i === to || i === to + 1 ? [] : undefined;
  });
};

/** Nodes of one way that are looked at. */
const NEAR = 8;

/** Whether node `i` may be done where its block begins, at `start`. */
const isFree = (code: Code, start: number, i: number): boolean => {
  const { reads, writes } = registersOf(code[i]!.op);
  return code.slice(start, i).every(({ op }) => {
    const before = registersOf(op);
    return (before.writes & (reads | writes)) === 0 && (before.reads & writes) === 0;
  });
};

const headOf = (code: Code, start: number): number[] => {
  const out: number[] = [];
  for (let i = start; i < Math.min(code.length, start + NEAR); i++) {
    const { op, target } = code[i]!;
    if (target || isEnd(code[i]!) || op.kind === 'call' || (i > start && entriesOf(code, code[i]) > 0)) break;
    if (isFree(code, start, i)) out.push(i);
  }
  return out;
};

/** What both ways begin with is done once, before the branch. */
const hoistBoth = (code: Code, at: number, survey: Survey): Code | undefined => {
  const { op, target } = code[at]!;
  if (op.kind !== 'branch' || !target || entriesOf(code, target) !== 1) return undefined;
  const to = code.indexOf(target);
  if (to < 1 || !isEnd(code[to - 1]!) || entriesOf(code, code[at + 1]) > 0) return undefined;
  const others = headOf(code, to);
  for (const i of headOf(code, at + 1)) {
    const twin = others.find((k) => same(code[i]!, code[k]!));
    const change = survey.changeOf(i);
    if (twin === undefined || !change || registersOf(op).reads & change.registers) continue;
    return replaceNodes(copyCode(code), (n, k) => {
      if (k === at) return [nodeOf(code[i]!.op), n];
      return k === i || k === twin ? [] : undefined;
    });
  }
  return undefined;
};

export const hoisting: Move = {
  name: 'hoisting',
  doc: 'Does before a branch what both ways begin with, or all that one way does before it goes on elsewhere.',
  sites: (code, context) => {
    const survey = surveyOf(code, context);
    if (!survey) return [];
    return [...code.keys()].flatMap((at) =>
      [hoistFall, hoistTaken, hoistBoth]
        .map((way) => way(code, at, survey))
        .filter((made) => made !== undefined),
    );
  },
};
