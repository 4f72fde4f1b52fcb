/** Whether compiled programs compute what the interpreter does. */
import type { ExecutionContext } from 'ava';
import { interpret } from '../../ebpf/index.ts';
import { buildMachine, type Cpu, type MachineInput, runMachine } from './machine.ts';

type Case = MachineInput & { readonly name: string };

/** Runs all of them on that CPU; each must have been compiled. */
export const computeTheSame = async (
  t: ExecutionContext,
  cpu: Cpu,
  cases: readonly Case[],
): Promise<void> => {
  for (const [i, answer] of runMachine(await buildMachine(), cpu, cases).entries()) {
    const { name, code, memory } = cases[i]!;
    const expected = await interpret(code, memory);
    if (!expected.ok) return t.fail(`${name}: not run`);
    t.true(answer.words > 0 && !answer.lost, name);
    t.is(answer.r0, expected.r0, name);
    t.deepEqual(Buffer.from(answer.memory), Buffer.from(expected.memory), name);
  }
};

/** The program on memory of so many bytes once for each of these values of the first byte; the others differ. */
export const withFirstBytes = (
  name: string,
  code: Uint8Array,
  bytes: number,
  firsts: readonly number[],
): Case[] =>
  firsts.map((first) => {
    const memory = Uint8Array.from({ length: bytes }, (_, i) => (i === 0 ? first : (i * 37 + 3) & 255));
    return { name: `${name}, ${first}`, code, memory, verify: true };
  });
