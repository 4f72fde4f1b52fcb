/** A branch over one move becomes a selection, where that takes no more words; both ways compute what they are to. */
import test from 'ava';
import { assemble, jitCompile } from '../../ebpf/index.ts';
import { buildMachine, type Cpu, FEATURE_SETS, missingTool, runMachine } from './machine.ts';

type Choice = {
  readonly name: string;
  readonly branches: number;
  readonly text: readonly string[];
  /** r0, of the number that memory begins with. */
  readonly model: (x: bigint) => bigint;
};

const choices: readonly Choice[] = [
  {
    name: 'one or nothing',
    branches: 0,
    text: ['r2 = *(u64 *)(r1 + 0)', 'r0 = 1', 'if r2 == 9 goto +1', 'r0 = 0', 'exit'],
    model: (x) => (x === 9n ? 1n : 0n),
  },
  {
    name: 'nothing or one, and both of two',
    branches: 0,
    text: [
      ...['r2 = *(u64 *)(r1 + 0)', 'r0 = 0', 'r3 = 1', 'if r2 > 8 goto +1', 'r0 = 1'],
      ...['if r2 > 100 goto +1', 'r3 = 0', 'r0 += r0', 'r0 |= r3', 'exit'],
    ],
    model: (x) => (x > 8n ? 0n : 2n) | (x > 100n ? 1n : 0n),
  },
  {
    name: 'a register or another',
    branches: 0,
    text: [
      'r2 = *(u64 *)(r1 + 0)',
      'r3 = *(u64 *)(r1 + 8)',
      'if r2 s< r3 goto +1',
      'r2 = r3',
      'r0 = r2',
      'exit',
    ],
    model: (x) => BigInt.asUintN(64, BigInt.asIntN(64, x) < 50n ? x : 50n),
  },
  {
    name: 'a register or one, by a bit that is also tested in the flags',
    branches: 0,
    text: ['r2 = *(u64 *)(r1 + 0)', 'r0 = 1', 'if r2 & 8 goto +1', 'r0 = r2', 'exit'],
    model: (x) => (x & 8n ? 1n : x),
  },
  {
    name: 'a constant that needs a move of its own stays behind a branch',
    branches: 1,
    text: ['r0 = *(u64 *)(r1 + 0)', 'if r0 < 100 goto +1', 'r0 = 100', 'exit'],
    model: (x) => (x < 100n ? x : 100n),
  },
  {
    name: 'one of two',
    branches: 0,
    text: [
      ...['r2 = *(u64 *)(r1 + 0)', 'r3 = 1', 'r0 = 1', 'if r2 == 9 goto +1', 'r3 = 0'],
      ...['if r2 == 100 goto +1', 'r0 = 0', 'r0 |= r3', 'exit'],
    ],
    model: (x) => (x === 9n || x === 100n ? 1n : 0n),
  },
  {
    name: 'one of two, the first kept, and whether it is one',
    branches: 2,
    text: [
      ...['r2 = *(u64 *)(r1 + 0)', 'r0 = 1', 'r3 = 1', 'if r2 > 9 goto +1', 'r3 = 0'],
      ...['if r2 s> 100 goto +1', 'r0 = 0', 'r0 |= r3', 'r4 = 5', 'if r0 != 1 goto +1', 'r4 = 7'],
      ...['if r3 == 1 goto +1', 'r4 += 16', 'r0 = r4', 'exit'],
    ],
    model: (x) => (x > 9n ? 7n : 21n),
  },
  {
    name: 'one, or a number of more bits',
    branches: 0,
    text: [
      ...['r2 = *(u64 *)(r1 + 0)', 'r3 = *(u8 *)(r1 + 0)', 'r0 = 1', 'if r2 > 8 goto +1', 'r0 = 0'],
      ...['r0 |= r3', 'exit'],
    ],
    model: (x) => (x & 255n) | (x > 8n ? 1n : 0n),
  },
  {
    name: 'one, or a bit of a number',
    branches: 0,
    text: [
      ...[
        'r2 = *(u64 *)(r1 + 0)',
        'r3 = r2',
        'r3 >>= 3',
        'r3 &= 1',
        'r4 = 1',
        'if r2 > 100 goto +1',
        'r4 = 0',
      ],
      ...['r4 |= r3', 'r0 = r4', 'exit'],
    ],
    model: (x) => ((x >> 3n) & 1n) | (x > 100n ? 1n : 0n),
  },
  {
    name: 'to where others jump, too',
    branches: 1,
    text: [
      ...['r2 = *(u64 *)(r1 + 0)', 'r0 = 1', 'if r2 == 50 goto +3', 'r3 = r2'],
      ...['if r2 == 9 goto +1', 'r0 = 0', 'r0 += 5', 'exit'],
    ],
    model: (x) => (x === 9n || x === 50n ? 6n : 5n),
  },
];

const NUMBERS = [0n, 1n, 8n, 9n, 10n, 50n, 100n, 101n, 2n ** 32n + 9n, 2n ** 63n, 2n ** 64n - 1n];
const memoryOf = (x: bigint) => new Uint8Array(new BigUint64Array([x, 50n]).buffer);
const codeOf = ({ text }: Choice) => assemble(text.join('\n'));
/* DDI 0487 C4.1: B.cond; CBZ, CBNZ, TBZ and TBNZ. */
const isBranch = (word: number) => word >>> 24 === 0x54 || (word & 0x7c000000) === 0x34000000;

for (const choice of choices) {
  test(`choice: ${choice.name}`, async (t) => {
    const made = await jitCompile({ code: codeOf(choice), hook: 'run' }, { memorySize: 16 });
    if (!made.ok) return t.fail(made.error.message);
    t.is([...made.words].filter(isBranch).length, choice.branches);
  });
}

const ifEmulated = missingTool() ? test.skip : test;
for (const cpu of Object.keys(FEATURE_SETS) as Cpu[]) {
  ifEmulated(`choices_compute_the_same_on_${cpu}`, async (t) => {
    const cases = choices.flatMap((choice) => NUMBERS.map((x) => ({ choice, x })));
    const inputs = cases.map(({ choice, x }) => ({ code: codeOf(choice), memory: memoryOf(x) }));
    for (const [i, answer] of runMachine(await buildMachine(), cpu, inputs).entries()) {
      const { choice, x } = cases[i]!;
      t.is(answer.r0, choice.model(x), `${choice.name}, of ${x}`);
    }
  });
}
