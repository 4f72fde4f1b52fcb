/** Stretches that are written twice: control goes back to the first one, where a constant in some register tells which time it is. */
import { slotsOf } from '../instruction.ts';
import { registersOf } from '../prover/flow.ts';
import { type Code, copyCode, isEnd, type Node, nodeOf } from './code.ts';
import { constantsOf } from './constants.ts';
import { liveAfter } from './liveness.ts';
import type { Move } from './rule.ts';

/** Registers that may hold the constant: all but the frame pointer. */
const FLAGS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9] as const;

/** Operations that read and write registers only. */
const PLAIN: ReadonlySet<string> = new Set(['alu', 'neg', 'movsx', 'swap', 'ld_imm64']);

/** Nodes of a block, from its first one, that are looked at. */
const NEAR = 16;

/** What stands at `first` and behind it stands again, in this order, at these places of a block. */
type Twice = { readonly first: number; readonly again: readonly number[]; readonly slots: number };

type Targets = ReadonlySet<Node | undefined>;

/** What is asked of one program again and again. */
type Survey = {
  readonly targets: Targets;
  /** Operations that read and write registers only, so that alike ones are equal; undefined for any other. */
  readonly keys: readonly (string | undefined)[];
  readonly live: readonly number[];
};

const surveyOf = (code: Code): Survey => ({
  targets: new Set(code.map((n) => n.target)),
  keys: code.map(({ op }) =>
    PLAIN.has(op.kind) ? JSON.stringify(op, (_, v) => (typeof v === 'bigint' ? `${v}` : v)) : undefined,
  ),
  live: liveAfter(code),
});

/** Nodes of the block that end nothing. */
const insideOf = (code: Code, block: number, targets: Targets): number[] => {
  const inside: number[] = [];
  for (let i = block; i < Math.min(code.length, block + NEAR); i++) {
    const node = code[i]!;
    if (node.target || isEnd(node) || node.op.kind === 'call' || (i > block && targets.has(node))) break;
    inside.push(i);
  }
  return inside;
};

/** Whether `i` may be done before all of those. */
const mayPrecede = (code: Code, i: number, others: readonly number[]): boolean => {
  const { reads, writes } = registersOf(code[i]!.op);
  return others.every((k) => {
    const other = registersOf(code[k]!.op);
    return ((reads | writes) & other.writes) === 0 && (writes & other.reads) === 0;
  });
};

/** What stands at `first` and behind it again among these nodes of a block, where that may be done first. */
const twiceAt = (code: Code, first: number, inside: readonly number[], { targets, keys }: Survey): Twice => {
  const again: number[] = [];
  let left = inside;
  let slots = 0;
  for (let at = first; at < code.length && (at === first || !targets.has(code[at])); at++) {
    const node = code[at]!;
    const [from, to] = [inside[0]!, inside.at(-1)!];
    if (keys[at] === undefined || (at >= from && at <= to)) break;
    const twin = left.find((i, n) => keys[at] === keys[i] && mayPrecede(code, i, left.slice(0, n)));
    if (twin === undefined) break;
    again.push(twin);
    left = left.filter((i) => i !== twin);
    slots += slotsOf(node.op);
  }
  return { first, again, slots };
};

/** A register that holds another constant the first time than when the stretch is done again. */
type Flag = { readonly register: number; readonly again: bigint; readonly isSet: boolean };

const flagOf = (code: Code, { first, again }: Twice, block: number, { live }: Survey): Flag | undefined => {
  const before = constantsOf(code);
  const effects = again.map((i) => registersOf(code[i]!.op));
  const written = effects.reduce((all, { writes }) => all | writes, 0);
  const head = registersOf(code[first]!.op);
  const wanted = head.reads | (live[first]! & ~head.writes);
  let found: Flag | undefined;
  for (const register of FLAGS) {
    const value = before[block]?.[register];
    const other = before[first]?.[register];
    if (typeof value !== 'bigint' || written & (1 << register)) continue;
    if (value !== BigInt.asUintN(64, BigInt.asIntN(32, value))) continue;
    if (typeof other === 'bigint' && other !== value) return { register, again: value, isSet: true };
    if ((wanted & (1 << register)) === 0) found ??= { register, again: value, isSet: false };
  }
  return found;
};

/** The program with the stretch once; `block` is where it stands again. */
const shared = (given: Code, block: number, twice: Twice, flag: Flag): Code => {
  const code = copyCode(given);
  const { first, again } = twice;
  const gone = new Set(again);
  const rest = code.find((_, i) => i >= block && !gone.has(i))!;
  const start = code[first]!;
  const last = first + again.length - 1;
  const imm = Number(BigInt.asIntN(64, flag.again));
  const test = { kind: 'branch', width: 64, op: 'jeq', off: 0 } as const;
  const branch = nodeOf({ ...test, dst: flag.register, src: { kind: 'imm', imm } }, rest);
  const set = { kind: 'alu', width: 64, op: 'mov', dst: flag.register } as const;
  const mark = nodeOf({ ...set, src: { kind: 'imm', imm: imm === 0 ? 1 : 0 } });
  for (const node of code) {
    if (node.target === code[block]) node.target = start;
    else if (node.target === start && !flag.isSet) node.target = mark;
  }
  return code.flatMap((node, i) => {
    if (gone.has(i)) return [];
    const marked = i === first && !flag.isSet ? [mark, node] : [node];
    return i === last ? [...marked, branch] : marked;
  });
};

/** The best stretch that the block repeats, from anywhere; undefined when none saves a slot. */
const sharedAt = (code: Code, block: number, survey: Survey): Code | undefined => {
  const inside = insideOf(code, block, survey.targets);
  let best: { twice: Twice; flag: Flag; saved: number } | undefined;
  for (const first of inside.length > 1 ? code.keys() : []) {
    const twice = twiceAt(code, first, inside, survey);
    if (twice.slots < 2 || twice.slots <= (best?.saved ?? 0)) continue;
    const flag = flagOf(code, twice, block, survey);
    const saved = twice.slots - (flag?.isSet ? 1 : 2);
    if (flag && saved > (best?.saved ?? 0)) best = { twice, flag, saved };
  }
  return best && shared(code, block, best.twice, best.flag);
};

export const stretchRepeating: Move = {
  name: 'stretch-repeating',
  doc: 'Goes back to a stretch in place of writing it twice, where a constant in some register tells both times apart.',
  sites: (code) => {
    if (code.some((n) => n.op.kind === 'call' && n.target)) return [];
    const survey = surveyOf(code);
    return [...code.keys()].flatMap((block) => {
      const isEntered = block > 0 && survey.targets.has(code[block]) && isEnd(code[block - 1]!);
      const made = isEntered ? sharedAt(code, block, survey) : undefined;
      return made ? [made] : [];
    });
  },
};
