/** The folder of models: what is there, and how files get in and out. A file is looked at before it is kept. */
import { createHash } from 'node:crypto';
import { copyFileSync, createWriteStream, existsSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { makeFolder } from '../firmware/folder.ts';
import { writeWhole } from '../firmware/write.ts';
import { type CatalogueEntry, catalogue } from './catalogue.ts';
import { ModelError } from './error.ts';
import { readGgufHead } from './gguf.ts';
import { modelFolder, SHIPPED } from './resolve.ts';

export type ListedModel = {
  readonly name: string;
  readonly path: string;
  /** Size of the file where it is here, else about what it will be. */
  readonly bytes: number;
  readonly here: boolean;
  readonly licence: string;
  readonly source: string;
  readonly note: string;
};

const pathOf = (entry: CatalogueEntry) => join(modelFolder(), entry.file);

/** The shipped model first, then the catalogue. */
export const listModels = (): ListedModel[] => {
  const shipped = {
    name: 'shipped',
    path: SHIPPED,
    bytes: existsSync(SHIPPED) ? statSync(SHIPPED).size : 0,
    here: existsSync(SHIPPED),
    licence: 'Apache-2.0',
    source: 'trained by this project, models/velocity-window.md',
    note: 'Shortens windows of eBPF; used unless another is asked for.',
  };
  const others = catalogue.map((entry) => {
    const path = pathOf(entry);
    const here = existsSync(path);
    const { name, licence, source, note } = entry;
    return { name, path, here, bytes: here ? statSync(path).size : entry.bytes, licence, source, note };
  });
  return [shipped, ...others];
};

/** @throws ModelError when the catalogue has no such name */
export const catalogued = (name: string): CatalogueEntry => {
  const entry = catalogue.find((m) => m.name === name);
  if (entry) return entry;
  throw new ModelError(
    'missing',
    name,
    `is not in the catalogue (${catalogue.map((m) => m.name).join(', ')})`,
  );
};

/** Copies a GGUF file to where a name of the catalogue finds it. @throws ModelError when it is none that runs here */
export const addModel = (file: string, name: string): string => {
  const path = pathOf(catalogued(name));
  readGgufHead(file);
  makeFolder(modelFolder());
  const part = `${path}.${process.pid}.part`;
  try {
    copyFileSync(file, part);
    readGgufHead(part);
    renameSync(part, path);
    return path;
  } finally {
    rmSync(part, { force: true });
  }
};

/** @throws ModelError when it is not there */
export const removeModel = (name: string): string => {
  const path = pathOf(catalogued(name));
  if (!statSync(path, { throwIfNoEntry: false })?.isFile())
    throw new ModelError('missing', path, existsSync(path) ? 'is no file' : 'is not there');
  rmSync(path);
  return path;
};

export type PullOptions = {
  /** In hex; the file is thrown away when it has another. */
  readonly sha256?: string;
  readonly signal?: AbortSignal;
  readonly progress?: (bytes: number, of: number | undefined) => void;
};

/** Ten times the size in the catalogue is another file. */
const MOST_TIMES = 10;

/** Downloads a model to where its name finds it. Nothing is left of a download that fails or is stopped. @throws ModelError, WriteError */
export const pullModel = async (
  url: string,
  name: string,
  { sha256, signal, progress }: PullOptions = {},
): Promise<{ path: string; sha256: string; bytes: number }> => {
  const entry = catalogued(name);
  const headers = { 'accept-encoding': 'identity' }; // so that the length that is told is that of the file
  const answer = await fetch(url, { headers, ...(signal ? { signal } : {}) }).catch((cause: unknown) => {
    throw new ModelError('missing', url, 'can not be reached', { cause });
  });
  if (!answer.ok || !answer.body) throw new ModelError('missing', url, `the server answers ${answer.status}`);
  const length = Number(answer.headers.get('content-length')) || undefined;
  makeFolder(modelFolder());
  const path = pathOf(entry);
  const hash = createHash('sha256');
  let bytes = 0;
  const count = async function* (source: AsyncIterable<Uint8Array>) {
    for await (const chunk of source) {
      bytes += chunk.length;
      if (bytes > entry.bytes * MOST_TIMES)
        throw new ModelError('unsupported', url, `is far larger than ${basename(path)}`);
      hash.update(chunk);
      progress?.(bytes, length);
      yield chunk;
    }
  };
  return writeWhole(path, async (part) => {
    await pipeline(Readable.fromWeb(answer.body as never), count, createWriteStream(part)).catch(
      (cause: Error & { code?: string }) => {
        if (cause.name !== 'TypeError') throw cause; // fetch's own: the connection broke
        throw new ModelError('truncated', url, `ended after ${bytes} bytes`, { cause });
      },
    );
    if (length !== undefined && bytes !== length)
      throw new ModelError('truncated', url, `ended after ${bytes} of ${length} bytes`);
    const found = hash.digest('hex');
    if (sha256 !== undefined && found !== sha256.toLowerCase())
      throw new ModelError('truncated', url, `has SHA-256 ${found}, not ${sha256}`);
    readGgufHead(part);
    return { path, sha256: found, bytes };
  });
};
