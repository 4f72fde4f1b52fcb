/**
 * Single runs of hooks. Of each: a byte that says core, hook and whether it faulted, then signed numbers as in a report,
 * in this order. A run begins at the begin of the run before it in the same data, the first one at the time of the
 * answer, moved on by its first number; runs of one core are in order.
 */
import { CodecError } from './codec.ts';
import { pushSigned, VARINT_BYTES, VarintReader } from './varint.ts';

export const runNumbers = {
  begin: 'ns from the begin of the run before, or from the time of the answer',
  took: 'ns until its end, what measuring takes included',
  cycles: 'as the counters of the module have them, without what measuring takes; 0 when it faulted',
  module: 'number of the module, as in a report',
  version: 'version of the module',
  result: 'what it returned; 0 when it faulted',
} as const;

/** In the first byte: (core * RUN_HOOKS + hook) * 2 + faulted. */
export const RUN_HOOKS = 8;
export const RUN_CORES = 128 / RUN_HOOKS;
export const RUN_BYTES = 1 + Object.keys(runNumbers).length * VARINT_BYTES;

/** When nobody has read so many runs, or lost samples, of one core, a board ends what it was asked to keep. */
export const PROBE_UNREAD_LIMIT = 16_384;

export type HookRun = {
  readonly core: number;
  /** Number of the hook (hooks.ts). */
  readonly hook: number;
  readonly faulted: boolean;
  /** Board time. */
  readonly begin_ns: bigint;
  readonly took_ns: bigint;
  readonly cycles: bigint;
  readonly module: number;
  readonly version: number;
  /** Of 64 bits, unsigned. */
  readonly result: bigint;
};

/** `time_ns`: board time of the answer that the data came with. @throws CodecError */
export const decodeRuns = (data: Uint8Array, time_ns: bigint): HookRun[] => {
  const reader = new VarintReader(data);
  const runs: HookRun[] = [];
  let begin_ns = time_ns;
  while (!reader.done) {
    const head = reader.byte();
    const [begin, took_ns, cycles, module, version, result] = Object.keys(runNumbers).map(() =>
      reader.signed(),
    ) as [bigint, bigint, bigint, bigint, bigint, bigint];
    begin_ns += begin;
    if (took_ns < 0n || cycles < 0n || module < 0n || version < 0n)
      throw new CodecError('data', 'has a run with a number below 0');
    runs.push({
      core: Math.floor(head / 2 / RUN_HOOKS),
      hook: Math.floor(head / 2) % RUN_HOOKS,
      faulted: head % 2 === 1,
      begin_ns,
      took_ns,
      cycles,
      module: Number(module),
      version: Number(version),
      result: BigInt.asUintN(64, result),
    });
  }
  return runs;
};

/** For boards that are played. */
export const encodeRuns = (runs: readonly HookRun[], time_ns: bigint): Uint8Array => {
  const out: number[] = [];
  let before = time_ns;
  for (const { core, hook, faulted, begin_ns, took_ns, cycles, module, version, result } of runs) {
    out.push((core * RUN_HOOKS + hook) * 2 + Number(faulted));
    const numbers = [begin_ns - before, took_ns, cycles, BigInt(module), BigInt(version), result];
    for (const number of numbers) pushSigned(out, number);
    before = begin_ns;
  }
  return Uint8Array.from(out);
};
