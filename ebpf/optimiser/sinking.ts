/** What only one way of a branch needs is done on that way. */
import { registersOf } from '../prover/flow.ts';
import { type Code, copyCode, isEnd, type Node, nodeOf, positionsOf, replaceNodes } from './code.ts';
import { type Survey, surveyOf } from './hoisting.ts';
import type { Move } from './rule.ts';

/** Nodes before a branch that are looked at. */
const NEAR = 8;

/** Operations that may be passed: they touch registers alone. */
const isPlain = ({ op }: Node): boolean =>
  op.kind === 'alu' || op.kind === 'movsx' || op.kind === 'ld_imm64' || op.kind === 'neg';

/** Whether node `i` may as well be done behind all of those from there to `to`. */
const mayFollow = (code: Code, i: number, to: number): boolean => {
  const own = registersOf(code[i]!.op);
  return code.slice(i + 1, to + 1).every((node, n) => {
    const { reads, writes } = registersOf(node.op);
    const isApart = (own.writes & (reads | writes)) === 0 && (own.reads & writes) === 0;
    return isApart && (i + 1 + n === to || isPlain(node));
  });
};

/** `n; if c goto L` becomes `if c goto L; n`, or n goes to L, to which nothing else leads. */
const sunk = (
  code: Code,
  at: number,
  survey: Survey,
  positions: ReadonlyMap<Node, number>,
  entries: ReadonlyMap<Node, number>,
): Code | undefined => {
  const { op, target } = code[at]!;
  const to = target && positions.get(target);
  if (op.kind !== 'branch' || to === undefined || to <= at + 1) return undefined;
  const isOwnFall = !entries.has(code[at + 1]!);
  const isOwnTaken = entries.get(target!) === 1 && isEnd(code[to - 1]!);
  for (let i = at - 1; i >= Math.max(0, at - NEAR); i--) {
    const node = code[i]!;
    if (node.target || isEnd(node) || node.op.kind === 'call' || entries.has(code[i + 1]!)) break;
    const change = survey.changeOf(i);
    if (!change || !mayFollow(code, i, at)) continue;
    const [onFall, onTaken] = [survey.isWanted(at + 1, change), survey.isWanted(to, change)];
    const place =
      onFall && !onTaken && isOwnFall ? at + 1 : onTaken && !onFall && isOwnTaken ? to : undefined;
    if (place === undefined) continue;
    return replaceNodes(copyCode(code), (n, k) => {
      if (k === i) return [];
      return k === place ? [nodeOf(node.op), n] : undefined;
    });
  }
  return undefined;
};

/** All of them together pay as each does: none costs anything. */
const MAX_SITES = 64;

const everywhere = (code: Code, survey: (code: Code) => Survey | undefined): Code[] => {
  let made = code;
  for (let n = 0; n < MAX_SITES; n++) {
    const seen = survey(made);
    const positions = positionsOf(made);
    const entries = new Map<Node, number>();
    for (const { target } of made) if (target) entries.set(target, (entries.get(target) ?? 0) + 1);
    let next: Code | undefined;
    for (let at = made.length - 1; seen && at > 0 && !next; at--)
      next = sunk(made, at, seen, positions, entries);
    if (!next) break;
    made = next;
  }
  return made === code ? [] : [made];
};

export const sinking: Move = {
  name: 'sinking',
  doc: 'Does behind a branch what only one of its ways needs.',
  sites: (code, context) => everywhere(code, (made) => surveyOf(made, context)),
};
