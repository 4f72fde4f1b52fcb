/**
 * The code that the JIT makes, against the conformance cases, in qemu's user-mode emulation (package qemu-user). The same
 * cases run on boards through `velocity bpf run --batch`; this finds faults without one.
 */
import test from 'ava';
import { type Case, caseGroups } from './cases/index.ts';
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
let machine: string | undefined;

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
    ifEmulated(`${group} on ${cpu}: ${cases.length} programs`, (t) => {
      machine ??= buildMachine();
      const inputs = cases.map((c) => ({ code: bytes(c.code), memory: bytes(c.mem) }));
      const wrong = runMachine(machine, cpu, inputs).map((answer, i) => complaint(cases[i]!, answer));
      t.deepEqual(wrong.filter((w) => w !== undefined).slice(0, 10), []);
    });
  }
}
