/**
 * The code that the JIT makes, against the conformance cases, in qemu's user-mode emulation (package qemu-user). The same
 * cases run on boards through `velocity bpf run --batch`; this finds faults without one.
 */
import test from 'ava';
import { assemble, loadHost } from '../../ebpf/index.ts';
import { EXIT, hexOf, insn, load64, movImm } from './cases/case.ts';
import { type Case, caseGroups, packetCases } from './cases/index.ts';
import {
  buildMachine,
  type Cpu,
  FEATURE_SETS,
  type MachineAnswer,
  missingTool,
  runMachine,
} from './machine.ts';

const missing = missingTool();
const ifEmulated = missing ? test.skip : test;
if (missing) process.stderr.write(`jit.test.ts: skipped, ${missing} is not installed\n`);

const bytes = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'));
let machine: Promise<string> | undefined;

const complaint = (c: Case, a: MachineAnswer): string | undefined => {
  if (a.words === 0) return `${c.name}: not compiled`;
  if (a.lost) return `${c.name}: a register was not restored`;
  if (a.r0 !== c.r0) return `${c.name}: r0 0x${a.r0.toString(16)}, want 0x${c.r0.toString(16)}`;
  return Buffer.from(a.memory).toString('hex') === (c.memAfter ?? c.mem)
    ? undefined
    : `${c.name}: memory differs`;
};

for (const cpu of Object.keys(FEATURE_SETS) as Cpu[]) {
  for (const [group, cases] of Object.entries(caseGroups())) {
    ifEmulated(`${group} on ${cpu}: ${cases.length} programs`, async (t) => {
      machine ??= buildMachine();
      const inputs = cases.map((c) => ({ code: bytes(c.code), memory: bytes(c.mem) }));
      const wrong = runMachine(await machine, cpu, inputs).map((answer, i) => complaint(cases[i]!, answer));
      t.deepEqual(wrong.filter((w) => w !== undefined).slice(0, 10), []);
    });
  }
}

/** The machine gives memory: the context of the frame behind it is made there. */
const CONTEXT_BYTES = 32;
const contextOf = (frame: Uint8Array) =>
  assemble(
    `r2 = r1
r2 += ${CONTEXT_BYTES}
*(u64 *)(r1 + 0) = r2
r2 += ${frame.length}
*(u64 *)(r1 + 8) = r2`,
  );

for (const cpu of Object.keys(FEATURE_SETS) as Cpu[]) {
  ifEmulated(`legacy packet loads on ${cpu}`, async (t) => {
    machine ??= buildMachine();
    const cases = packetCases();
    const inputs = cases.map(({ code, frame }) => ({
      code: Buffer.concat([contextOf(frame), code]),
      memory: Buffer.concat([Buffer.alloc(CONTEXT_BYTES), frame]),
    }));
    for (const [i, answer] of runMachine(await machine, cpu, inputs).entries()) {
      t.is(answer.r0, BigInt(cases[i]!.verdict), cases[i]!.name);
      t.false(answer.lost, cases[i]!.name);
    }
  });
}

/** Slots of three words each: together they are farther than TBZ reaches, 32 KiB. */
const FAR = Array.from({ length: 2800 }, () => insn(0x7a, 1, 0, 8, 0x12345678)).join('');
const r2Of = (value: bigint) => bytes(hexOf(value) + '00'.repeat(8));

/** r0 is 1 when the jump is not taken, and 2 more at its target. */
const forward = (opcode: number, imm: number) =>
  `${movImm(0, 0)}${load64(2, 1)}${insn(opcode, 2, 0, 2801, imm)}${movImm(0, 1)}${FAR}${insn(0x07, 0, 0, 0, 2)}${EXIT}`;

/** r0 counts how often it is walked: once more for each bit that is set above the lowest one. */
const BACKWARD = `${movImm(0, 0)}${load64(2, 1)}${insn(0x07, 0, 0, 0, 1)}${FAR}${insn(0x77, 2, 0, 0, 1)}${insn(0x45, 2, 0, -2803, 1)}${EXIT}`;

for (const cpu of Object.keys(FEATURE_SETS) as Cpu[]) {
  ifEmulated(`branches on a bit reach farther than 32 KiB on ${cpu}`, async (t) => {
    machine ??= buildMachine();
    const programs = [
      [forward(0x45, 4), 4n, 2n],
      [forward(0x45, 4), 3n, 3n],
      [forward(0xc5, 0), 1n << 63n, 2n],
      [forward(0xc5, 0), 1n, 3n],
      [BACKWARD, 0b110n, 3n],
      [BACKWARD, 1n, 1n],
    ] as const;
    const inputs = programs.map(([code, r2]) => ({ code: bytes(code), memory: r2Of(r2) }));
    const answers = runMachine(await machine, cpu, inputs);
    for (const [i, answer] of answers.entries()) {
      t.true(answer.words > 8192, `${answer.words} words do not need the long form`);
      t.is(answer.r0, programs[i]![2], `program ${i}`);
    }
  });
}

for (const cpu of Object.keys(FEATURE_SETS) as Cpu[]) {
  ifEmulated(`the longest program, 4,096 instructions, on ${cpu}`, async (t) => {
    const body = Array.from({ length: 4094 }, (_, i) =>
      insn(i % 2 === 0 ? 0x07 : 0x27, 0, 0, 0, (i % 7) + 1),
    );
    const code = bytes(`${movImm(0, 1)}${body.join('')}${EXIT}`);
    t.is(code.length / 8, 4096);
    let expected = 1n;
    for (let i = 0; i < 4094; i += 1) {
      const by = BigInt((i % 7) + 1);
      expected = BigInt.asUintN(64, i % 2 === 0 ? expected + by : expected * by);
    }
    machine ??= buildMachine();
    const [answer] = runMachine(await machine, cpu, [{ code, memory: new Uint8Array(8) }]);
    t.is(answer!.r0, expected);
    t.false(answer!.lost);
  });
}

test('a load that shares a word with its neighbour is found at that word', async (t) => {
  const code = bytes(`${load64(2, 1)}${load64(3, 1, 8)}${insn(0xbf, 0, 2)}${insn(0x0f, 0, 3)}${EXIT}`);
  const result = (await loadHost()).jitCompile({ code, hook: 'run' }, { memorySize: 16 });
  t.true(result.ok);
  if (result.ok) t.is(result.insnOfWord[0], 1);
});
