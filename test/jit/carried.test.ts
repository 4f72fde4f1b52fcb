/** Loops that end with a copy to the register that the next turn starts from: nothing is moved between turns. */
import test from 'ava';
import { assemble, interpret, jitCompile } from '../../ebpf/index.ts';
import { buildMachine, missingTool, runMachine } from './machine.ts';

const memory = Uint8Array.from({ length: 64 }, (_, i) => (i * 37 + 11) & 0xff);

/** `step` computes r0 from r2, which the turn before left; r4 points at the turn's byte. */
const loop = (step: readonly string[], test: readonly string[]) =>
  assemble(
    [
      ...['r2 = 7', 'r3 = 0', 'r5 = 48'],
      ...['r4 = r1', 'r4 += r3', 'r0 = r4', ...step, 'r3 += 1', 'w2 = w0', ...test],
      'exit',
    ].join('\n'),
  );

const steps = {
  an_exclusive_or: ['w0 = *(u8 *)(r0 + 0)', 'w0 ^= w2'],
  a_product_and_a_sum: ['w0 = *(u8 *)(r0 + 0)', 'w4 = 31', 'w4 *= w2', 'w0 += w4'],
  both_of_them_twice: ['w0 = *(u8 *)(r0 + 0)', 'w0 ^= w2', 'w2 >>= 3', 'w0 += w2'],
  what_was_before_again: ['w0 = *(u8 *)(r0 + 0)', 'w0 += w2', 'w0 ^= w2'],
};
const back = (length: number) => -(length + 8);
const tests = {
  counted: (length: number) => [`if r3 != 48 goto ${back(length) + 1}`],
  counted_past_a_jump: (length: number) => ['if r3 == 48 goto 1', `goto ${back(length)}`],
  up_to_a_register: (length: number) => [`if r3 < r5 goto ${back(length) + 1}`],
};

/* DDI 0487 C6.2, MOV (register): ORR from the zero register. */
const isMove = (word: number) => (word & 0x7fe0ffe0) === 0x2a0003e0;
const missing = missingTool();

for (const [what, step] of Object.entries(steps)) {
  for (const [ends, jumps] of Object.entries(tests)) {
    const code = loop(step, jumps(step.length));
    test(`${what}_${ends}`, async (t) => {
      const result = await jitCompile({ code, hook: 'run' }, { memorySize: memory.length });
      if (!result.ok) return t.fail(result.error.message);
      const inLoop = (slot: number | undefined) =>
        slot !== undefined && slot > 2 && slot < code.length / 8 - 1;
      const moves = [...result.words].filter((word, i) => isMove(word) && inLoop(result.insnOfWord[i]));
      t.is(moves.length, 0);
    });
  }
}

(missing ? test.skip : test)('they compute what the interpreter computes', async (t) => {
  const codes = Object.values(steps).flatMap((step) =>
    Object.values(tests).map((jumps) => loop(step, jumps(step.length))),
  );
  const answers = runMachine(
    await buildMachine(),
    'cortex-a53',
    codes.map((code) => ({ code, memory, verify: true })),
  );
  for (const [i, code] of codes.entries()) {
    const expected = await interpret(code, memory);
    t.true(expected.ok && answers[i]!.words > 0);
    t.is(answers[i]!.r0, (expected as { r0: bigint }).r0);
  }
});
