/**
 * The fixed set of programs that proposers are measured on: C in the style of public XDP, tracing, packet parsing, control and
 * signal processing code. No proposer is built from it and no training data is made of it.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type CompileOptions, compileModule, loadObject, type ModuleProgram } from '../../ebpf/index.ts';

export type EvaluationGroup = 'published' | 'filters' | 'tracing' | 'signal' | 'control' | 'loops';

export type EvaluationProgram = {
  readonly group: EvaluationGroup;
  readonly program: ModuleProgram;
};

const groups = ['published', 'filters', 'tracing', 'signal', 'control'] as const;

const pathOf = (file: string) => fileURLToPath(new URL(`./${file}`, import.meta.url));

/** Loops over whole buffers that vector instructions could do, by name: those that the recogniser of loops was developed on. */
export const vectorisable: ReadonlySet<string> = new Set([
  'copy_bytes',
  'fill_bytes',
  'sum_bytes',
  'sum_words',
  'max_byte',
  'min_sample',
  'dot_samples',
  'dot_bytes',
  'internet_checksum',
  'xor_bytes',
  'compare_bytes',
  'find_byte',
  'count_byte',
  'histogram',
]);

/** Instructions of clang -O2's program, of K2's and of Merlin's, as their papers print them, for programs of the same function. */
export type Published = { readonly clang: number; readonly best: number };

/** The lower of both papers' counts. Their sources are not these: only percentages can be set side by side. */
export const published: Readonly<Record<string, Published>> = {
  xdp_exception: { clang: 18, best: 16 },
  xdp_redirect_err: { clang: 18, best: 16 },
  xdp_devmap_xmit: { clang: 36, best: 29 },
  xdp_cpumap_kthread: { clang: 24, best: 18 },
  xdp_cpumap_enqueue: { clang: 26, best: 21 },
  sys_enter_open: { clang: 24, best: 18 },
  socket_0: { clang: 29, best: 27 },
  socket_1: { clang: 32, best: 30 },
  xdp_router_ipv4: { clang: 111, best: 99 },
  xdp_redirect: { clang: 43, best: 35 },
  xdp1: { clang: 61, best: 55 },
  xdp2: { clang: 78, best: 69 },
  xdp_fwd: { clang: 155, best: 120 },
  xdp_pktcntr: { clang: 22, best: 19 },
  xdp_fw: { clang: 72, best: 65 },
  xdp_map_access: { clang: 30, best: 26 },
  from_network: { clang: 39, best: 29 },
  recvmsg4: { clang: 94, best: 81 },
  xdp_balancer: { clang: 1811, best: 1607 },
};

/** SHA-256 over the sources, so that a table says which set it is of. */
export const evaluationHash = (): string => {
  const hash = createHash('sha256');
  for (const file of ['network.h', ...groups.map((g) => `${g}.c`)]) hash.update(readFileSync(pathOf(file)));
  return hash.digest('hex');
};

const compiled = async (group: EvaluationGroup, options: CompileOptions): Promise<EvaluationProgram[]> => {
  const object = await compileModule(pathOf(`${group}.c`), options);
  return loadObject(object, { name: group }).programs.map((program) => ({ group, program }));
};

/** @throws CompileError when clang is missing */
export const evaluationSet = async (options: CompileOptions = {}): Promise<EvaluationProgram[]> => {
  const out: EvaluationProgram[] = [];
  for (const group of groups) out.push(...(await compiled(group, options)));
  return out;
};

/**
 * Loops that vector helpers can do, written after the recogniser of loops and without looking at it. Not part of the set.
 * @throws CompileError when clang is missing
 */
export const heldOutLoops = (options: CompileOptions = {}): Promise<EvaluationProgram[]> =>
  compiled('loops', options);
