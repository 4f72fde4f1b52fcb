import test from 'ava';
import {
  assemble,
  comparePrograms,
  compileModule,
  type HookName,
  loadHost,
  loadObject,
  type MapDefinition,
} from '../index.ts';
import { exampleNames, exampleSource } from './test/examples.ts';

for (const name of exampleNames)
  test(`${name} compiled for eBPF v4 and for v2 does the same`, async (t) => {
    const host = await loadHost();
    const [newer, older] = await Promise.all(
      (['v4', 'v2'] as const).map((cpu) => compileModule(exampleSource(name), { cpu })),
    );
    const before = loadObject(newer!, { name }).programs[0]!;
    const after = loadObject(older!, { name }).programs[0]!;
    t.deepEqual(
      before.maps.map((m) => m.name),
      after.maps.map((m) => m.name),
    );
    t.notDeepEqual(before.code, after.code);
    const result = comparePrograms(host, before, after, { runs: 400 });
    t.true(
      result.same,
      JSON.stringify(result.difference, (_, v) => (typeof v === 'bigint' ? `${v}` : v)),
    );
    t.true(result.covered > result.slots * 0.7, `${result.covered} of ${result.slots} slots`);
  });

const maps: MapDefinition[] = [{ name: 'm', type: 2, keySize: 4, valueSize: 8, maxEntries: 2, flags: 0 }];
const compare = async (hook: HookName, before: string, after: string) =>
  comparePrograms(
    await loadHost(),
    { code: assemble(`${before}\nexit`), hook, maps },
    { code: assemble(`${after}\nexit`), hook, maps },
  );

const differing: [string, HookName, string, string][] = [
  ['a result', 'run', 'r0 = 1', 'r0 = 2'],
  [
    'a result for one value of a byte',
    'run',
    'r0 = *(u8 *)(r1 + 3)',
    'r0 = *(u8 *)(r1 + 3)\nif r0 != 128 goto +1\nr0 = 0',
  ],
  ['memory', 'run', 'r0 = 0\n*(u8 *)(r1 + 7) = 5', 'r0 = 0\n*(u8 *)(r1 + 8) = 5'],
  ['a context field', 'timer', 'r0 = *(u32 *)(r1 + 24)', 'r0 = *(u32 *)(r1 + 28)'],
  ['a map', 'run', 'r2 = map_value 0 + 8 ll\n*(u64 *)(r2 + 0) = 7\nr0 = 0', 'r0 = 0'],
  [
    'a branch at a constant',
    'timer',
    'r2 = *(u64 *)(r1 + 0)\nr0 = 0\nif r2 > 1000 goto +1\nr0 = 1',
    'r2 = *(u64 *)(r1 + 0)\nr0 = 0\nif r2 >= 1000 goto +1\nr0 = 1',
  ],
  [
    'the answer to a word',
    'uart_line',
    'r2 = *(u64 *)(r1 + 0)\nr3 = *(u64 *)(r1 + 8)\nr4 = r2\nr4 += 128\nr0 = 2\nif r4 > r3 goto +3\nr2 = *(u32 *)(r2 + 0)\nif r2 != 0x676e6970 goto +1\nr0 = 3',
    'r0 = 2',
  ],
  ['the length of a line', 'uart_line', 'r0 = *(u32 *)(r1 + 24)', 'r0 = 128'],
  ['calls of time', 'run', 'call ktime_get_ns', 'call ktime_get_ns\ncall ktime_get_ns'],
];

for (const [what, hook, before, after] of differing)
  test(`finds a difference in ${what}`, async (t) => {
    const result = await compare(hook, before, after);
    t.false(result.same);
    t.truthy(result.difference);
  });

test('instructions saved are counted', async (t) => {
  const result = await compare('run', 'r0 = 1\nr0 += 1\nr0 += 1', 'r0 = 3');
  t.like(result, { same: true, runs: 1000, stepsBefore: 4000, stepsAfter: 2000, covered: 2, slots: 2 });
});

test('runs after one that left records in a ring buffer run to their end, too', async (t) => {
  const code = assemble(
    'r2 = r10\nr2 += -8\n*(u64 *)(r10 - 8) = 1\nr1 = map 0 ll\nr3 = 8\nr4 = 0\ncall ringbuf_output\nexit',
  );
  const ring = { name: 'records', type: 27, keySize: 8, valueSize: 0, maxEntries: 64, flags: 0 };
  const program = { code, hook: 'run', maps: [ring] } as const;
  t.like(comparePrograms(await loadHost(), program, program, { runs: 40 }), { same: true, stepsBefore: 320 });
});

test('maps that no board has room for cost neither time nor memory', async (t) => {
  const code = assemble('r0 = 1\nexit');
  const host = await loadHost();
  for (const [type, keySize, valueSize] of [
    [2, 4, 2 ** 32 - 8],
    [1, 2 ** 32 - 8, 8],
  ] as const) {
    const program = { code, hook: 'timer', maps: [{ ...maps[0]!, type, keySize, valueSize }] } as const;
    t.true(comparePrograms(host, program, program, { runs: 40 }).same);
  }
});
