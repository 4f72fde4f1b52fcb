/** What a family makes of a loop as clang left it. */
import { assembleOperations, type ModuleProgram } from '../../../ebpf/index.ts';
import type { LoopWindow, TurnOperation } from '../../loop/loop.ts';
import type { LoopSpelling } from '../../loop/spelling.ts';
import type { Lanes } from '../../loop/splice.ts';
import type { LaneText } from './family.ts';
import { namesOf, type Roles, rolesOf } from './roles.ts';
import type { LoopSource } from './source.ts';

export type LoopPair = {
  readonly family: string;
  /** In which the loop is. */
  readonly program: ModuleProgram;
  readonly question: readonly string[];
  readonly answer: readonly string[];
};

type Place = { readonly base: number; readonly off: number };

const text = ({ base, off }: Place) => `(r${base} ${off < 0 ? '-' : '+'} ${Math.abs(off)})`;

const placesOf = (operations: readonly TurnOperation[], kind: 'load' | 'store'): Place[] => {
  const found = new Map<string, Place>();
  for (const op of operations) {
    if (op.kind !== kind) continue;
    const place = {
      base: op.kind === 'load' ? op.src : (op as { dst: number }).dst,
      off: (op as { off: number }).off,
    };
    found.set(text(place), place);
  }
  return [...found.values()];
};

type Places = { readonly x: Place; readonly y: Place | undefined; readonly z: Place | undefined };

/** Where the elements lie, when those are as many as the template names. */
const placesFor = (
  operations: readonly TurnOperation[],
  turn: string,
  source: LoopSource,
): Places | undefined => {
  const [x, second, third] = placesOf(operations, 'load');
  const [z, more] = placesOf(operations, 'store');
  if (!x || third || more) return undefined;
  const y = second ?? (source.family.isNeighbour ? { base: x.base, off: x.off - source.size } : undefined);
  const wantsY = turn.includes('(Y)');
  if ((wantsY && !y) || (!wantsY && second) || turn.includes('(Z)') !== (z !== undefined)) return undefined;
  return { x, y, z };
};

/** Lines that leave in registers what the turns left there. */
const resultsOf = (
  operations: readonly TurnOperation[],
  { accumulator, previous }: Roles,
  { x }: Places,
  size: number,
) => {
  const copies = (accumulator?.copies ?? []).map((r) => `r${r} = r${accumulator!.register}\n`);
  const load = operations.find((op) => op.kind === 'load')!;
  const [register, type] = load.kind === 'load' && load.signed ? ['r', 's'] : ['w', 'u'];
  const before = text({ base: x.base, off: x.off - size });
  if (previous !== undefined) copies.push(`${register}${previous} = *(${type}${size * 8} *)${before}\n`);
  return copies.join('');
};

const filled = (lines: string, { x, y, z }: Places, { accumulator }: Roles): string => {
  const kind = accumulator?.width === 64 ? 'r' : 'w';
  return lines
    .replaceAll('(X)', text(x))
    .replaceAll('(Y)', y ? text(y) : '')
    .replaceAll('(Z)', z ? text(z) : '')
    .replaceAll(/ACC (\S+) \$/g, (_all, op: string) => `${kind}${accumulator!.register} ${op} ${kind}$`);
};

/** Registers from `first` on for names, as they come. */
const naming = (first: number) => {
  const known = new Map<string, number>();
  const numberOf = (name: string) => {
    known.set(name, known.get(name) ?? first + known.size);
    return known.get(name)!;
  };
  const named = (lines: string) =>
    lines.replaceAll(
      /([rw]?)\$(\w+)/g,
      (_all, kind: string, name: string) => `${kind || 'r'}${numberOf(name)}`,
    );
  return { named, last: () => first + known.size };
};

const fits = (
  { turn, after }: LaneText,
  { accumulator, previous }: Roles,
  { family }: LoopSource,
): boolean => {
  const wants = `${turn}${after ?? ''}`.includes('ACC');
  return wants === (accumulator !== undefined) && (previous === undefined || family.isNeighbour === true);
};

/** Undefined when the loop is not as the family's template expects it. */
export const lanesFor = (
  window: LoopWindow,
  spelling: LoopSpelling,
  source: LoopSource,
): Lanes | undefined => {
  const { operations } = spelling.turn;
  const { family, size, k } = source;
  const lanes = family.lanes(size, k);
  const roles = rolesOf(spelling.turn);
  const places = placesFor(operations, lanes.turn, source);
  if (window.size !== size || !roles || !places || !fits(lanes, roles, source)) return undefined;
  const { named, last } = naming(new Set(operations.flatMap(namesOf)).size);
  const operationsOf = (lines: string) => assembleOperations(named(filled(lines, places, roles)));
  const [before, turn] = [operationsOf(lanes.before), operationsOf(lanes.turn)];
  const after = operationsOf((lanes.after ?? '') + resultsOf(operations, roles, places, size));
  return last() > spelling.names.length ? undefined : { before, turn, after };
};
