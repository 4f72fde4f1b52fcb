/** Modules made faster before they are sent, and which of its versions a board runs. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CompileError, type ModuleProgram } from '../ebpf/index.ts';
import type { Objective } from '../ebpf/optimiser/index.ts';
import { stopSolver } from '../ebpf/prover/index.ts';
import { hexHash, type Known, knownOptimised, type StoreOptions, storedOptimised } from '../evolve/index.ts';
import { isPackage, paths, root } from '../firmware/index.ts';
import type { SigningKey } from '../firmware/sign.ts';
import type { Context } from './context.ts';
import { version } from './version.ts';

/** What `module load` can be asked for. */
export const wishes = ['none', 'size', 'balanced', 'speed'] as const;
export type Wish = (typeof wishes)[number];

/** Folders with what decides whether a program is taken for another one, and which one is proposed. */
const RULES = ['abi', 'ebpf', 'evolve'] as const;

/** In a clone the rules may change between two commands. */
export const rulesIn = (clone: string): string => {
  const hash = createHash('sha256');
  for (const folder of RULES)
    for (const name of readdirSync(join(clone, folder), { recursive: true, encoding: 'utf8' }).sort())
      if (name.endsWith('.ts') && !name.endsWith('.test.ts'))
        hash.update(`\0${folder}/${name}\0`).update(readFileSync(join(clone, folder, name)));
  return hash.digest('hex');
};

const storeFor = (objective: Objective, key: SigningKey): StoreOptions => ({
  folder: join(paths.state, 'optimised'),
  rules: isPackage ? version() : rulesIn(root),
  objective,
  key,
});

/** What there is to send. Without a compiler for the host's copies of verifier and JIT it is the program as given. */
export const optimisedFor = async (
  { output, cleanup }: Context,
  program: ModuleProgram,
  wish: Wish,
  key: SigningKey,
): Promise<Known> => {
  const asGiven = { program, steps: [], wasKnown: false };
  if (wish === 'none') return asGiven;
  cleanup.add(() => stopSolver());
  const onProposal = (proposer: string, note: string) => output.progress(`proving ${proposer}: ${note}`);
  output.progress(`looking for a faster ${program.name}`);
  try {
    return await storedOptimised(program, { ...storeFor(wish, key), onProposal });
  } catch (error) {
    if (!(error instanceof CompileError)) throw error;
    output.note(`velocity: ${program.name} goes as the compiler made it: ${error.message}`);
    return asGiven;
  }
};

const compared = (before: number, after: number) => {
  const change = Math.round((after / before - 1) * 100);
  return change === 0 ? 'as many' : `${Math.abs(change)} % ${change < 0 ? 'fewer' : 'more'}`;
};

/** For people; undefined when nothing was asked for. */
export const gainSentence = ({ gain, steps, wasKnown }: Known, wish: Wish): string | undefined => {
  if (wish === 'none') return undefined;
  if (!gain) return 'as the compiler made it: nothing cheaper was proven';
  const { before, after } = gain;
  const executed = `executes ${compared(before.executed, after.executed)} A64 instructions on the host's test inputs`;
  const size = `${before.slots} → ${after.slots} eBPF instructions, ${before.words} → ${after.words} of A64`;
  const how = steps.map(({ proposer, note }) => `${proposer}: ${note}`).join('; ');
  return `optimised: ${executed}, ${size}; proven equivalent${wasKnown ? ' when it was loaded before' : ''} (${how})`;
};

/** The same for programs. */
export const gainFact = ({ gain, steps, wasKnown }: Known): object | undefined =>
  gain && {
    ...gain,
    known: wasKnown,
    steps: steps.map(({ proposer, note, proof }) => ({ proposer, note, proof })),
  };

/** The version of a program that has this hash: as given, or as `module load` makes it. Undefined when none of them has. */
export const versionWith = async (
  program: ModuleProgram,
  sha: Uint8Array,
  key: SigningKey,
): Promise<ModuleProgram | undefined> => {
  const wanted = Buffer.from(sha).toString('hex');
  if (hexHash(program) === wanted) return program;
  for (const wish of wishes) {
    if (wish === 'none') continue;
    const known = await knownOptimised(program, storeFor(wish, key));
    if (known && hexHash(known.program) === wanted) return known.program;
  }
  return undefined;
};
