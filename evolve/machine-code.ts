/** What the machine code of a program executes in given runs, about: from how often its slots ran and what each was compiled to. */
import {
  decodeProgram,
  type Instruction,
  jitCompile,
  type ModuleProgram,
  targetOf,
  type Visits,
  vectorSlots,
} from '../ebpf/index.ts';

export type MachineCode = {
  /** A64 instructions. */
  readonly words: number;
  /** A64 instructions that a visit of each slot executes; of calls of vector helpers every run knows by itself. */
  readonly perVisit: ReadonlyMap<number, number>;
  /** Jumps that a branch before them leaps over, by slot: what was compiled there runs when it does. */
  readonly leapt: ReadonlySet<number>;
};

/** Loops without another in them, as first and last slot. */
const innermost = (instructions: readonly Instruction[]): (readonly [number, number])[] => {
  const loops = instructions.flatMap((i) => {
    const head = i.kind === 'call' ? undefined : targetOf(i, i.slot);
    return head !== undefined && head <= i.slot ? [[head, i.slot] as const] : [];
  });
  return loops.filter(
    (one) => !loops.some((other) => other !== one && other[0] >= one[0] && other[1] <= one[1]),
  );
};

/** The test of a loop stands behind its turns once, however many those are. */
const turnsOf = (instructions: readonly Instruction[], compiled: readonly number[]): number[] => {
  const turns = [...compiled];
  for (const [head, last] of innermost(instructions))
    turns.fill(Math.max(...compiled.slice(head, last + 1)), head, last + 1);
  return turns;
};

const leaptOver = (instructions: readonly Instruction[]): Set<number> =>
  new Set(
    instructions.flatMap((i, at) => {
      const before = instructions[at - 1];
      return i.kind === 'jump' && before?.kind === 'branch' && before.off === 1 ? [i.slot] : [];
    }),
  );

/** Undefined when it can't be compiled. */
export const machineCodeOf = async (
  program: ModuleProgram,
  options: { readonly memorySize?: number } = {},
): Promise<MachineCode | undefined> => {
  const compiled = await jitCompile(program, options);
  if (!compiled.ok) return undefined;
  const { words, insnOfWord, turnsOfInsn } = compiled;
  const instructions = decodeProgram(program.code);
  const turns = turnsOf(instructions, turnsOfInsn);
  const vectors = vectorSlots(program.code);
  const perVisit = new Map<number, number>();
  for (const slot of insnOfWord) {
    if (slot === undefined || vectors.has(slot)) continue;
    perVisit.set(slot, (perVisit.get(slot) ?? 0) + 1 / (turns[slot] ?? 1));
  }
  return { words: words.length, perVisit, leapt: leaptOver(instructions) };
};

/** A64 instructions that the runs executed, about. */
export const machineSteps = ({ perVisit, leapt }: MachineCode, visits: Visits): number => {
  const times = (slot: number) => visits.slots.get(slot) ?? 0;
  let sum = visits.vectorInsns;
  for (const [slot, words] of perVisit)
    sum += words * (leapt.has(slot) ? times(slot - 1) - times(slot) : times(slot));
  return sum;
};
