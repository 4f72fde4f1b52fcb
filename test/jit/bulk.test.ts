/** Loops over what lies side by side become vector code, and what only looks like one does not; both compute what they are to. */
import test from 'ava';
import { assemble, jitCompile } from '../../ebpf/index.ts';
import { buildMachine, type Cpu, FEATURE_SETS, missingTool, runMachine } from './machine.ts';

const MEMORY_BYTES = 2048;
const memory = Uint8Array.from({ length: MEMORY_BYTES }, (_, i) => (i * 167 + (i >> 5) * 29 + 0x81) & 255);

type Loop = {
  readonly name: string;
  readonly isBulk: boolean;
  readonly text: readonly string[];
  /** r0, and what is done to memory. */
  readonly model: (memory: DataView) => number;
};

const sumOf = (turns: number, of: (turn: number) => number) => {
  let sum = 0;
  for (let turn = 0; turn < turns; turn += 1) sum = (sum + of(turn)) | 0;
  return sum >>> 0;
};
const end = (turns: number, counter: string, back: number) => [
  `${counter} += 1`,
  `if ${counter} != ${turns} goto -${back}`,
];

const dot8 = (turns: number): Loop => ({
  name: `int8 dot product of ${turns}`,
  isBulk: turns >= 16,
  text: [
    ...['w0 = 7', 'r6 = 0', 'r7 = r1', 'r7 += 1000'],
    ...['r3 = r1', 'r3 += r6', 'w4 = *(u8 *)(r3 + 3)', 'w4 <<= 24', 'w4 s>>= 24'],
    ...['r3 = r7', 'r3 += r6', 'w5 = *(u8 *)(r3 + 0)', 'w5 <<= 24', 'w5 s>>= 24', 'w5 *= w4', 'w0 += w5'],
    ...end(turns, 'r6', 14),
    'exit',
  ],
  model: (m) => (sumOf(turns, (i) => m.getInt8(3 + i) * m.getInt8(1000 + i)) + 7) >>> 0,
});

const dot16 = (turns: number): Loop => ({
  name: `int16 dot product of ${turns}, by pointers that are needed afterwards`,
  isBulk: true,
  text: [
    ...['w0 = 0', 'r6 = 0', 'r7 = r1', 'r7 += 1000', 'r8 = r1'],
    ...[
      'r4 = *(s16 *)(r8 + 2)',
      'r5 = *(s16 *)(r7 + 0)',
      'w4 *= w5',
      'w4 += w0',
      'r7 += 2',
      'r8 += 2',
      'w0 = w4',
    ],
    ...end(turns, 'r6', 9),
    ...['r7 -= r8', 'w0 += w7', 'exit'],
  ],
  model: (m) =>
    (sumOf(turns, (i) => Math.imul(m.getInt16(2 + 2 * i, true), m.getInt16(1000 + 2 * i, true))) + 1000) >>>
    0,
});

const sum = (bytes: 1 | 2 | 4, turns: number): Loop => ({
  name: `sum of ${turns} elements of ${bytes} bytes`,
  isBulk: true,
  text: [
    ...[turns === 41 ? 'r0 = 0' : 'r0 = *(u32 *)(r1 + 0)', 'r6 = 0'],
    ...['r3 = r6', `r3 <<= ${bytes >> 1}`, 'r3 += r1', `w4 = *(u${8 * bytes} *)(r3 + 64)`, 'w0 += w4'],
    ...end(turns, 'r6', 7),
    'exit',
  ],
  model: (m) =>
    (sumOf(turns, (i) => {
      const at = 64 + bytes * i;
      if (bytes === 1) return m.getUint8(at);
      return bytes === 2 ? m.getUint16(at, true) : m.getUint32(at, true);
    }) +
      (turns === 41 ? 0 : m.getUint32(0, true))) >>>
    0,
});

const copy = (bytes: 1 | 2 | 4 | 8, turns: number, distance: number): Loop => ({
  name: `copy of ${turns} elements of ${bytes} bytes by ${distance}`,
  isBulk: Math.abs(distance) >= bytes * turns,
  text: [
    ...['r0 = 1', 'r6 = 0'],
    ...[
      'r3 = r1',
      'r3 += r6',
      `r4 = *(u${8 * bytes} *)(r3 + 800)`,
      `*(u${8 * bytes} *)(r3 + ${800 + distance}) = r4`,
    ],
    ...[`r6 += ${bytes}`, `if r6 != ${turns * bytes} goto -6`],
    'exit',
  ],
  model: (m) => {
    for (let i = 0; i < turns; i += 1)
      for (let n = 0; n < bytes; n += 1) {
        const at = 800 + i * bytes + n;
        m.setUint8(at + distance, m.getUint8(at));
      }
    return 1;
  },
});

/** Addresses whose distance from turn to turn changes. */
const quadratic: Loop = {
  name: 'a sum along an address that goes farther each turn',
  isBulk: false,
  text: [
    ...['r0 = 0', 'r6 = 0', 'r7 = r1'],
    ...['w4 = *(u8 *)(r7 + 0)', 'w0 += w4', 'r7 += r6'],
    ...end(32, 'r6', 5),
    'exit',
  ],
  model: (m) => sumOf(32, (i) => m.getUint8((i * (i - 1)) / 2)),
};

/** Over 2^32 - 24 the address comes back to 0 within 32 bits: it goes on by one at first. */
const cutShort: Loop = {
  name: 'a sum along an address that is cut to 32 bits',
  isBulk: false,
  text: [
    ...['r0 = 0', 'r6 = 0'],
    ...['w3 = w6', 'w3 <<= 27', 'w3 >>= 27', 'r3 += r1', 'w4 = *(u8 *)(r3 + 0)', 'w0 += w4'],
    ...end(64, 'r6', 8),
    'exit',
  ],
  model: (m) => sumOf(64, (i) => m.getUint8(i % 32)),
};

const loops: readonly Loop[] = [
  ...[8, 16, 33, 64, 300, 900].map(dot8),
  ...[8, 31, 200].map(dot16),
  ...([1, 2, 4] as const).flatMap((bytes) => [16, 41, 300].map((turns) => sum(bytes, turns))),
  ...([1, 2, 4, 8] as const).flatMap((bytes) =>
    [16, 64, 72].flatMap((turns) => [640, -640, 8 * bytes, -bytes].map((by) => copy(bytes, turns, by))),
  ),
  quadratic,
  cutShort,
];

const codeOf = ({ text }: Loop) => assemble(text.join('\n'));
/* DDI 0487 C4.1: loads and stores of vector registers have bit 26 set. */
const isVectorAccess = (word: number) => (word & 0x0e000000) === 0x0c000000;

test('loops_over_neighbours_become_vector_code', async (t) => {
  for (const loop of loops) {
    const made = await jitCompile({ code: codeOf(loop), hook: 'run' }, { memorySize: MEMORY_BYTES });
    if (!made.ok) {
      t.fail(`${loop.name}: ${made.error.message}`);
      continue;
    }
    t.is([...made.words].some(isVectorAccess), loop.isBulk, loop.name);
  }
});

const ifEmulated = missingTool() ? test.skip : test;
for (const cpu of Object.keys(FEATURE_SETS) as Cpu[]) {
  ifEmulated(`they_compute_the_same_on_${cpu}`, async (t) => {
    const inputs = loops.map((loop) => ({ code: codeOf(loop), memory, verify: true }));
    for (const [i, answer] of runMachine(await buildMachine(), cpu, inputs).entries()) {
      const loop = loops[i]!;
      const after = memory.slice();
      const result = loop.model(new DataView(after.buffer));
      t.true(answer.words > 0 && !answer.lost, loop.name);
      t.is(answer.r0, BigInt(result), loop.name);
      t.is(Buffer.compare(Buffer.from(answer.memory), Buffer.from(after)), 0, loop.name);
    }
  });
}
