/** Runs one command line: parses it, reports errors, and leaves no process behind. */
import { isatty } from 'node:tty';
import { CommanderError } from 'commander';
import { makeCleanup } from './cleanup.ts';
import { loadCommands } from './commands/index.ts';
import type { Context } from './context.ts';
import { exitCodes } from './exit-codes.ts';
import { FileError, failureOf, OutcomeError, UsageError } from './failure.ts';
import { failureText, Output } from './output.ts';
import { commandNameOf, makeProgram } from './program.ts';

/** Commander ends --help and --version by an error of its own; a command group without a command shows its help. */
const isHelp = (error: unknown): error is CommanderError =>
  error instanceof CommanderError && (error.exitCode === 0 || error.code === 'commander.help');

const report = (error: unknown, output: Output): number => {
  if (isHelp(error)) {
    if (error.exitCode === 0) return exitCodes.ok.code;
    if (output.json) output.fail(failureOf(new UsageError('the command is not complete', 'see --help')));
    return exitCodes.usage.code;
  }
  const failure = failureOf(error);
  if (!(error instanceof OutcomeError)) output.fail(failure);
  return failure.exit;
};

/** Runs one command line. @returns its exit code; undefined when nothing went wrong */
export const execute = async (argv: readonly string[], context: Context): Promise<number | undefined> => {
  try {
    const commands = await loadCommands(commandNameOf(argv));
    await makeProgram(context, commands).parseAsync(argv, { from: 'user' });
    return undefined;
  } catch (error) {
    return context.cleanup.signal.aborted ? exitCodes.cancelled.code : report(error, context.output);
  }
};

/** Time that cleaning up may take after a signal before the process ends anyway. */
const CLEANUP_MS = 3000;
const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** A pipe that nobody reads any more (`velocity … | head`), and a terminal that went away, end the command as quietly as a signal does. */
const onUnwritable = (stop: (signal?: NodeJS.Signals) => void, fail: (cause: Error) => void) => {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') stop();
    else if (error.code === 'EIO') stop('SIGHUP');
    else fail(error);
  });
  process.stderr.on('error', () => {}); // what can't be said there is left to the exit code
};

const unwritable = (cause: Error) =>
  failureOf(
    new FileError(
      'standard output',
      cause.message,
      'what was printed is not whole: make room there, or send it elsewhere',
      {
        cause,
      },
    ),
  );

/** All that was printed; what went wrong with it has been told by then, too. */
const written = () =>
  new Promise<void>((resolve) => {
    process.stdout.write('', () => setImmediate(resolve));
  });

const hasTerminal = [0, 1, 2].some((fd) => isatty(fd));

/** Node.js 20 aborts in process.exit when its terminal has gone; a signal that nobody listens to ends it as well. */
const endBy = (signal: NodeJS.Signals | undefined) => {
  if (signal !== 'SIGHUP' || !hasTerminal) process.exit(exitCodes.cancelled.code);
  process.emit('exit', exitCodes.cancelled.code); // what is removed, and who is ended, at every other end
  process.removeAllListeners('SIGHUP');
  process.kill(process.pid, 'SIGHUP');
};

/** Returns only through process.exit. `argv` are the arguments after the program name. */
export const main = async (argv: readonly string[]): Promise<void> => {
  const output = new Output(argv.includes('--json'));
  const cleanup = makeCleanup();
  let stopping = false;
  const begin = (end: () => void) => {
    if (stopping) return;
    stopping = true;
    cleanup.abort();
    setTimeout(end, CLEANUP_MS).unref();
    void cleanup.run().finally(end);
  };
  const quietly = (signal?: NodeJS.Signals) => begin(() => endBy(signal));
  for (const signal of signals) process.on(signal, () => (stopping ? endBy(signal) : quietly(signal)));
  onUnwritable(quietly, (cause) => {
    const failure = unwritable(cause);
    if (!stopping) process.stderr.write(failureText(failure));
    begin(() => process.exit(failure.exit));
  });
  const exit = await execute(argv, { output, cleanup });
  if (stopping) return;
  await cleanup.run();
  await written();
  if (stopping) return;
  process.exit(exit ?? process.exitCode ?? exitCodes.ok.code);
};
