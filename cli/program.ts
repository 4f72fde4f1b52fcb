/** The velocity command with the options that all of its commands share. */
import { Command } from 'commander';
import { DEFAULT_BAUD } from '../link/index.ts';
import type { Context, Register } from './context.ts';
import { exitCodeTable } from './exit-codes.ts';
import { UsageError } from './failure.ts';
import { wholeNumber } from './numbers.ts';
import { version } from './version.ts';

/** `rig` takes several, also as one list with commas. */
const joined = (value: string, before?: string) => (before === undefined ? value : `${before},${value}`);

/** Options whose value may be any text, none at all too. */
const ANY_TEXT = /<text>/;

/** What a shell leaves of a variable that is not set: taken for a name, it is the current folder, or a default that nobody chose; a card that is named so is not written. */
const refuseEmpty = (command: Command): void => {
  for (let at: Command | null = command; at; at = at.parent)
    for (const { flags, long } of at.options.filter((o) => at?.getOptionValue(o.attributeName()) === ''))
      if (!ANY_TEXT.test(flags))
        throw new UsageError(`${long} is empty`, `give it what it asks for, or leave ${long} out`);
};

/** Options that mean the same everywhere may stand before or after the command's name. */
const withoutCommands = (): Command =>
  new Command('velocity')
    .description('Builds, flashes, watches and improves Velocity boards.')
    .version(version())
    .option('--json', 'print one JSON object a line')
    .option('--port <address>', 'the board at this device path, tcp:HOST:PORT or unix:PATH')
    .option(
      '--board <name>',
      'a virtual board: qemu-virt, rpi3b or rpi4b; flash and image: any board',
      joined,
    )
    .option('--baud <rate>', 'speed of a serial port', wholeNumber(300), DEFAULT_BAUD)
    .option(
      '--key <key>',
      'key to sign with, and that a built image trusts: a name of `velocity keys list`, or a PEM file; default: $VELOCITY_KEY, or the development key',
    )
    .option(
      '--policy <file>',
      'JSON file that says what a built image lets which key do; default: that one key everything',
    )
    .exitOverride()
    .configureOutput({ outputError: () => {} }) // the error is thrown and reported as every other one
    .configureHelp({ showGlobalOptions: true })
    .addHelpText('after', '\nExample:\n  velocity monitor --board qemu-virt')
    .addHelpText('after', `\nExit codes:\n${exitCodeTable()}`)
    .hook('preAction', (_program, command) => refuseEmpty(command));

/** What stands at the place of a command's name. */
export const commandNameOf = (argv: readonly string[]): string | undefined =>
  withoutCommands().parseOptions([...argv]).operands[0];

export const makeProgram = (context: Context, commands: readonly Register[]): Command => {
  const program = withoutCommands();
  for (const register of commands) register(program, context);
  return program;
};
