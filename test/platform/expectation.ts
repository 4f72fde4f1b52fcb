/** What each program of this test must come to: its marks in the C source, and the instruction of each refusal as data. */
import { readFile, writeFile } from 'node:fs/promises';
import type { VerifyRow } from '../../ebpf/index.ts';

export type Expectation = { readonly code: string; readonly line: number };

/** By name of the function: `refused: code` on the line that is wrong, and nothing for programs that are accepted. */
export const marks = (source: string): Map<string, Expectation | undefined> => {
  const found = new Map<string, Expectation | undefined>();
  let current = '';
  let waiting: Expectation | undefined;
  for (const [i, text] of source.split('\n').entries()) {
    const name = /^SEC\(.*\b((?:good|bad)_\w+)\(/.exec(text)?.[1];
    if (name) {
      current = name;
      found.set(name, waiting);
      waiting = undefined;
    }
    const code = /refused: (\w+)/.exec(text)?.[1];
    if (!code) continue;
    // A function that is called stands before the program that calls it.
    if (text.startsWith('NOINLINE') || found.get(current) || current.startsWith('good'))
      waiting = { code, line: i + 1 };
    else found.set(current, { code, line: i + 1 });
  }
  return found;
};

/** Instruction of each refusal: file, CPU, function. */
export type Instructions = Record<string, Record<string, Record<string, number>>>;

const data = new URL('instructions.json', import.meta.url);
export const readInstructions = async (): Promise<Instructions> => JSON.parse(await readFile(data, 'utf8'));

/** Run `tsx test/platform/record.ts` after a program or the compiler has changed. */
export const writeInstructions = (instructions: Instructions) =>
  writeFile(data, `${JSON.stringify(instructions, null, 2)}\n`);

export const instructionsOf = (rows: readonly VerifyRow[]): Record<string, number> =>
  Object.fromEntries(
    rows.flatMap((row) => (row.error?.insn === undefined ? [] : [[row.function, row.error.insn]])),
  );
