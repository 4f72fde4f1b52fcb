/** A byte and its neighbour that are copied become one copy of both, and what only looks like that does not; all do what the interpreter does. */
import test from 'ava';
import { assemble, jitCompile } from '../../ebpf/index.ts';
import { type Cpu, FEATURE_SETS, missingTool } from './machine.ts';
import { computeTheSame } from './same.ts';

const MEMORY_BYTES = 256;

type Copy = { readonly lines: readonly string[]; readonly joined: boolean };

const copy = (
  changed: Partial<Record<'load' | 'store' | 'next' | 'last' | 'after', string>>,
  joined = false,
): Copy => {
  const load = changed.load ?? 'r2 = *(u8 *)(r1 + 0)';
  const store = changed.store ?? '*(u8 *)(r1 + 32) = r2';
  const next = changed.next ?? 'r2 = *(u8 *)(r1 + 1)';
  const last = changed.last ?? '*(u8 *)(r1 + 33) = r2';
  return { lines: [load, store, next, last, changed.after ?? 'r0 = 0'], joined };
};

/** r6 is 64 bytes behind r1, and a base of its own, as it was on the stack. */
const copies: Record<string, Copy> = {
  two_bytes: copy({}, true),
  from_another_base: copy({ next: 'r2 = *(u8 *)(r6 + 1)' }),
  to_another_base: copy({ last: '*(u8 *)(r6 + 33) = r2' }),
  both_on_another_base: copy({ next: 'r2 = *(u8 *)(r6 + 1)', last: '*(u8 *)(r6 + 33) = r2' }),
  between_two_bases: copy({ store: '*(u8 *)(r6 - 63) = r2', last: '*(u8 *)(r6 - 62) = r2' }),
  by_another_register: copy({
    next: 'r3 = *(u8 *)(r1 + 1)',
    last: '*(u8 *)(r1 + 33) = r3',
    after: 'r0 = r2',
  }),
  onto_what_is_read_next: copy({ store: '*(u8 *)(r1 + 1) = r2', last: '*(u8 *)(r1 + 2) = r2' }),
  from_one_further: copy({ next: 'r2 = *(u8 *)(r1 + 2)' }),
  to_one_further: copy({ last: '*(u8 *)(r1 + 34) = r2' }),
  from_one_before: copy({ load: 'r2 = *(u8 *)(r1 + 2)' }),
  to_one_before: copy({ store: '*(u8 *)(r1 + 34) = r2' }),
  with_a_sign: copy({ next: 'r2 = *(s8 *)(r1 + 1)', after: 'r0 = r2' }),
  a_byte_and_a_halfword: copy({ next: 'r2 = *(u16 *)(r1 + 1)', last: '*(u16 *)(r1 + 33) = r2' }),
  needed_afterwards: copy({ after: 'r0 = r2' }),
};

const codeOf = ({ lines }: Copy) =>
  assemble(['*(u64 *)(r10 - 8) = r1', 'r6 = *(u64 *)(r10 - 8)', 'r6 += 64', ...lines, 'exit'].join('\n'));
/* DDI 0487 C6.2, STRH (immediate), any form: no program has one but for two bytes at once. */
const storesBoth = (word: number) => (word & 0xfec00000) >>> 0 === 0x78000000;

for (const [name, made] of Object.entries(copies)) {
  test(name, async (t) => {
    const result = await jitCompile({ code: codeOf(made), hook: 'run' }, { memorySize: MEMORY_BYTES });
    if (!result.ok) return t.fail(result.error.message);
    const halfwords = made.lines.filter((line) => line.startsWith('*(u16')).length;
    t.is([...result.words].filter(storesBoth).length, made.joined ? 1 : halfwords);
  });
}

const ifEmulated = missingTool() ? test.skip : test;
for (const cpu of Object.keys(FEATURE_SETS) as Cpu[]) {
  ifEmulated(`they_compute_the_same_on_${cpu}`, async (t) => {
    const memory = Uint8Array.from({ length: MEMORY_BYTES }, (_, i) => (i * 37 + 3) & 255);
    const cases = Object.entries(copies).map(([name, made]) => ({
      name,
      code: codeOf(made),
      memory,
      verify: true,
    }));
    await computeTheSame(t, cpu, cases);
  });
}
