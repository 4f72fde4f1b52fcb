/** Writes instructions.json anew; look at the difference before it is kept. */
import { verifyObject } from '../../ebpf/index.ts';
import { CPUS, compile, sources } from './compile.ts';
import { type Instructions, instructionsOf, writeInstructions } from './expectation.ts';

const instructions: Instructions = {};
for (const name of await sources()) {
  instructions[name] = {};
  for (const cpu of CPUS) {
    const rows = await verifyObject(await compile(name, cpu), { platform: 'linux' });
    instructions[name][cpu] = instructionsOf(rows);
  }
}
await writeInstructions(instructions);
