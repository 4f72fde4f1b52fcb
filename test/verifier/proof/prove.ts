/** Proves the operators of the scalar domain at full width: the eBPF that clang makes of them, against their meaning, by Z3. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runClang } from '../../../ebpf/clang.ts';
import { loadLinuxFunctions } from '../../../ebpf/elf/index.ts';
import { STEPS_PER_MS, solve } from '../../../ebpf/prover/solver.ts';
import { readSlot } from '../../../ebpf/slot.ts';
import {
  bounded,
  type Claim,
  claims,
  contains,
  OPERANDS_BYTES,
  PLACES,
  SCALAR_BYTES,
  type Setting,
} from './claims.ts';
import { Execution, literal, Script, type Summary, type Word } from './symbolic.ts';

const source = fileURLToPath(new URL('operators.c', import.meta.url));
const kernel = fileURLToPath(new URL('../../../kernel-aarch64', import.meta.url));

export type Verdict = 'proven' | 'refuted' | 'unknown';
export type Proof = {
  readonly name: string;
  readonly verdict: Verdict;
  readonly ms: number;
  /** What was not shown. */
  readonly part?: string;
  readonly reason?: string;
};

/** Code of each operator, with domain_sync behind it. `headers`: where bpf/verifier is included from. */
export const compileOperators = async (headers = kernel): Promise<ReadonlyMap<string, Uint8Array>> => {
  const folder = await mkdtemp(join(tmpdir(), 'velocity-proof-'));
  try {
    const object = join(folder, 'operators.o');
    const flags = ['--target=bpf', '-mcpu=v3', '-O2', '-std=c23', '-ffreestanding', '-Wno-unused-function'];
    await runClang(
      [...flags, `-I${headers}`, `-I${kernel}`, '-c', source, '-o', object],
      'the operators of the verifier',
    );
    const functions = loadLinuxFunctions(await readFile(object), {});
    return new Map(
      functions.map((f) => {
        if ('error' in f) throw f.error;
        return [f.name, f.program.code] as const;
      }),
    );
  } finally {
    await rm(folder, { recursive: true });
  }
};

/** Slot of the function that the code calls, if it does. */
const calleeOf = (code: Uint8Array): number | undefined => {
  const view = new DataView(code.buffer, code.byteOffset, code.byteLength);
  for (let i = 0; i < code.byteLength / 8; i++) {
    const s = readSlot(view, i);
    if (s.opcode === 0x85) return i + 1 + s.imm;
  }
  return undefined;
};

const fill = (script: Script, memory: Map<string, string>, base: string, from: number, bytes: number) => {
  for (let at = from; at < from + bytes; at += 4) memory.set(`${base}:${at}`, script.declare(32));
};

/** domain_sync, as its own claim has it: what it gives still stands for the number that the scalar did before. */
const syncKeeps =
  (numbers: readonly Word[], obligations: string[]): Summary =>
  (script, memory, { base, off }, guard) => {
    const z = base === 'm' ? numbers[off / SCALAR_BYTES] : undefined;
    if (z === undefined)
      throw new Error(`domain_sync is called on ${base}+${off}, of which nothing is claimed`);
    for (const part of contains(memory, off, z, base)) obligations.push(`(=> ${guard} ${part})`);
    fill(script, memory, base, off, SCALAR_BYTES);
    const r0 = literal(1n);
    for (const part of [...contains(memory, off, z, base), ...bounded(memory, off, base)])
      script.assert(`(=> ${guard} ${part})`);
    return r0;
  };

/** What is to be shown of an operator, one script for each part: none of them can be satisfied. */
const scriptsOf = (name: string, claim: Claim, code: Uint8Array): string[] => {
  const script = new Script();
  const before = new Map<string, string>();
  fill(script, before, 'm', 0, OPERANDS_BYTES);
  const [x, y] = [script.declare(64), script.declare(64)];
  const start: Setting = { script, before, after: before, x, y };
  for (const [place, number] of [
    [PLACES.a, x],
    [PLACES.b, y],
  ] as const)
    for (const part of [
      ...contains(before, place, number),
      ...(name.startsWith('sync') ? [] : bounded(before, place)),
    ])
      script.assert(part);
  if (claim.given) script.assert(claim.given(start));
  const kept = claim.kept(start).map((z) => script.word(`(bvadd ${literal(0n)} ${z})`));
  const callee = calleeOf(code);
  const obligations: string[] = [];
  const summaries = new Map<number, Summary>();
  if (callee !== undefined && !name.startsWith('sync')) summaries.set(callee, syncKeeps(kept, obligations));
  const { memory: after } = new Execution(code, script, summaries).run(0, { base: 'm', off: 0 }, before);
  const shown = [...obligations, ...claim.shown({ ...start, after }, kept)];
  return shown.map((part) => ['(set-logic QF_UFBV)', ...script.lines, `(assert (not ${part}))`].join('\n'));
};

/** One operator, part by part; `timeoutMs` is for each: as much work as takes about so long. */
export const prove = async (name: string, code: Uint8Array, timeoutMs: number): Promise<Proof> => {
  const claim = claims.get(name);
  if (!claim) throw new Error(`nothing is claimed of ${name}`);
  const started = performance.now();
  const took = () => Math.round(performance.now() - started);
  for (const text of scriptsOf(name, claim, code)) {
    const answer = await solve({ text, inputs: [] }, timeoutMs * STEPS_PER_MS);
    if (answer.verdict === 'sat')
      return { name, verdict: 'refuted', ms: took(), part: text.split('\n').at(-1)! };
    if (answer.verdict === 'unknown')
      return { name, verdict: 'unknown', ms: took(), part: text.split('\n').at(-1)!, reason: answer.reason };
  }
  return { name, verdict: 'proven', ms: took() };
};
