/** Compiles the kernel's verifier, checker, JIT, interpreter and maps, and the inference of certificates, to WebAssembly: build/wasm/velocity.wasm, kept while no source changes. */
import { createHash, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { HOST_PROGRAM_INSNS, HOST_PROGRAM_MAPS } from '../../abi/index.ts';
import { withLock } from '../../firmware/lock.ts';
import { isPackage, paths } from '../../firmware/paths.ts';
import { runClang } from '../clang.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const KERNEL = join(ROOT, 'kernel-aarch64');
const HOST = join(ROOT, 'ebpf/wasm');
const INFER = join(ROOT, 'ebpf/infer');
const OUTPUT = paths.wasm;

/** Folders whose sources are compiled whole, and single files. */
const FOLDERS = ['bpf/interp', 'bpf/maps', 'bpf/verifier', 'bpf/checker', 'bpf/jit'];
const FILES = ['bpf/helpers/trace.c', 'lib/mem.c'];
/** What the sources include. */
const HEADERS = ['bpf', 'gen', 'lib', 'mm', 'telemetry'];

const FLAGS = [
  '--target=wasm32',
  '-std=c23',
  '-O2',
  '-ffreestanding',
  '-nostdlib',
  '-Wall',
  '-Wextra',
  '-Werror',
  '-DOTHER_PLATFORMS=1',
  `-DMAX_PROGRAM_INSNS=${HOST_PROGRAM_INSNS}u`,
  `-DMAX_MAPS_PER_PROGRAM=${HOST_PROGRAM_MAPS}u`,
  '-mbulk-memory',
  '-msign-ext',
  '-Wl,--no-entry',
  '-Wl,--strip-all', // names are a hundredth of the package
  '-Wl,--stack-first',
  '-Wl,-z,stack-size=1048576',
  '-Wl,--export=__heap_base',
];

/** Name of the custom section that holds the hash of what the module was built from. */
const HASH_SECTION = 'velocity-sources';

const isTest = (path: string) => /(^|\/)(test\/|.*_test\.c$)/.test(path);

const filesUnder = async (folder: string, ending: RegExp): Promise<string[]> => {
  const entries = await readdir(folder, { recursive: true });
  return entries
    .filter((e) => ending.test(e) && !isTest(e))
    .map((e) => join(folder, e))
    .sort();
};

const collect = async (folders: readonly string[], ending: RegExp) =>
  (await Promise.all(folders.map((f) => filesUnder(f, ending)))).flat();

const hashOf = async (paths: readonly string[]): Promise<string> => {
  const hash = createHash('sha256').update(FLAGS.join(' '));
  for (const path of paths) hash.update(`\0${relative(ROOT, path)}\0`).update(await readFile(path));
  return hash.digest('hex');
};

/** LEB128, WebAssembly core specification §5.2.2. */
const leb128 = (value: number): number[] =>
  value < 128 ? [value] : [(value & 127) | 128, ...leb128(value >>> 7)];

/** A custom section, §5.5.3: id 0, size, name, contents. */
const customSection = (name: string, contents: string): Uint8Array => {
  const body = Buffer.from(name + contents);
  const payload = [...leb128(name.length), ...body];
  return Uint8Array.from([0, ...leb128(payload.length), ...payload]);
};

/** The module that lies there, when it was built from these sources. */
const cached = async (hash: string): Promise<WebAssembly.Module | undefined> => {
  try {
    const module = new WebAssembly.Module(await readFile(OUTPUT));
    const [section] = WebAssembly.Module.customSections(module, HASH_SECTION);
    return section && Buffer.from(section).toString() === hash ? module : undefined;
  } catch {
    return undefined;
  }
};

const build = async (sources: readonly string[], hash: string): Promise<WebAssembly.Module> => {
  await mkdir(dirname(OUTPUT), { recursive: true });
  const temporary = `${OUTPUT}.${randomUUID()}`;
  const includes = [join(HOST, 'shim'), KERNEL, HOST, INFER].map((i) => `-I${i}`);
  try {
    await runClang([...FLAGS, ...includes, ...sources, '-o', temporary], 'WebAssembly build of the verifier');
    const bytes = Buffer.concat([await readFile(temporary), customSection(HASH_SECTION, hash)]);
    await writeFile(temporary, bytes);
    await rename(temporary, OUTPUT);
    return new WebAssembly.Module(bytes);
  } finally {
    await rm(temporary, { force: true });
  }
};

/**
 * The compiled module, built first when it is missing or older than its sources.
 * @throws CompileError when clang is missing or fails.
 */
export const wasmModule = async (): Promise<WebAssembly.Module> => {
  if (isPackage) return new WebAssembly.Module(await readFile(OUTPUT));
  const kernel = await collect(
    FOLDERS.map((f) => join(KERNEL, f)),
    /\.c$/,
  );
  const host = await collect([HOST, INFER], /\.c$/);
  const sources = [...host, ...kernel, ...FILES.map((f) => join(KERNEL, f))];
  const headers = await collect(
    [...HEADERS.map((f) => join(KERNEL, f)).filter(existsSync), HOST, INFER],
    /\.(h|inc)$/,
  );
  const hash = await hashOf([...sources, ...headers]);
  return (
    (await cached(hash)) ??
    (await withLock(`${OUTPUT}.lock`, async () => (await cached(hash)) ?? (await build(sources, hash))))
  );
};
