/** What a program loads once is loaded once, however it is put together: another load might find what others stored meanwhile. */
import test from 'ava';
import { assemble, jitCompile } from '../../ebpf/index.ts';
import { Random } from '../../ebpf/random.ts';

const MEMORY = 64;
const REGISTERS = ['r2', 'r3', 'r4', 'r5'];

/** Offsets of the bytes that an instruction loads: LDR, LDRB, LDRH, LDUR and the like by an immediate, and LDP (DDI 0487 C6.2). */
const loadedBy = (word: number): number[] => {
  const size = word >>> 30;
  const bytes = (from: number, count: number) => Array.from({ length: count }, (_, i) => from + i);
  const isStore = (word & 0x00c00000) === 0;
  if ((word & 0x3f000000) === 0x39000000 && !isStore)
    return bytes(((word >>> 10) & 0xfff) << size, 1 << size);
  if ((word & 0x3f200c00) === 0x38000000 && !isStore) return bytes((word << 11) >> 23, 1 << size);
  const half = size === 2 ? 8 : 4;
  return (word & 0x3fc00000) === 0x29400000 ? bytes(((word << 10) >> 25) * half, 2 * half) : [];
};

const loadedIn = async (text: string): Promise<number[]> => {
  const result = await jitCompile({ code: assemble(text), hook: 'run' }, { memorySize: MEMORY });
  if (!result.ok) throw new Error(`${text}\n${result.error.message}`);
  return [...result.words].flatMap(loadedBy);
};

/** Bytes and halfwords, each from another place, that are shifted, joined and copied, as where clang reads big-endian numbers. */
const joined = (random: Random): string => {
  let [at, loads] = [0, 0];
  const any = () => random.pick(REGISTERS);
  const load = (into: string) => {
    const size = random.pick([1, 1, 1, 2]);
    at += size;
    loads++;
    return `${into} = *(u${size * 8} *)(r1 + ${at - size})`;
  };
  const statement = () =>
    random.pick([
      () => load(any()),
      () => `${any()} ${random.pick(['<<', '<<', '>>', 's>>'])}= ${8 * random.below(7)}`,
      () => `${any()} |= ${any()}`,
      () => `${any()} = ${any()}`,
      () => `${any()} = ${any()}`,
      () => `if ${any()} > ${random.below(70_000)} goto out`,
    ])();
  return [
    ...REGISTERS.map(load),
    'r0 = 0',
    ...Array.from({ length: 14 }, statement),
    ...REGISTERS.map((r) => `r0 ^= ${r}`),
    `out: r0 += ${loads}`,
    'exit',
  ].join('\n');
};

test('what_is_loaded_copied_and_checked_is_loaded_once', async (t) => {
  const checked = (move: string) =>
    `r3 = *(u8 *)(r1 + 5)\n r3 <<= 8\n ${move}\n r0 = 0\n if r3 > 0x700 goto out\n r0 = r4\n out: exit`;
  t.deepEqual(await loadedIn(checked('r4 = r3')), [5]);
  t.deepEqual(await loadedIn(checked('w4 = w3')), [5]);
  t.deepEqual(await loadedIn(checked('r4 = r3\n r5 = r4\n r4 |= r5')), [5]);
});

test('no_byte_is_loaded_twice_for_one_load', async (t) => {
  let loaded = 0;
  for (let seed = 1; seed <= 600; seed++) {
    const text = joined(new Random(seed * 7_919));
    const offsets = await loadedIn(text);
    t.is(new Set(offsets).size, offsets.length, text);
    loaded += offsets.length;
  }
  t.true(loaded > 1500, `${loaded} bytes`);
});
