/**
 * Loops that compare elements, or gather them bit by bit, done eight bytes at a time in plain loads: shorter than a call where buffers
 * are small, or where most runs end at the first difference. What it takes a loop for may be wrong: proposals are judged.
 */
import type { Code } from '../optimiser/code.ts';
import { firstOf, type Live, load, outcomeOf } from './elements.ts';
import { NoPlace } from './frame.ts';
import { type Count, countOf, dataConditions, type TurningLoop, type Way } from './loop.ts';
import type { Outcome } from './plan.ts';
import { placed } from './replacing.ts';
import { type Atom, constant, isConstant, keyOf, single, type Value } from './value.ts';
import { type Lanes, type Operator, WordWriter } from './word-writer.ts';

/** Fewer bytes are not worth it. */
const MIN_BYTES = 8;

const isOperator = (op: string): op is Operator => op === 'or' || op === 'xor' || op === 'and';

/** What is done to each element, with its loads by number, and where these begin. */
class Sides {
  readonly places: Value[] = [];
  readonly #loop: TurningLoop;
  readonly #turns: number;
  size = 0;

  constructor(loop: TurningLoop, turns: number) {
    this.#loop = loop;
    this.#turns = turns;
  }

  #side(at: Atom & { kind: 'load' }): Lanes {
    if (at.signed || (this.size !== 0 && at.size !== this.size)) throw new NoPlace();
    this.size = at.size;
    const first = firstOf(this.#loop, [at.at], at.size, this.#turns);
    if (!first) throw new NoPlace();
    return { kind: 'load', side: this.places.push(first) - 1 };
  }

  /** @throws NoPlace for what can't be done to several elements at once */
  lanes(v: Value): Lanes {
    if (isConstant(v)) return { kind: 'constant', value: v.constant };
    const atom = single(v);
    if (atom?.kind === 'load') return this.#side(atom);
    if (atom?.kind !== 'op' || !isOperator(atom.op)) throw new NoPlace();
    const [a, b] = atom.args;
    return { kind: 'both', op: atom.op, a: this.lanes(a!), b: this.lanes(b!) };
  }
}

/** The parts that an operation brings together. */
const partsOf = (op: Operator, v: Value): Value[] => {
  const atom = single(v);
  return atom?.kind === 'op' && atom.op === op ? atom.args.flatMap((a) => partsOf(op, a)) : [v];
};

const registersIn = (values: readonly Value[]): number[] =>
  values.flatMap((v) => v.terms.flatMap(({ atom }) => (atom.kind === 'reg' ? [atom.reg] : [])));

const valuesOf = (outcome: Outcome): Value[] =>
  [...outcome.results.values()].flatMap((r) => (r.kind === 'value' ? [r.value] : []));

/** if (a[i] != b[i]) leave, to where nothing tells how far it came. */
const compared = (code: Code, loop: TurningLoop, count: Count, live: Live): Code | undefined => {
  const { turns, counted, found } = count;
  if (counted.length !== 1 || found.length !== 1) return undefined;
  const [condition, other] = dataConditions(loop, found[0]!);
  const isUnequal = condition && (condition.op === 'jne') === condition.taken;
  if (!isUnequal || other || (condition.op !== 'jne' && condition.op !== 'jeq')) return undefined;
  if (!load(condition.left) || !load(condition.right)) return undefined;
  const n = dataConditions(loop, counted[0]!).length > 0 ? turns : turns - 1;
  const otherwise = outcomeOf(loop, counted, live(counted[0]!.to), turns - 1, () => undefined);
  const outcomes = [0, 1].map((turn) => outcomeOf(loop, found, live(found[0]!.to), turn, () => undefined));
  const [special, later] = outcomes.map(
    (o) => o && [...o.results].map(([r, v]) => `${r} ${v.kind === 'value' ? keyOf(v.value) : ''}`).join(),
  );
  if (!otherwise || !outcomes[0] || special !== later) return undefined;
  return placed(code, loop, (copy) => {
    const sides = new Sides(loop, n);
    const lanes = [condition.left, condition.right].map((v) => sides.lanes(v));
    const needed = registersIn([...sides.places, ...valuesOf(otherwise), ...valuesOf(outcomes[0]!)]);
    const writer = new WordWriter({ places: sides.places, bytes: n * sides.size, needed, size: sides.size });
    return writer.compared(lanes, [otherwise, outcomes[0]!], copy);
  });
};

const OPERATORS = ['or', 'xor', 'and'] as const;

type Gathered = {
  readonly register: number;
  readonly op: Operator;
  readonly part: Value;
  /** What was gathered is cut to as many bits as an element has. */
  readonly isCut: boolean;
};

/** Masks of elements. */
const MASKS = [0xffn, 0xffffn, 0xffffffffn] as const;

/** What is brought into a register in each turn. */
const gatheredIn = (loop: TurningLoop, { walk }: Way): Gathered[] =>
  Array.from({ length: 10 }, (_, register) => register).flatMap((register) =>
    OPERATORS.flatMap((op) => {
      const own = loop.atoms.register(register);
      const cut = MASKS.map((m) => keyOf(loop.atoms.compute('and', 64, own, constant(m))));
      const parts = partsOf(op, walk.regs[register]!);
      const [kept] = parts.filter((v) => keyOf(v) === keyOf(own) || cut.includes(keyOf(v)));
      const [part, more] = parts.filter((v) => v !== kept);
      return kept && part && !more ? [{ register, op, part, isCut: keyOf(kept) !== keyOf(own) }] : [];
    }),
  );

/** acc |= a[i] ^ b[i], and the like. */
const gathered = (code: Code, loop: TurningLoop, count: Count, live: Live): Code[] => {
  const { turns, counted, found } = count;
  const [last] = counted;
  if (counted.length !== 1 || found.length > 0) return [];
  return gatheredIn(loop, loop.again[0]!).flatMap(({ register, op, part, isCut }) => {
    const after = keyOf(loop.again[0]!.walk.regs[register]!);
    const whole = live(last!.to).some((d) => keyOf(last!.walk.regs[d]!) === after);
    const wanted = whole ? after : keyOf(loop.atoms.register(register));
    const n = whole ? turns : turns - 1;
    const otherwise = outcomeOf(loop, counted, live(last!.to), turns - 1, (d, [way]) =>
      keyOf(way!.walk.regs[d]!) === wanted ? { kind: 'gathered' } : undefined,
    );
    const known = loop.entry[register];
    const start = typeof known === 'bigint' ? known : register;
    const made =
      otherwise &&
      placed(code, loop, (copy) => {
        const sides = new Sides(loop, n);
        const lanes = sides.lanes(part);
        const needed = [...registersIn([...sides.places, ...valuesOf(otherwise)]), register];
        const writer = new WordWriter({
          places: sides.places,
          bytes: n * sides.size,
          needed,
          size: sides.size,
        });
        return writer.gathered(
          lanes,
          { op, start, isCut, width: loop.again[0]!.walk.widths[register]! },
          otherwise,
          copy,
        );
      });
    return made ? [made] : [];
  });
};

/** The program with the loop done eight bytes at a time, each way it can be. */
export const byWords = (code: Code, loop: TurningLoop, live: Live): Code[] => {
  const count = countOf(loop);
  if (!count || loop.again.length !== 1 || loop.again[0]!.walk.stores.length > 0) return [];
  if (count.turns < MIN_BYTES) return [];
  const one = compared(code, loop, count, live);
  return [...(one ? [one] : []), ...gathered(code, loop, count, live)];
};
