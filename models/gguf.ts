/** Reads the head of a GGUF file (GGUF specification, version 2 and 3), so that a broken one is refused before it is loaded. */
import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { totalmem } from 'node:os';
import { ModelError, type ModelProblem } from './error.ts';

export type GgufHead = {
  readonly version: number;
  readonly architecture: string;
  readonly contextLength: number | undefined;
  readonly tensors: number;
  /** What the model is asked and answers in, where it was made for this project (`velocity.dialect`). */
  readonly dialect: string | undefined;
  readonly fileBytes: number;
};

/** Architectures that are known to run here. */
const ARCHITECTURES = new Set([
  'llama',
  'qwen2',
  'qwen3',
  'gemma',
  'gemma2',
  'gemma3',
  'phi3',
  'smollm3',
  'gpt2',
]);
/** Larger counts are no model but garbage. */
const MAX_COUNT = 1_000_000n;
/** Arrays of arrays deeper than this, too; no model is known to have any. */
const MAX_DEPTH = 4;
/** Most dimensions of a tensor (ggml: GGML_MAX_DIMS). */
const MAX_DIMENSIONS = 4;
/** Without these llama.cpp does not load a model, and some of them end its process. */
const NEEDED = [
  'context_length',
  'embedding_length',
  'block_count',
  'feed_forward_length',
  'attention.head_count',
] as const;
/** Types of values: bytes each; 8 is a string, 9 an array. */
const SCALAR_BYTES: Readonly<Record<number, number>> = {
  0: 1,
  1: 1,
  2: 2,
  3: 2,
  4: 4,
  5: 4,
  6: 4,
  7: 1,
  10: 8,
  11: 8,
  12: 8,
};
/** Types of tensors (ggml): values in a block, bytes of a block. */
const BLOCKS: Readonly<Record<number, readonly [number, number]>> = {
  0: [1, 4],
  1: [1, 2],
  2: [32, 18],
  3: [32, 20],
  6: [32, 22],
  7: [32, 24],
  8: [32, 34],
  10: [256, 84],
  11: [256, 110],
  12: [256, 144],
  13: [256, 176],
  14: [256, 210],
  30: [1, 2],
};

const CHUNK = 1 << 20;

/** Reads forward through a file, a chunk at a time. */
class Reader {
  readonly #fd: number;
  readonly #path: string;
  readonly size: number;
  #start = 0;
  #chunk = Buffer.alloc(0);
  at = 0;

  constructor(fd: number, path: string) {
    this.#fd = fd;
    this.#path = path;
    this.size = fstatSync(fd).size;
  }

  refuse(problem: ModelProblem, what: string): never {
    throw new ModelError(problem, this.#path, what);
  }

  /** The next bytes. */
  take(count: number): Buffer {
    if (this.at + count > this.size) this.refuse('truncated', 'ends in the middle of its header');
    const from = this.at - this.#start;
    this.at += count;
    if (from >= 0 && from + count <= this.#chunk.length) return this.#chunk.subarray(from, from + count);
    this.#start = this.at - count;
    this.#chunk = Buffer.alloc(Math.min(Math.max(count, CHUNK), this.size - this.#start));
    readSync(this.#fd, this.#chunk, 0, this.#chunk.length, this.#start);
    return this.#chunk.subarray(0, count);
  }

  u32 = () => this.take(4).readUInt32LE();

  count(): number {
    const value = this.take(8).readBigUInt64LE();
    if (value > MAX_COUNT) this.refuse('not_gguf', `has an impossible count ${value} in its header`);
    return Number(value);
  }

  u64 = () => this.take(8).readBigUInt64LE();
  text = () => this.take(this.count()).toString();

  skip(count: number): void {
    if (this.at + count > this.size) this.take(count);
    this.at += count;
  }

  /** A value of this type; only strings and 32-bit numbers are returned. */
  value(type: number, depth = 0): string | number | undefined {
    if (type === 8) return this.text();
    if (type === 9 && depth < MAX_DEPTH) return this.#array(depth);
    const bytes = SCALAR_BYTES[type];
    if (bytes === undefined) return this.refuse('not_gguf', `has a value of unknown type ${type}`);
    const raw = this.take(bytes);
    return type === 4 || type === 5 ? raw.readUInt32LE() : undefined;
  }

  #array(depth: number): undefined {
    const type = this.u32();
    const length = this.count();
    const bytes = SCALAR_BYTES[type];
    if (bytes !== undefined) this.skip(bytes * length);
    else for (let i = 0; i < length; i++) this.value(type, depth + 1);
    return undefined;
  }
}

/** End of the last tensor, relative to the start of the data. */
const dataBytes = (reader: Reader, tensors: number): number => {
  let end = 0;
  for (let i = 0; i < tensors; i++) {
    reader.text();
    const dimensions = reader.u32();
    if (dimensions > MAX_DIMENSIONS) reader.refuse('not_gguf', `has a tensor of ${dimensions} dimensions`);
    let values = 1;
    for (let d = 0; d < dimensions; d++) values *= Number(reader.u64());
    const [perBlock, bytes] = BLOCKS[reader.u32()] ?? [1, 0];
    end = Math.max(end, Number(reader.u64()) + (values / perBlock) * bytes);
  }
  return end;
};

const isRead = (key: string): boolean =>
  ['general.architecture', 'velocity.dialect'].includes(key) || NEEDED.some((end) => key.endsWith(`.${end}`));

/** Values of the head by key, of those that are read. */
const pairsOf = (reader: Reader, count: number): Map<string, string | number | undefined> => {
  const found = new Map<string, string | number | undefined>();
  for (let i = 0; i < count; i++) {
    const key = reader.text();
    const value = reader.value(reader.u32());
    if (isRead(key)) found.set(key, value);
  }
  return found;
};

const read = (fd: number, path: string): GgufHead => {
  const reader = new Reader(fd, path);
  if (reader.size < 24 || reader.take(4).toString('latin1') !== 'GGUF')
    reader.refuse('not_gguf', 'is not a GGUF file');
  const version = reader.u32();
  if (version !== 2 && version !== 3) reader.refuse('unsupported', `is GGUF version ${version}`);
  const tensors = reader.count();
  const found = pairsOf(reader, reader.count());
  const architecture = String(found.get('general.architecture') ?? '');
  if (!ARCHITECTURES.has(architecture))
    reader.refuse('unsupported', `has the architecture "${architecture.slice(0, 40)}"`);
  const missing = NEEDED.find((key) => !found.has(`${architecture}.${key}`));
  if (missing) reader.refuse('unsupported', `does not say its ${architecture}.${missing}`);
  const needed = Math.ceil(reader.at + dataBytes(reader, tensors));
  if (reader.size < needed)
    reader.refuse('truncated', `has ${reader.size} bytes, its tensors need ${needed}`);
  if (reader.size > totalmem())
    reader.refuse('too_large', `has ${reader.size} bytes, this machine ${totalmem()} of memory`);
  const contextLength = found.get(`${architecture}.context_length`);
  const dialect = found.get('velocity.dialect');
  return {
    version,
    architecture,
    contextLength: typeof contextLength === 'number' ? contextLength : undefined,
    tensors,
    dialect: typeof dialect === 'string' ? dialect : undefined,
    fileBytes: reader.size,
  };
};

/** Opening a pipe would wait for somebody to write to it. */
const isFile = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() ?? true;

/**
 * @throws ModelError when the file is missing, no GGUF, cut short, larger than the memory of this machine, or of an architecture
 * that is not known to run.
 */
export const readGgufHead = (path: string): GgufHead => {
  let fd: number;
  try {
    if (!isFile(path)) throw new ModelError('not_gguf', path, 'is no file');
    fd = openSync(path, 'r');
  } catch (cause) {
    if (cause instanceof ModelError) throw cause;
    throw new ModelError('missing', path, 'can not be opened', { cause });
  }
  try {
    return read(fd, path);
  } finally {
    closeSync(fd);
  }
};
