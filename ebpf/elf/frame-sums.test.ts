import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { assemble, compileModule, disassemble, loadFunctions, loadHost, runOnHost } from '../index.ts';
import { withFrameSums } from './frame-sums.ts';

/** What stands in the slots where the code changed. */
const changed = (text: string): string[] => {
  const code = assemble(text);
  const before = disassemble(code).map((line) => line.text);
  return disassemble(withFrameSums(code))
    .map((line) => line.text)
    .filter((line, i) => line !== before[i]);
};

const index = (mask: number) => `r0 = 0\nr2 = *(u8 *)(r1 + 0)\nr2 &= ${mask}\nr3 = r10\n`;

test('an index on an aligned place of the frame is added', (t) => {
  t.deepEqual(changed(`${index(7)}r3 += -8\nr3 |= r2\nexit`), ['r3 += r2']);
  t.deepEqual(changed(`${index(7)}r3 += -16\nr2 |= r3\nexit`), ['r2 += r3']);
  t.deepEqual(changed(`${index(1)}r2 <<= 1\nr3 += -12\nr3 |= r2\nexit`), ['r3 += r2']);
  t.deepEqual(changed(`${index(0)}r3 += -12\nr3 |= 3\nexit`), ['r3 += 0x3']);
  t.deepEqual(changed('r0 = 0\nr2 = *(u8 *)(r1 + 0)\nr2 %= 8\nr3 = r10\nr3 |= r2\nexit'), ['r3 += r2']);
});

test('what may have a bit in common with the place stays as it is', (t) => {
  t.deepEqual(changed(`${index(15)}r3 += -8\nr3 |= r2\nexit`), []);
  t.deepEqual(changed(`${index(8)}r3 += -16\nr3 |= r2\nexit`), []);
  t.deepEqual(changed(`${index(7)}r3 += -12\nr3 |= r2\nexit`), []);
  t.deepEqual(changed(`${index(1)}r3 += -7\nr3 |= r2\nexit`), []);
  t.deepEqual(changed(`${index(7)}r3 += -8\nw3 |= w2\nexit`), []);
  t.deepEqual(changed(`${index(7)}r3 += -8\nr3 ^= r2\nexit`), []);
  t.deepEqual(changed(`${index(7)}r2 += 1\nr3 += -8\nr3 |= r2\nexit`), []);
  t.deepEqual(changed(`${index(7)}r3 += -8\nr3 |= r10\nexit`), []);
  t.deepEqual(changed('r0 = 0\nr2 = *(s8 *)(r1 + 0)\nr3 = r10\nr3 |= r2\nexit'), []);
});

test('a place or an index that only some ways lead with stays as it is', (t) => {
  const ways = (other: string) => `${index(7)}r3 += -8\nif r2 == 5 goto +1\n${other}\nr3 |= r2\nexit`;
  t.deepEqual(changed(ways('r0 = 1')), ['r3 += r2']);
  t.deepEqual(changed(ways('r2 = 4')), ['r3 += r2']);
  t.deepEqual(changed(ways('r2 = 9')), []);
  t.deepEqual(changed(ways('r3 += -8')), []);
  t.deepEqual(changed(ways('r3 = r1')), []);
  t.deepEqual(changed(`${index(7)}r3 += -8\nr6 = r3\nr2 += 1\nr3 |= r2\nif r2 < 20 goto -3\nexit`), []);
  t.deepEqual(changed(`r3 = r10\nr2 = 1\ncall 5\nr3 |= r2\nexit`), []);
});

test('numbers and what a function is given stay as they are', (t) => {
  t.deepEqual(changed(`${index(7)}r4 = 8\nr4 |= r2\nexit`), []);
  t.deepEqual(changed('r1 = r10\nr2 = 1\ncall local +1\nexit\nr1 |= r2\nr0 = r10\nr0 |= 4\nexit'), [
    'r0 += 0x4',
  ]);
});

const C = `#include "velocity.h"
SEC("run") uint64_t counts(unsigned char *m) {
  uint8_t h[8] = {0};
  for (int i = 0; i < 16; i++) { h[m[i] & 7]++; }
  return h[m[16] & 7] * 256u + h[m[17] & 7];
}`;

for (const level of ['-O1', '-O2', '-Os'])
  test(`a small array on the stack is accepted as clang writes it at ${level}, and does what the source says`, async (t) => {
    const folder = mkdtempSync('/tmp/velocity-sums-');
    try {
      writeFileSync(join(folder, 'a.c'), C);
      const object = await compileModule(join(folder, 'a.c'), { arguments: [level] });
      const [loaded] = loadFunctions(object);
      if (!loaded || !('program' in loaded)) return t.fail();
      const memory = Uint8Array.from({ length: 64 }, (_, i) => (i * 37 + 11) & 255);
      t.like((await loadHost()).verify(loaded.program, { memorySize: 64 }), { ok: true });
      const counts = (of: number) => memory.slice(0, 16).filter((byte) => (byte & 7) === (of & 7)).length;
      t.like(await runOnHost(loaded.program, { memory }), {
        ok: true,
        r0: BigInt(counts(memory[16]!) * 256 + counts(memory[17]!)),
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
