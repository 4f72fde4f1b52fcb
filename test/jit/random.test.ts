/** Random programs: the JIT's code, emulated, against the interpreter. A failure names the seed that makes the program. */
import test from 'ava';
import { loadHost } from '../../ebpf/index.ts';
import { buildMachine, type Cpu, FEATURE_SETS, missingTool, runMachine } from './machine.ts';
import { MEMORY_BYTES, randomProgram } from './random-program.ts';

const PROGRAMS = 600;
const ifEmulated = missingTool() ? test.skip : test;
const memoryOf = (seed: number) =>
  Uint8Array.from({ length: MEMORY_BYTES }, (_, i) => (Math.imul(seed + i, 0x2c1b3c6d) >>> 13) & 255);

for (const cpu of Object.keys(FEATURE_SETS) as Cpu[]) {
  ifEmulated(`${PROGRAMS} random programs do the same in both on ${cpu}`, async (t) => {
    const host = await loadHost();
    const inputs = Array.from({ length: PROGRAMS }, (_, seed) => ({
      code: new Uint8Array(Buffer.from(randomProgram(seed), 'hex')),
      memory: memoryOf(seed),
    }));
    const answers = runMachine(await buildMachine(), cpu, inputs);
    const wrong = inputs.flatMap(({ code, memory }, seed) => {
      const want = host.run({ code, hook: 'run' }, { memory });
      const got = answers[seed]!;
      if (!want.ok) return [`seed ${seed}: interpreter says ${want.error.message}`];
      const same = got.r0 === want.r0 && !got.lost && Buffer.compare(got.memory, want.memory) === 0;
      return same
        ? []
        : [`seed ${seed}: r0 0x${got.r0.toString(16)}, interpreter has 0x${want.r0.toString(16)}`];
    });
    t.deepEqual(wrong.slice(0, 10), []);
  });
}
