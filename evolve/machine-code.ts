/** What the machine code of a program executes in given runs, about: from how often its slots ran and what each was compiled to. */
import { VECTOR_ID_FIRST } from '../abi/index.ts';
import {
  decodeProgram,
  type Instruction,
  jitCompile,
  type ModuleProgram,
  targetOf,
  type Visits,
} from '../ebpf/index.ts';

export type MachineCode = {
  /** A64 instructions. */
  readonly words: number;
  /** A64 instructions that a visit of each slot executes. */
  readonly perVisit: ReadonlyMap<number, number>;
  /** Jumps that a branch before them leaps over, by slot: what was compiled there runs when it does. */
  readonly leapt: ReadonlySet<number>;
  /** Whether every vector helper is instructions in its place without a loop: then they count like all others, else by their bounds. */
  readonly isPlain: boolean;
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

/** DDI 0487 C6.2.38, BL; C6.2.27, B.cond with its distance in bits 23..5. */
const leaves = (word: number): boolean =>
  word >>> 26 === 0x25 || (word >>> 24 === 0x54 && (word << 8) >> 31 !== 0);

const isVector = (i: Instruction): boolean =>
  i.kind === 'call' && i.form === 'helper' && i.imm >= VECTOR_ID_FIRST;

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
  const vectors = new Set(instructions.filter(isVector).map(({ slot }) => slot));
  const perVisit = new Map<number, number>();
  let isPlain = true;
  for (const [at, slot] of insnOfWord.entries()) {
    if (slot === undefined) continue;
    perVisit.set(slot, (perVisit.get(slot) ?? 0) + 1 / (turns[slot] ?? 1));
    if (vectors.has(slot) && leaves(words[at]!)) isPlain = false;
  }
  return { words: words.length, perVisit, leapt: leaptOver(instructions), isPlain };
};

/** A64 instructions that the runs executed, about. */
export const machineSteps = ({ perVisit, leapt, isPlain }: MachineCode, visits: Visits): number => {
  const times = (slot: number) => visits.slots.get(slot) ?? 0;
  let sum = isPlain ? 0 : visits.bulk;
  for (const [slot, words] of perVisit)
    sum += words * (leapt.has(slot) ? times(slot - 1) - times(slot) : times(slot));
  return sum;
};
