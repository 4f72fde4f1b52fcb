/** Fuzzing of what the host reads: inputs are mutated, and those with an outcome not seen before are built upon. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Random } from '../../ebpf/random.ts';
import { root } from '../../firmware/index.ts';
import type { Finding, Limit } from './fuzz.ts';

export type HostTarget = {
  readonly name: string;
  readonly doc: string;
  readonly seeds: () => Promise<readonly Uint8Array[]>;
  readonly maxBytes: number;
  /** An edit beside those of any bytes, for who knows the format. */
  readonly edit?: (bytes: Buffer, random: Random) => Buffer;
  /** Reads an input; what it returns tells outcomes apart. */
  readonly read: (bytes: Buffer) => string;
  /** The errors that bad input may give; any other is a finding. */
  readonly refusal: new (
    ...args: never[]
  ) => Error;
};

/** As libFuzzer's -timeout. */
const LONGEST_MS = 10_000;
const EDITS_MAX = 6;
const numbers = [0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff];

type Edit = (bytes: Buffer, random: Random, other: Buffer) => Buffer;

const flip: Edit = (bytes, random) => {
  if (bytes.length > 0) bytes[random.below(bytes.length)]! ^= 1 << random.below(8);
  return bytes;
};
const overwrite: Edit = (bytes, random) => {
  const size = 1 << random.below(3);
  if (bytes.length < size) return bytes;
  const value = (numbers[random.below(numbers.length)]! + random.below(3) - 1) >>> 0;
  bytes.writeUIntLE(value % 2 ** (8 * size), random.below(bytes.length - size + 1), size);
  return bytes;
};
const cut: Edit = (bytes, random) => bytes.subarray(0, random.below(bytes.length + 1));
const remove: Edit = (bytes, random) => {
  const at = random.below(bytes.length + 1);
  return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + random.below(16))]);
};
const splice: Edit = (bytes, random, other) => {
  const from = random.below(other.length + 1);
  const piece = other.subarray(from, from + random.below(64));
  const at = random.below(bytes.length + 1);
  return Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at + random.below(2) * piece.length)]);
};
/** Those that keep most of the file are the likelier ones. */
const edits: readonly Edit[] = [flip, flip, flip, overwrite, overwrite, overwrite, splice, remove, cut];

const mutated = (parent: Buffer, other: Buffer, random: Random, { edit, maxBytes }: HostTarget) => {
  let bytes: Buffer = Buffer.from(parent);
  for (let left = 1 + random.below(EDITS_MAX); left > 0; left--) {
    const next = edit && random.once(2) ? edit : edits[random.below(edits.length)]!;
    bytes = next(bytes, random, other);
  }
  return bytes.subarray(0, maxBytes);
};

/** What came of an input: the reader's word or its refusal. Throws what is neither. */
const outcomeOf = (target: HostTarget, bytes: Buffer<ArrayBufferLike>): string => {
  try {
    return target.read(bytes);
  } catch (error) {
    if (error instanceof target.refusal) return error.message.replace(/[0-9]+/g, '#').slice(0, 60);
    throw error;
  }
};

/** The input is kept where libFuzzer keeps those of the board. */
const keep = (target: HostTarget, input: Buffer): string => {
  const folder = join(root, 'build/fuzz', target.name);
  mkdirSync(folder, { recursive: true });
  const path = join(folder, 'crash');
  writeFileSync(path, input);
  return path;
};

/** Ends at a limit, by `signal`, or at the first input whose reading breaks the promise: only refusals, within 10 s. */
export const fuzzHost = async (target: HostTarget, limit: Limit, signal?: AbortSignal): Promise<Finding> => {
  const random = new Random(limit.seed ?? Date.now());
  const end = limit.seconds === undefined ? Number.POSITIVE_INFINITY : Date.now() + limit.seconds * 1000;
  const pool: Buffer[] = (await target.seeds()).map((seed) => Buffer.from(seed));
  const seen = new Set<string>();
  const most = limit.runs ?? Number.POSITIVE_INFINITY;
  let runs = 0;
  for (; runs < most && !signal?.aborted; runs++) {
    if (runs % 256 === 0) {
      if (Date.now() >= end) break;
      await new Promise((resolve) => setImmediate(resolve)); // lets Ctrl-C through
    }
    const other = pool[random.below(pool.length)]!;
    const input =
      runs < pool.length ? pool[runs]! : mutated(pool[random.below(pool.length)]!, other, random, target);
    try {
      const before = performance.now();
      const outcome = outcomeOf(target, input);
      const took = performance.now() - before;
      if (took > LONGEST_MS) throw new Error(`took ${Math.round(took)} ms`);
      if (!seen.has(outcome)) pool.push(input);
      seen.add(outcome);
    } catch (cause) {
      const report = `${cause instanceof Error ? cause.stack : String(cause)}\ninput: ${keep(target, input)}`;
      return { target: target.name, ok: false, runs, features: seen.size, report };
    }
  }
  return { target: target.name, ok: true, runs, features: seen.size, report: '' };
};
