/** The benchmark of vector helpers by size: what routines execute, and from where they pay. */
export { measureLoops } from './loops.ts';
export { costsPage, costsSource, payCells, type VectorCosts } from './page.ts';
export { measureRoutines } from './routines.ts';
