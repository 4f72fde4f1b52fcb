/**
 * Erratum 835769 of the Cortex-A53, which the Raspberry Pi 3 and Zero 2 have (Arm, "Cortex-A53 MPCore Software Developers Errata
 * Notice"): a multiply-accumulate of 64 bits right behind an access to memory may come out wrong.
 */
import { readFileSync } from 'node:fs';
import test from 'ava';
import elfTools from 'elf-tools';
import { assemble, type CpuName, jitCompile } from '../../ebpf/index.ts';
import { buildKernel, paths } from '../../firmware/index.ts';
import { loadOrCreateDevKey } from '../../firmware/sign.ts';

/** DDI 0487 C4.1: loads and stores. */
const isAccess = (word: number) => (word & 0x0a000000) === 0x08000000;
/** DDI 0487 C6.2: MADD and MSUB of 64 bits, SMADDL, SMSUBL, UMADDL, UMSUBL; with XZR nothing is added. */
const isAccumulate = (word: number) =>
  word >>> 24 === 0x9b && [0, 1, 5].includes((word >>> 21) & 7) && ((word >>> 10) & 31) !== 31;

const faultyPlaces = (words: Uint32Array): number[] =>
  [...words.keys()].filter((i) => i > 0 && isAccess(words[i - 1]!) && isAccumulate(words[i]!));

const compiled = async (code: Uint8Array, cpu: CpuName): Promise<Uint32Array> => {
  const result = await jitCompile({ code, hook: 'run' }, { memorySize: 64, cpu });
  if (!result.ok) throw new Error(result.error.message);
  return result.words;
};

const products: Readonly<Record<string, string>> = {
  a_loaded_number_is_added_to_a_product: 'r2 *= r3\nr4 = *(u64 *)(r1 + 0)\nr4 += r2\nr0 = r4',
  a_product_is_taken_from_a_loaded_number: 'r2 *= r3\nr4 = *(u64 *)(r1 + 0)\nr4 -= r2\nr0 = r4',
  a_store_stands_before_a_product: 'r4 = r2\nr4 *= r3\n*(u32 *)(r1 + 8) = r2\nr2 += r4\nr0 = r2',
};

for (const [title, body] of Object.entries(products)) {
  test(`where_${title}_a_cortex_a53_pauses`, async (t) => {
    const code = assemble(`r3 = *(u32 *)(r1 + 16)\n${body}\nexit`);
    t.true(faultyPlaces(await compiled(code, 'cortex-a72')).length > 0);
    t.deepEqual(faultyPlaces(await compiled(code, 'cortex-a53')), []);
  });
}

test('the_kernel_has_no_such_place', async (t) => {
  await buildKernel({ key: loadOrCreateDevKey() });
  const text = elfTools.parse(readFileSync(paths.elf)).sections.find((s) => s.header.name === '.text')!.data;
  const words = new Uint32Array(text.buffer.slice(text.byteOffset, text.byteOffset + text.length));
  t.true(words.filter(isAccumulate).length > 100);
  t.deepEqual(faultyPlaces(words), []);
});
