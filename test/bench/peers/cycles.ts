/** Cycles that llvm-mca estimates for the hot loop of compiled code: counts of instructions hide what they wait for. */
import { spawnSync } from 'node:child_process';
import { disassembleA64 } from '../../../cli/a64-text.ts';
import { loadHost } from '../../../ebpf/index.ts';
import { findTool } from '../../../firmware/index.ts';
import { markdown } from '../markdown.ts';
import { MEMORY_BYTES } from './programs.ts';
import type { Measurement } from './row.ts';

/** Of the boards: Raspberry Pi 3, 4 and 5. */
export const ESTIMATED = ['cortex-a53', 'cortex-a72', 'cortex-a76'] as const;

export type Loop = { readonly start: number; readonly end: number };

/** Distance of a branch with an immediate, in words (DDI 0487 C6.2); undefined for all else, calls among them. */
const distanceOf = (word: number): number | undefined => {
  const signed = (low: number, bits: number) => (word << (32 - low - bits)) >> (32 - bits);
  if (word >>> 26 === 0b000101) return signed(0, 26);
  if (word >>> 24 === 0x54 || (word & 0x7e000000) >>> 0 === 0x34000000) return signed(5, 19);
  return (word & 0x7e000000) >>> 0 === 0x36000000 ? signed(5, 14) : undefined;
};

/** Every loop, from its head to its last branch back. */
const loopsOf = (words: Uint32Array): Loop[] => {
  const ends = new Map<number, number>();
  words.forEach((word, i) => {
    const distance = distanceOf(word);
    if (distance !== undefined && distance <= 0 && i + distance >= 0) ends.set(i + distance, i + 1);
  });
  return [...ends].map(([start, end]) => ({ start, end }));
};

/** The longest loop that has no other within; undefined in code without one. */
export const hotLoop = (words: Uint32Array): Loop | undefined => {
  const loops = loopsOf(words);
  const innermost = loops.filter((a) => !loops.some((b) => b !== a && b.start >= a.start && b.end <= a.end));
  return innermost.sort((a, b) => b.end - b.start - (a.end - a.start))[0];
};

const TURNS = 100;

/** Cycles of one turn in the long run, by LLVM's model of the CPU; undefined without llvm-mca. */
const cyclesOf = (text: readonly string[], cpu: string): number | undefined => {
  const mca = findTool('llvmMca');
  if (!mca) return undefined;
  const args = ['-mtriple=aarch64', `-mcpu=${cpu}`, `-iterations=${TURNS}`];
  const { stdout, status } = spawnSync(mca, args, { input: `${text.join('\n')}\n`, encoding: 'utf8' });
  const total = /^Total Cycles:\s+(\d+)$/m.exec(stdout)?.[1];
  return status === 0 && total ? Number(total) / TURNS : undefined;
};

export type LoopEstimate = { readonly insns: number; readonly cycles: readonly number[] };

export const estimateLoop = (words: Uint32Array): LoopEstimate | undefined => {
  const loop = hotLoop(words);
  const text = loop && disassembleA64(words.slice(loop.start, loop.end));
  const cycles = text && ESTIMATED.map((cpu) => cyclesOf(text, cpu));
  return cycles?.every((c) => c !== undefined) ? { insns: text!.length, cycles } : undefined;
};

export type CycleRow = {
  readonly program: string;
  readonly here?: LoopEstimate;
  readonly linux?: LoopEstimate;
};

/** The whole words of some code. A `Buffer` may lie anywhere in memory it shares, so its bytes are copied. */
export const wordsIn = (bytes: Uint8Array): Uint32Array =>
  new Uint32Array(new Uint8Array(bytes.subarray(0, bytes.length & ~3)).buffer);

export const cycleRows = async (
  measured: readonly Pick<Measurement, 'program' | 'code' | 'peer'>[],
): Promise<CycleRow[]> => {
  const host = await loadHost();
  return measured.map(({ program, code, peer }) => {
    const made = host.jitCompile({ code, hook: 'run' }, { memorySize: MEMORY_BYTES });
    const here = made.ok ? estimateLoop(made.words) : undefined;
    const linux = estimateLoop(wordsIn(peer.jit));
    return { program: program.name, ...(here && { here }), ...(linux && { linux }) };
  });
};

const cell = (estimate: LoopEstimate | undefined) =>
  estimate ? [String(estimate.insns), ...estimate.cycles.map((c) => c.toFixed(1))] : ['', '', '', ''];

export const cycleSection = (rows: readonly CycleRow[]): string => `## Cycles of the hot loops, estimated

What \`llvm-mca\` says of the longest loop without another in it, taken as if no branch in it but the last were taken: cycles of one turn when it goes on for long and every access hits the first cache. A turn here may be up to four of the program's, as Linux' never is. These are estimates of a model, not measurements; empty where there is no loop.

${markdown([
  ['program', 'words', 'A53', 'A72', 'A76', 'Linux words', 'Linux A53', 'Linux A72', 'Linux A76'],
  ...rows.map((row) => [row.program, ...cell(row.here), ...cell(row.linux)]),
])}
`;
