/** Atomics that return the old value are full barriers, as eBPF's users know them from Linux; the others order nothing. */
import test from 'ava';
import { assemble, type CpuName, jitCompile } from '../../ebpf/index.ts';

const DMB_ISH = 0xd5033bbf;
/** DDI 0487 C4.1, load/store exclusive: STXR and STLXR. */
const storesExclusively = (word: number) => (word & 0x3fe07c00) >>> 0 === 0x08007c00;

const wordsOf = async (atomic: string, cpu: CpuName): Promise<number[]> => {
  const code = assemble(`r2 = 1\nr0 = 2\n${atomic}\nexit`);
  const result = await jitCompile({ code, hook: 'run' }, { memorySize: 64, cpu });
  if (!result.ok) throw new Error(result.error.message);
  return [...result.words];
};

const fetching = [
  'r2 = atomic_fetch_add((u64 *)(r1 + 0), r2)',
  'r2 = atomic_fetch_and((u64 *)(r1 + 0), r2)',
  'w2 = atomic_fetch_or((u32 *)(r1 + 0), w2)',
  'w2 = atomic_fetch_xor((u32 *)(r1 + 0), w2)',
  'r2 = xchg_64(r1 + 0, r2)',
  'r0 = cmpxchg_64(r1 + 0, r0, r2)',
];

for (const cpu of ['cortex-a53', 'cortex-a72'] as const)
  test(`without_lse_a_barrier_follows_the_exclusive_store_of_what_fetches_on_${cpu}`, async (t) => {
    for (const atomic of fetching) {
      const words = await wordsOf(atomic, cpu);
      const barrier = words.indexOf(DMB_ISH);
      t.true(words.findIndex(storesExclusively) >= 0, atomic);
      t.true(barrier > words.findLastIndex(storesExclusively), atomic);
    }
  });

test('a_single_instruction_that_acquires_and_releases_needs_none', async (t) => {
  for (const atomic of fetching) t.false((await wordsOf(atomic, 'cortex-a76')).includes(DMB_ISH), atomic);
});

test('what_returns_nothing_orders_nothing', async (t) => {
  for (const cpu of ['cortex-a72', 'cortex-a76'] as const)
    t.false((await wordsOf('lock *(u64 *)(r1 + 0) += r2', cpu)).includes(DMB_ISH), cpu);
});
