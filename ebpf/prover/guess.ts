/** Tries random inputs before the solver is asked: most programs that differ do so on nearly every input. */

import { Random } from '../random.ts';
import { Evaluator } from './evaluate.ts';
import type { Script } from './smtlib.ts';
import { mask, type Term } from './term.ts';

const TRIES = 24;
/** Offsets at which regions are compared lie in their first bytes. */
const PROBED_BYTES = 512;
/** Values at which programs decide. */
const EDGES = [0n, 1n, 127n, 128n, 255n, -1n, 1n << 31n] as const;

/** Values of all inputs for which every condition holds; undefined when none was found, which says nothing. */
export const guess = (conditions: readonly Term[], script: Script): ReadonlyMap<Term, bigint> | undefined => {
  const random = new Random(0x7feb352d); // always the same, so that a verdict repeats
  const bounds = new Map(script.inputs.map(({ term }) => [term.name, term]));
  for (let n = 0; n < TRIES; n++) {
    const values = new Map<string, bigint>();
    const value = (key: string, name: string, width: number): bigint => {
      const known = values.get(key);
      if (known !== undefined) return known;
      const wide = (BigInt(random.next()) << 32n) | BigInt(random.next());
      const raw = random.once(3) ? random.pick(EDGES) : n === 0 ? 0n : wide;
      if (name.endsWith('.probe')) values.set(key, BigInt(random.below(PROBED_BYTES)));
      if (values.has(key)) return values.get(key)!;
      const { min, max } = bounds.get(name) ?? { min: 0n, max: mask(width) };
      const made = min + (BigInt.asUintN(width, raw) % (max - min + 1n));
      values.set(key, made);
      return made;
    };
    const evaluator = new Evaluator({
      variable: (name, width) => value(name, name, width),
      select: (name, index, width) => value(`${name}[${index}]`, name, width),
    });
    if (conditions.every((c) => evaluator.value(c) === 1n))
      return new Map(script.inputs.map(({ term }) => [term, evaluator.value(term)]));
  }
  return undefined;
};
