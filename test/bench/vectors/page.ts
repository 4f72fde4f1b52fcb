/** What was measured of the vector helpers, as the table that estimates go by and as a page of the reference. */
import { markdown } from '../markdown.ts';
import { ELEMENTS, type LoopCost } from './loops.ts';
import type { Routine } from './routines.ts';

export type VectorCosts = {
  readonly routines: ReadonlyMap<string, Routine>;
  readonly loops: ReadonlyMap<string, readonly LoopCost[]>;
};

const numbers = (values: readonly number[]) => `[${values.join(', ')}]`;

const entry = ([name, { first, second, executed }]: readonly [string, Routine]): string =>
  [
    `  ${name}: {`,
    `    first: ${numbers(first)},`,
    `    second: ${numbers(second)},`,
    `    executed: [${executed.map(numbers).join(', ')}],`,
    '  },',
  ].join('\n');

/** ebpf/vector-costs.ts, whole, before the formatter. */
export const costsSource = (routines: ReadonlyMap<string, Routine>): string =>
  `/** Written by \`velocity bench --vectors --write\`; do not edit. */

/** A64 instructions that a routine executes: a row for each second count (0 where there is none), by the first. */
export type Measured = {
  readonly first: readonly number[];
  readonly second: readonly number[];
  readonly executed: readonly (readonly number[])[];
};

/** The kernel's routines on an emulated Cortex-A72, entry and return included. */
export const routines: Readonly<Record<string, Measured>> = {
${[...routines].map(entry).join('\n')}
};
`;

const routineAt = ({ first, executed }: Routine, n: number): number | undefined =>
  executed[0]?.[first.indexOf(n)];

/** The least number from which on a cost lies below that of the loop. */
const paysFrom = (costs: readonly LoopCost[], cost: (c: LoopCost) => number | undefined): string => {
  const dear = costs.filter((c) => (cost(c) ?? Number.POSITIVE_INFINITY) >= c.loop).at(-1);
  const from = costs.find((c) => dear === undefined || c.elements > dear.elements);
  return from ? String(from.elements) : 'never';
};

/** A call of the routine: one instruction more. */
const calledAt = (routine: Routine | undefined, { elements }: LoopCost): number | undefined => {
  const insns = routine && routineAt(routine, elements);
  return insns === undefined ? undefined : insns + 1;
};

export const payCells = ({ routines, loops }: VectorCosts): string[][] => [
  ['helper', 'pays from, known', 'called', ...ELEMENTS.map(String)],
  ...[...loops].map(([name, costs]) => {
    const called = (c: LoopCost) => calledAt(routines.get(name), c);
    const cell = (n: number) => {
      const c = costs.find(({ elements }) => elements === n);
      return c ? `${c.loop} / ${c.helped} / ${called(c) ?? '–'}` : '–';
    };
    return [name, paysFrom(costs, (c) => c.helped), paysFrom(costs, called), ...ELEMENTS.map(cell)];
  }),
];

/** docs/reference/vector-costs.md, whole. */
export const costsPage = (costs: VectorCosts, { clang, qemu }: { clang: string; qemu: number }): string =>
  `<!-- Written by \`velocity bench --vectors --write\`; do not edit. -->
# What vector helpers execute, and from which size they pay

Executed A64 instructions on an emulated Cortex-A72 (QEMU ${qemu}, \`-icount shift=0\`), net of an empty program, by the number of elements: the loop in C as ${clang} -O2 and this kernel's JIT make it, the [helper](contract.md#vector-helpers) where the verifier knows the size (then most are code in their place), and the kernel's routine as a program calls it that knows the size only when it runs.

- **pays from**: the least of these sizes from which on the helper executes less than the loop, where its size is known, and called.
- clang writes loops of few turns out, so that small sizes are straight code.
- Searches and comparisons find nothing here; the elements of the largest are random.

The estimate by which proposals are judged goes by this: code in its place is counted in the compiled program, routines by what was measured here, at more sizes than these (\`ebpf/vector-costs.ts\`).

${markdown(payCells(costs))}
`;
