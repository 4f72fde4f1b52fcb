import test from 'ava';
import { assemble } from './assembler.ts';
import { loadHost } from './wasm/index.ts';

const verify = async (text: string, explain = true) =>
  (await loadHost()).verify({ code: assemble(text), hook: 'run' }, { memorySize: 64, explain });

test('what is known is told for each instruction, of all ways together', async (t) => {
  const verdict = await verify(
    'r3 = *(u8 *)(r1 + 0)\nr3 &= 7\nif r3 > 3 goto +1\nr3 = 9\n*(u64 *)(r10 - 8) = r3\nr0 = 0\nexit',
  );
  const known = verdict.explanation!;
  t.is(known.length, 7);
  t.deepEqual(known[0]!.registers, { r1: 'memory', r2: '64' });
  t.is(known[1]!.registers.r3, '[0,255]');
  t.is(known[3]!.registers.r3, '[0,3]');
  t.is(known[4]!.registers.r3, '[4,9]', 'two ways meet');
  t.deepEqual(known[5]!.stack, { '-8': '[4,9]' });
  t.true(known.every((k) => k.ways > 0));
});

test('what no run reaches is told as such', async (t) => {
  const { explanation } = await verify('r0 = 0\nif r0 == 0 goto +1\nr0 = 1\nexit');
  t.deepEqual(
    explanation!.map((k) => k.ways > 0),
    [true, true, false, true],
  );
});

test('registers that are of several kinds, or not set on a way, say nothing false', async (t) => {
  const { explanation } = await verify(
    'r3 = *(u8 *)(r1 + 0)\nr4 = r1\nif r3 > 3 goto +2\nr4 = 7\nr5 = 1\nr0 = 0\nexit',
  );
  t.deepEqual(explanation![6]!.registers.r5, undefined);
  t.true(['differs', undefined].includes(explanation![6]!.registers.r4));
});

test('a refusal says what was known of the registers involved', async (t) => {
  const verdict = await verify('r3 = *(u8 *)(r1 + 0)\nr1 += r3\nr0 = *(u64 *)(r1 + 0)\nexit', false);
  t.false(verdict.ok);
  t.deepEqual('registers' in verdict && verdict.registers, { r0: 'not set', r1: 'memory+[0,255]' });
  t.is(verdict.explanation, undefined);
  const call = await verify('r1 = 5\nr2 = r10\ncall 1\nexit', false);
  t.like('registers' in call && call.registers, { r1: '5', r2: 'stack', r3: 'not set' });
});
