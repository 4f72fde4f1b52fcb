/** Two programs, what the prover says of them, and what runs show. */
import { isDeepStrictEqual } from 'node:util';
import type { Host, ModuleProgram } from '../../../ebpf/index.ts';
import { decodeProgram } from '../../../ebpf/instruction.ts';
import { type Proof, proveEquivalent } from '../../../ebpf/prover/index.ts';
import type { RunInput } from '../../../ebpf/wasm/index.ts';
import { MEMORY_BYTES } from '../c-scope.ts';

export const sizeOf = ({ hook }: Pick<ModuleProgram, 'hook'>) =>
  hook === 'run' ? { memorySize: MEMORY_BYTES } : {};

/** What anybody sees of a run, and which of the outside was asked in what order. */
export const seenOf = (host: Host, program: ModuleProgram, input: RunInput): unknown => {
  const asked: string[] = [];
  let time = 0n;
  let number = 0x2545f491;
  const timeNs = () => {
    asked.push('time');
    time += 1000n;
    return time;
  };
  const random = () => {
    asked.push('random');
    number = Math.imul(number ^ (number >>> 15), number | 1) >>> 0;
    return number;
  };
  const result = host.run(program, { ...input, timeNs, random });
  if (!result.ok) return { error: result.error.code };
  const { r0, memory, maps, log } = result;
  return { r0, memory, maps, log, asked };
};

/** Whether a counterexample can be run: what it says is all that the programs are given. */
const isWhole = (program: ModuleProgram): boolean =>
  program.hook === 'run' &&
  decodeProgram(program.code).every(
    (i) => (i.kind !== 'call' || i.form !== 'helper') && i.kind !== 'ld_imm64',
  );

export type Judged = {
  readonly proof: Proof;
  /** The first of the inputs on which they do not do the same. */
  readonly shown: number | undefined;
  /** What is wrong with the verdict; undefined when nothing is known to be. */
  readonly complaint: string | undefined;
};

const complaintOf = (
  host: Host,
  before: ModuleProgram,
  after: ModuleProgram,
  proof: Proof,
  shown: number | undefined,
): string | undefined => {
  if (proof.verdict === 'proven')
    return shown === undefined ? undefined : 'is proven, and a run shows a difference';
  if (proof.verdict === 'unknown') return undefined;
  if (!proof.counterexample) return 'is different without a counterexample';
  const bytes = proof.counterexample.bytes;
  if (!bytes || ![before, after].every(isWhole)) return undefined;
  const input = { memory: Buffer.from(bytes, 'hex') };
  const [a, b] = [before, after].map((p) => seenOf(host, p, input));
  return isDeepStrictEqual(a, b)
    ? `is different, and its counterexample shows nothing: ${proof.reason}`
    : undefined;
};

export const judgePair = async (
  host: Host,
  before: ModuleProgram,
  code: Uint8Array,
  inputs: readonly RunInput[],
  timeoutMs: number,
): Promise<Judged> => {
  const after = { ...before, code };
  const different = inputs.findIndex(
    (input) => !isDeepStrictEqual(seenOf(host, before, input), seenOf(host, after, input)),
  );
  const shown = different < 0 ? undefined : different;
  const { hook, maps } = before;
  const proof = await proveEquivalent(before.code, code, { hook, maps, timeoutMs, ...sizeOf(before) });
  return { proof, shown, complaint: complaintOf(host, before, after, proof, shown) };
};
