/** Each vector helper with one count beside the loop that does its work, over numbers of elements that both know. */
import { type VectorArgument, vectors } from '../../../abi/index.ts';
import type { VelocityLink } from '../../../link/index.ts';
import { compileProgram, runOnBoard } from '../peers/board.ts';
import { empty, MEMORY_BYTES, type PeerProgram } from '../peers/programs.ts';
import { vectorPrograms } from '../peers/vectors.ts';

/** Executed A64 instructions, net of an empty program. */
export type LoopCost = { readonly elements: number; readonly loop: number; readonly helped: number };

export const ELEMENTS = [4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048] as const;

const isRead = (a: VectorArgument) => a.kind === 'in';

/** In test/bench/programs/vectors.c one input may fill the memory; two, an output or a table share it. */
const limitOf = (helper: string): number => {
  const buffers = Object.values(vectors[helper]!.args).filter((a) => 'elements' in a);
  const alone = buffers.length === 1 && buffers.every(isRead) && helper !== 'vl_crc32';
  const bytes = Math.max(...buffers.filter((b) => !/^\d/.test(b.elements)).map((b) => b.bytes));
  return MEMORY_BYTES / bytes / (alone ? 1 : 2);
};

const hasOneCount = (helper: string) =>
  Object.values(vectors[helper]!.args).filter((a) => a.kind.startsWith('count')).length === 1;

const costsOf = async (link: VelocityLink, program: PeerProgram, nothing: number): Promise<LoopCost[]> => {
  const run = async (more: readonly string[]) =>
    (await runOnBoard(link, program, await compileProgram(program, more))).executed - nothing;
  const costs: LoopCost[] = [];
  for (const elements of ELEMENTS.filter((n) => n <= limitOf(program.helper!))) {
    const count = `-DCOUNT=${elements}`;
    costs.push({ elements, loop: await run([count]), helped: await run([count, '-DVECTOR']) });
  }
  return costs;
};

/** By name of the helper. */
export const measureLoops = async (
  link: VelocityLink,
  say: (line: string) => void,
): Promise<Map<string, readonly LoopCost[]>> => {
  const nothing = await runOnBoard(link, empty, await compileProgram(empty));
  const costs = new Map<string, readonly LoopCost[]>();
  for (const program of vectorPrograms.filter((p) => hasOneCount(p.helper!))) {
    say(`measuring ${program.helper} beside its loop`);
    costs.set(program.helper!, await costsOf(link, program, nothing.executed));
  }
  return costs;
};
