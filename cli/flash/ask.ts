/** Asks before something is lost. */
import { createInterface } from 'node:readline/promises';
import { CancelledError } from '../../flasher/index.ts';
import type { Context } from '../context.ts';
import { UsageError } from '../failure.ts';

/** @throws CancelledError when the answer is not yes, UsageError when nobody can answer */
export const confirm = async (
  { cleanup }: Context,
  subject: string,
  question: string,
  yes: boolean | undefined,
): Promise<void> => {
  if (yes) return;
  if (!process.stdin.isTTY)
    throw new UsageError(`${question} Nobody is there to answer`, 'add --yes if it may');
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await lines.question(`${question} [y/N] `, { signal: cleanup.signal });
    if (!/^y(es)?$/i.test(answer.trim())) throw new CancelledError(subject, 'asking; nothing was changed');
  } finally {
    lines.close();
  }
};
