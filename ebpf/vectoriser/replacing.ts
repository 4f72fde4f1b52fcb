/** Programs in which something stands in a loop's place. */
import { type Code, copyCode, type Node } from '../optimiser/code.ts';
import { NoPlace } from './frame.ts';
import type { Plan } from './plan.ts';

/** The program with what `write` writes before the loop, and all that came to the loop coming there; undefined when it can't be written. */
export const placed = (
  given: Code,
  loop: Pick<Plan, 'head' | 'body'>,
  write: (code: Code) => readonly Node[],
): Code | undefined => {
  const code = copyCode(given);
  try {
    const made = write(code);
    const head = code[loop.head]!;
    code.forEach((node, i) => {
      if (node.target === head && !loop.body.has(i)) node.target = made[0];
    });
    return [...code.slice(0, loop.head), ...made, ...code.slice(loop.head)];
  } catch (error) {
    if (error instanceof NoPlace) return undefined;
    throw error;
  }
};
