/** What verifying costs: the search on this machine, the check on the board in executed instructions (QEMU -icount shift=0). */
import { certificateOf, loadHost, type Program } from '../../../ebpf/index.ts';
import type { VelocityLink } from '../../../link/index.ts';
import { compileProgram } from '../peers/board.ts';
import { MEMORY_BYTES as PEER_BYTES, programs as peerPrograms } from '../peers/programs.ts';
import { MEMORY_BYTES, type Point, points, sizedProgram } from './programs.ts';

export type Row = {
  readonly name: string;
  readonly series: Point['series'] | 'program';
  readonly slots: number;
  readonly branches: number;
  /** Bytes; 0 when none was found and the board searched for itself. */
  readonly certificate: number;
  /** Milliseconds of the search on this machine, in WebAssembly: the fastest of a few. */
  readonly infer_ms: number;
  /** Executed A64 instructions of the check on the board. */
  readonly check: number;
};

const RUNS = 5;

const inferMs = async (program: Program, memorySize: number): Promise<number> => {
  const host = await loadHost();
  let fastest = Number.POSITIVE_INFINITY;
  for (let i = 0; i < RUNS; i += 1) {
    const verdict = host.verify(program, { memorySize });
    if (!verdict.ok) throw new Error(`${verdict.error.code}: ${verdict.error.message}`);
    fastest = Math.min(fastest, verdict.inferMs);
  }
  return Math.round(fastest * 1000) / 1000;
};

const measure = async (
  link: VelocityLink,
  what: Omit<Row, 'certificate' | 'infer_ms' | 'check'>,
  code: Uint8Array,
  memorySize: number,
): Promise<Row> => {
  const program = { code, hook: 'run' } as const;
  const certificate = await certificateOf(program, { memorySize });
  const answer = await link.runProgram({ jit: true, code, mem: new Uint8Array(memorySize), certificate });
  return {
    ...what,
    certificate: certificate.length,
    infer_ms: await inferMs(program, memorySize),
    check: Number(answer.verify_insns),
  };
};

const branchesOf = (code: Uint8Array): number => {
  let count = 0;
  for (let at = 0; at < code.length; at += 8) {
    const opcode = code[at]!;
    const isJump = (opcode & 7) === 5 || (opcode & 7) === 6;
    if (isJump && ![0x00, 0x80, 0x90].includes(opcode & 0xf0)) count += 1;
  }
  return count;
};

/** Programs made to a size, then those of the JIT's benchmark, which are full of loops. */
export const measureVerifier = async (link: VelocityLink, say: (line: string) => void): Promise<Row[]> => {
  const rows: Row[] = [];
  for (const point of points) {
    say(`checking ${point.slots} instructions with ${point.branches} branches`);
    const code = sizedProgram(point.slots, point.branches);
    const name = `${point.slots} instructions, ${point.branches} branches`;
    rows.push(await measure(link, { name, ...point }, code, MEMORY_BYTES));
  }
  for (const program of peerPrograms) {
    say(`checking ${program.name}`);
    const code = await compileProgram(program);
    const what = { name: program.name, series: 'program', slots: code.length / 8 } as const;
    rows.push(await measure(link, { ...what, branches: branchesOf(code) }, code, PEER_BYTES));
  }
  return rows;
};
