/**
 * Loops of exclusive accesses are as cores promise to get through them: without another access to memory between load and
 * store (DDI 0487, "Load-Exclusive and Store-Exclusive instruction usage restrictions"), which an emulator forgives. A register
 * that the compiler puts aside on the stack there, or what the linker takes out into a function, would go unseen.
 */
import { readFileSync } from 'node:fs';
import test from 'ava';
import elfTools from 'elf-tools';
import { buildKernel, findTool, paths, readSymbols } from '../../firmware/index.ts';

/** DDI 0487 C4.1: exclusive accesses to one register, loads and stores of any kind, branches with link. */
const isExclusive = (word: number) => (word & 0x3fa00000) >>> 0 === 0x08000000;
const loads = (word: number) => (word & (1 << 22)) !== 0;
const accessesMemory = (word: number) => (word & 0x0a000000) >>> 0 === 0x08000000;
const calls = (word: number) => word >>> 26 === 0x25 || (word & 0xfffffc1f) >>> 0 === 0xd63f0000;

const LONGEST = 16;

/** What lies between the exclusive load at `start` and the exclusive store behind it; undefined when none is near. */
const between = (words: Uint32Array, start: number): number[] | undefined => {
  const inner = [...words.subarray(start + 1, start + LONGEST)];
  const end = inner.findIndex((word) => isExclusive(word) && !loads(word));
  return end < 0 ? undefined : inner.slice(0, end);
};

/** Of the exclusive loads, those whose store may never succeed. */
const check = (words: Uint32Array) => {
  const found = [...words.keys()].filter((i) => isExclusive(words[i]!) && loads(words[i]!));
  const endless = found.filter(
    (i) => between(words, i)?.some((word) => accessesMemory(word) || calls(word)) ?? true,
  );
  return { found, endless };
};

(findTool('clang') ? test : test.skip)('each_loop_of_exclusive_accesses_of_the_kernel_ends', async (t) => {
  t.timeout(600_000);
  await buildKernel();
  const { sections } = elfTools.parse(readFileSync(paths.elf));
  const { header, data } = sections.find((section) => section.header.name === '.text')!;
  const words = new Uint32Array(data.buffer.slice(data.byteOffset, data.byteOffset + data.length));
  const { at } = readSymbols(paths.elf);
  const { found, endless } = check(words);
  t.true(found.length > 20, `${found.length} of them`);
  t.deepEqual(
    endless.map((i) => at(BigInt(header.addr + 4 * i))?.name),
    [],
  );
});

test('the_check_sees_what_is_between', (t) => {
  const [load, add, spill, call, store] = [0x885ffc08, 0x11000508, 0xf90003e8, 0x94000010, 0x88097c08];
  const endless = (...code: number[]) => check(Uint32Array.from(code)).endless;
  t.deepEqual(endless(load, add, store), []);
  t.deepEqual(endless(load, spill, add, store), [0]);
  t.deepEqual(endless(add, load, call, store), [1]);
  t.deepEqual(endless(load, add), [0]);
});
