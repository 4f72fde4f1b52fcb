/** Words of loops whose turns were compiled one after the other lead back to their instructions (bpf_jit_slot). */
import test from 'ava';
import { assemble, jitCompile } from '../../ebpf/index.ts';

const LOAD_SLOT = 2;
const STORE_SLOT = 4;
const loop = (turns: number) =>
  assemble(
    [
      'r0 = 0',
      'r3 = 0',
      'r4 = *(u32 *)(r1 + 0)',
      'r0 ^= r4',
      '*(u32 *)(r1 + 8) = r0',
      'r3 += 1',
      `if r3 != ${turns} goto -5`,
      'exit',
    ].join('\n'),
  );

/* DDI 0487 C6.2: LDR and STR (immediate, unsigned offset) of 32 bits. */
const isWord = (word: number, of: number) => (word & 0xffc00000) >>> 0 === of;
const LDR = 0xb9400000;
const STR = 0xb9000000;

for (const turns of [1, 2, 3, 4, 5, 7, 8, 9, 12, 13]) {
  test(`a_loop_of_${turns}_turns`, async (t) => {
    const result = await jitCompile({ code: loop(turns), hook: 'run' }, { memorySize: 64 });
    if (!result.ok) return t.fail(result.error.message);
    const slotsOf = (kind: number) =>
      result.insnOfWord.filter((_, i) => isWord(result.words[i]!, kind)) as number[];
    const [loads, stores] = [slotsOf(LDR), slotsOf(STR)];
    t.true(loads.length > 0 && loads.length === stores.length);
    t.deepEqual([...new Set(loads)], [LOAD_SLOT]);
    t.deepEqual([...new Set(stores)], [STORE_SLOT]);
  });
}
