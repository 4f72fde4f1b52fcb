/** `velocity console`: a board's console, and what is typed on it. */
import { createInterface } from 'node:readline';
import type { Command } from 'commander';
import { UART_LINE_BYTES } from '../../abi/index.ts';
import type { VelocityLink } from '../../link/index.ts';
import { boardOptionsOf, withLink } from '../connect.ts';
import type { Context } from '../context.ts';
import { UsageError } from '../failure.ts';

const TYPEABLE = /^[ -~]+$/;

/** @throws UsageError for what the board would take for noise */
const checked = (line: string): string => {
  if (!TYPEABLE.test(line))
    throw new UsageError(`${JSON.stringify(line)} is no line that a console takes`, 'type printable ASCII');
  if (line.length >= UART_LINE_BYTES)
    throw new UsageError(`the line has ${line.length} characters`, `a console takes ${UART_LINE_BYTES - 1}`);
  return line;
};

/** What is typed comes from arguments, or line by line from standard input until it ends. */
const linesOf = (
  words: readonly string[],
  { cleanup }: Context,
): AsyncIterable<string> | Iterable<string> => {
  if (words.length > 0) return [words.join(' ')];
  const lines = createInterface({ input: process.stdin });
  cleanup.add(async () => lines.close());
  return lines;
};

const type = async (link: VelocityLink, lines: AsyncIterable<string> | Iterable<string>) => {
  try {
    for await (const line of lines) if (line.trim() !== '') await link.type(checked(line));
  } finally {
    await link.echo('typed'); // all that was typed is answered by then
  }
};

export const registerConsole = (program: Command, context: Context): void => {
  program
    .command('console')
    .description("show a board's console and type on it: its own commands, and those that modules add")
    .argument('[text...]', 'type this line, show the answer and end; default: lines of standard input')
    .addHelpText('after', '\nExamples:\n  velocity console --port /dev/ttyUSB0')
    .addHelpText('after', '  velocity console --port /dev/ttyUSB0 info')
    .action((words: string[], _options: object, command: Command) =>
      withLink(
        context,
        boardOptionsOf(command),
        (link) => type(link, linesOf(words, context)),
        (line) => context.output.fact({ event: 'console', line }, line),
      ),
    );
};
