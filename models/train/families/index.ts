/** All rule families, and those that training never sees. */
import { algebra } from './algebra.ts';
import type { Family } from './family.ts';
import { memory } from './memory.ts';
import { shape } from './shape.ts';

export type { Expansion, Family, Surroundings } from './family.ts';

export const families: readonly Family[] = [...algebra, ...memory, ...shape];

/** Fixed before the first training, and whole: no pair of the training data holds one of these, alone or among others. */
export const heldOut: ReadonlySet<string> = new Set([
  'xor-of-masks',
  'or-of-sum-minus-and',
  'sum-of-or-and',
  'and-by-de-morgan',
  'difference-plus-one',
  'halves-joined-to-64',
  'low-bits-cleared-by-shifts',
  'signed-load-by-shifts',
]);

export const trained: readonly Family[] = families.filter((f) => !heldOut.has(f.name));
export const unseen: readonly Family[] = families.filter((f) => heldOut.has(f.name));
