/** Programs in which something stands in a loop's place. */
import { type Code, copyCode, type Node } from '../optimiser/code.ts';
import { NoPlace } from './frame.ts';
import type { Plan } from './plan.ts';

type Write = (code: Code, plan: Plan, busy: readonly number[]) => readonly Node[];

/** Makes programs with what `write` writes of a plan in place of the loop; undefined when it can't be written. */
export const replacingBy =
  (write: Write) =>
  (given: Code, plan: Plan, busy: readonly number[]): Code | undefined => {
    const code = copyCode(given);
    try {
      const made = write(code, plan, busy);
      const head = code[plan.head]!;
      code.forEach((node, i) => {
        if (node.target === head && !plan.body.has(i)) node.target = made[0];
      });
      return [...code.slice(0, plan.head), ...made, ...code.slice(plan.head)];
    } catch (error) {
      if (error instanceof NoPlace) return undefined;
      throw error;
    }
  };
