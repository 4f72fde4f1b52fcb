/**
 * Compiles and links the kernel. An object is reused when its source, every header and the flags hash to the same, the
 * linked file when its objects, the flags and the tools are the same; nothing in them depends on where or when they were
 * built (-ffile-prefix-map, no dates).
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { inParallel } from './parallel.ts';
import { isPackage, paths, root } from './paths.ts';
import { identityOf, requireTool, run } from './toolchain.ts';
import { writeChanged, writeWhole } from './write.ts';

const commonFlags = [
  '--target=aarch64-none-elf',
  '-march=armv8-a',
  '-ffreestanding',
  '-fpie',
  '-fdirect-access-external-data', // nothing is linked at run time: addresses need no table
  '-mcmodel=tiny', // static data ends within 1 MiB; what lies behind it: mm/layout.h
  '-mno-outline-atomics',
  '-mfix-cortex-a53-835769', // a multiply-accumulate of 64 bits right behind an access to memory may come out wrong
  '-fno-stack-protector',
  '-fno-asynchronous-unwind-tables',
  '-ffunction-sections',
  '-fdata-sections',
  '-gline-tables-only', // in the ELF alone: names the source lines of a crash
  '-Wall',
  '-Wextra',
  '-Werror',
  `-ffile-prefix-map=${root}=`,
  '-ffile-compilation-dir=.',
  `-I${paths.kernel}`,
];

/**
 * Parts that run at start-up, at the pace of the UART, once a patch, or for few instructions of a program: compiled for
 * size, so that the image stays small. The verifier is among them: a patch comes with a certificate, which the checker reads.
 */
const coldParts = [
  'boot/',
  'bpf/checker/',
  'bpf/helpers/',
  'bpf/interp/',
  'bpf/jit/ahead.c',
  'bpf/jit/alu.c',
  'bpf/jit/atomic.c',
  'bpf/jit/bulk.c',
  'bpf/jit/bytes.c',
  'bpf/jit/chain.c',
  'bpf/jit/choice.c',
  'bpf/jit/compare.c',
  'bpf/jit/down.c',
  'bpf/jit/enter.c',
  'bpf/jit/hoist.c',
  'bpf/jit/frame.c',
  'bpf/jit/jump.c',
  'bpf/jit/logical.c',
  'bpf/jit/operand.c',
  'bpf/jit/operate.c',
  'bpf/jit/packet.c',
  'bpf/jit/products.c',
  'bpf/jit/promote.c',
  'bpf/jit/sum.c',
  'bpf/jit/vector',
  'bpf/jit/where.c',
  'bpf/maps/map.c',
  'bpf/maps/ring.c',
  'bpf/verifier/',
  'drivers/',
  'gen/',
  'irq/',
  'lib/',
  'link/',
  'mm/',
  'patch/',
  'smp/',
  'telemetry/',
  'trust/',
  'update/',
];
/** Files of cold and small parts that run at every call of a module, every tick, over every byte or instruction. */
const hotFiles = [
  'bpf/checker/fast.c',
  'bpf/checker/light.c',
  'bpf/jit/arithmetic.c',
  'bpf/jit/pair.c',
  'bpf/jit/scan.c',
  'bpf/jit/speculation.c',
  'boot/exceptions.c',
  'drivers/clock.c',
  'drivers/tick.c',
  'lib/mem.c',
  'patch/dispatch.c',
];
/** Not worth the size of -O2: vector loops written out four times more, instructions that few programs have. */
const smallParts = ['bpf/jit/', 'neon/'];
/** Fast code whose loops turn seldom: written out several times more, they only execute more before they end. */
const rolledParts = ['bpf/checker/', 'bpf/maps/', 'patch/'];
/** Optimised with all others at once, this one lost more than it won: an instruction more at each call of a module. */
const alone = ['patch/dispatch.c'];

const within = (source: string, parts: readonly string[]) => parts.some((part) => source.startsWith(part));

const optimisationOf = (source: string) => {
  if (hotFiles.includes(source)) return '-O2';
  return within(source, coldParts) ? '-Oz' : within(source, smallParts) ? '-Os' : '-O2';
};

const languageFlags = (source: string) => [
  '-std=c23',
  optimisationOf(source),
  ...(within(source, rolledParts) ? ['-fno-unroll-loops'] : []),
  ...(alone.includes(source) ? [] : ['-flto=full']),
];

/** Runs before the MMU is on, or reaches memory of devices: its accesses are aligned. All others may be anywhere. */
const alignedParts = ['boot/', 'drivers/', 'irq/', 'lib/fdt.c', 'lib/mem.c', 'lib/print.c', 'mm/'];

/** Only neon/ uses vector registers. */
const flagsFor = (source: string) => [
  ...commonFlags,
  ...(source.endsWith('.c') ? languageFlags(source) : []),
  ...(within(source, alignedParts) ? ['-mstrict-align'] : []),
  ...(within(source, ['neon/']) ? [] : ['-mgeneral-regs-only']),
];

const isTest = (path: string) => /(^|\/)test\//.test(path) || /_test\.c$/.test(path);

const kernelFiles = (extension: RegExp) =>
  (readdirSync(paths.kernel, { recursive: true }) as string[])
    .filter((path) => extension.test(path) && !isTest(path))
    .sort();

const sha = (parts: readonly (string | Buffer)[]) => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part).update('\0');
  return hash.digest('hex');
};

const headersHash = () =>
  sha(kernelFiles(/\.(h|inc|ld)$/).map((path) => readFileSync(join(paths.kernel, path))));

/** The name of an object gets into the linked file, and with it into the build id: it does not say where the tree lies. */
const objectPath = (source: string, headers: string) => {
  const flags = flagsFor(source).join(' ').replaceAll(root, '');
  const key = sha([source, headers, flags, readFileSync(join(paths.kernel, source))]);
  return join(paths.objects, `${source.replaceAll('/', '_')}.${key.slice(0, 24)}.o`);
};

const compileOne = async (clang: string, source: string, object: string) => {
  if (existsSync(object)) return;
  await writeWhole(object, (partial) =>
    run(clang, [...flagsFor(source), '-c', '-o', partial, join(paths.kernel, source)]),
  );
};

const compileAll = async (onProgress: (text: string) => void): Promise<string[]> => {
  const clang = requireTool('clang');
  mkdirSync(paths.objects, { recursive: true });
  const headers = headersHash();
  const sources = kernelFiles(/\.[cS]$/);
  const objects = new Map(sources.map((source) => [source, objectPath(source, headers)]));
  let done = 0;
  await inParallel(sources, 2, async (source) => {
    await compileOne(clang, source, objects.get(source)!);
    done += 1;
    onProgress(`compiling ${done}/${sources.length}`);
  });
  return [...objects.values()];
};

const linkFlags = [
  '-static',
  '-pie',
  '--no-dynamic-linker',
  '--gc-sections',
  '-O2', // texts that end alike share their end
  '--icf=safe', // of functions whose addresses nobody compares
  // Of all files at once: inline what is called once or is smaller than its call.
  '-mllvm',
  '-inline-threshold=-20',
  '-mllvm',
  '-tail-merge-size=2', // blocks that end alike share even two instructions
  '-mllvm',
  '-aarch64-enable-global-merge=false', // an address takes one instruction: a base that several share saves none
  '-mllvm',
  '-enable-merge-functions',
  '-mllvm',
  '-homogeneous-prolog-epilog', // functions compiled for size share what saves and restores their registers
  '-mllvm',
  '-machine-outliner-reruns=1', // what is the same in several functions compiled for size, also of what it took out
  '--fix-cortex-a53-843419', // ADRP at the end of a page
  '--build-id=sha1',
  '--compress-sections=.debug_*=zlib:9', // they travel in the npm package
  '-z',
  'max-page-size=4096',
  '-z',
  'noexecstack',
  '-z',
  'pack-relative-relocs',
];

const link = async (
  output: string,
  objects: readonly string[],
  more: readonly string[] = [],
): Promise<void> => {
  mkdirSync(dirname(output), { recursive: true });
  const script = ['-T', join(paths.kernel, 'boot/kernel.ld')];
  const inputs = objects.map((object) => relative(root, object));
  await run(requireTool('lld'), [...linkFlags, ...script, ...more, '-o', output, ...inputs], { cwd: root });
};

/** Names of objects say what is in them, the linker's script among it: it counts as a header. */
const linkedFrom = (objects: readonly string[]): string =>
  sha([
    ...objects.map((object) => relative(root, object)),
    ...linkFlags,
    identityOf('clang'),
    identityOf('lld'),
  ]);

/** What the file beside the ELF says of it: what it was linked from, and its own hash. */
const stampOf = (elf: string, from: string): Buffer =>
  Buffer.from(`${from} ${createHash('sha256').update(readFileSync(elf)).digest('hex')}\n`);

const isLinked = (elf: string, stamp: string, from: string): boolean =>
  existsSync(elf) && existsSync(stamp) && readFileSync(stamp).equals(stampOf(elf, from));

/**
 * Compiles what changed and links it; the installed package has it linked already. Returns the path of the ELF.
 * @throws MissingToolError, BuildError
 */
export const linkKernel = async (onProgress: (text: string) => void = () => {}): Promise<string> => {
  if (isPackage) return paths.elf;
  requireTool('lld'); // said before the long work
  const objects = await compileAll(onProgress);
  const from = linkedFrom(objects);
  const stamp = `${paths.elf}.from`;
  if (isLinked(paths.elf, stamp, from)) return paths.elf;
  await writeWhole(paths.elf, (partial) => link(partial, objects));
  writeChanged(stamp, stampOf(paths.elf, from));
  return paths.elf;
};

/**
 * A kernel whose functions `wrapped` are replaced by `__wrap_NAME` of one more source, which reaches the originals as
 * `__real_NAME` (ld's --wrap). For tests that plant a fault.
 */
export const linkVariant = async (elf: string, source: string, ...wrapped: string[]): Promise<void> => {
  const objects = await compileAll(() => {});
  const object = `${elf}.o`;
  await run(requireTool('clang'), [...flagsFor('variant.c'), '-c', '-o', object, source]);
  await link(
    elf,
    [...objects, object],
    ['--lto-O1', ...wrapped.map((name) => `--wrap=${name}`)], // takes a third less time than as it is shipped
  );
};
