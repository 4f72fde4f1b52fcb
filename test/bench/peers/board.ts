/** The programs on a board: compiled to eBPF, run by its JIT. */
import { join } from 'node:path';
import { certificateOf, compileModule, loadObject } from '../../../ebpf/index.ts';
import { root } from '../../../firmware/index.ts';
import type { VelocityLink } from '../../../link/index.ts';
import { MEMORY_BYTES, memoryOf, type PeerProgram } from './programs.ts';

export const sourceOf = (program: PeerProgram): string =>
  join(root, 'test/bench/programs', `${program.helper ? 'vectors' : program.name}.c`);

/** What chooses the program in a source that holds several. Loops stay loops, not calls of memcpy. */
export const flagsOf = (program: PeerProgram): string[] =>
  program.helper ? [`-DONLY_${program.name}`, '-fno-builtin'] : [];

/** Debian 12's Linux has eBPF up to v3; later instructions would be refused there. */
export const compileProgram = async (
  program: PeerProgram,
  more: readonly string[] = [],
): Promise<Uint8Array> => {
  const flags = ['-fno-strict-aliasing', ...flagsOf(program), ...more];
  const object = await compileModule(sourceOf(program), { cpu: 'v3', arguments: flags });
  return loadObject(object, { name: program.name }).programs[0]!.code;
};

/** What one run left: the result, its memory, and what it cost in executed instructions. */
export type Run = { readonly result: number; readonly memory: Uint8Array; readonly executed: number };

export type BoardRun = Run & {
  /** Words of compiled code. */
  readonly words: number;
  readonly verify: number;
  readonly compile: number;
  readonly bound: number;
};

type Computed = Pick<Run, 'result' | 'memory'>;
export const sameResult = (a: Computed, b: Computed): boolean =>
  a.result === b.result && Buffer.compare(Buffer.from(a.memory), Buffer.from(b.memory)) === 0;

/** @throws RefusedError when the board's verifier refuses it */
export const runOnBoard = async (
  link: VelocityLink,
  program: PeerProgram,
  code: Uint8Array,
): Promise<BoardRun> => {
  const certificate = await certificateOf({ code, hook: 'run' }, { memorySize: MEMORY_BYTES });
  const answer = await link.runProgram({ jit: true, code, mem: memoryOf(program), certificate });
  return {
    result: Number(BigInt.asUintN(32, answer.r0)),
    memory: answer.mem,
    executed: Number(answer.cycles),
    words: answer.jit_bytes / 4,
    verify: Number(answer.verify_insns),
    compile: Number(answer.compile_insns),
    bound: Number(answer.bound),
  };
};
