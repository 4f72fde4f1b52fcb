import { type Command, InvalidArgumentError, Option } from 'commander';
import { type SuiteName, suiteNames } from '../../rig/index.ts';
import type { Context } from '../context.ts';
import { wholeNumber } from '../numbers.ts';
import type { DeviceOptions } from '../rig/device.ts';
import type { RunOptions } from '../rig/run.ts';
import type { SoakCommand } from '../rig/soak.ts';

const collect = (value: string, before: readonly string[] = []) => [...before, ...value.split(',')];

const collectSuites = (value: string, before: readonly SuiteName[] = []): SuiteName[] => {
  const names = value.split(',');
  const unknown = names.find((name) => !(suiteNames as readonly string[]).includes(name));
  if (unknown !== undefined)
    throw new InvalidArgumentError(`There is no suite ${unknown}; there are ${suiteNames.join(', ')}.`);
  return [...before, ...(names as SuiteName[])];
};

const positiveNumber = (text: string): number => {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value <= 0)
    throw new InvalidArgumentError('It must be a number above 0.');
  return value;
};

const benchOption = () =>
  new Option(
    '--bench <file>',
    'bench file; default: velocity-bench.yaml of this folder, else the emulated boards',
  );
const boardOption = () =>
  new Option('--board <name>', 'only this board of the bench; may be repeated').argParser(collect);

type BoardChoice = { readonly board?: string | readonly string[] };

/** `--board` is also a global option, which may stand before the command and holds one name then. */
const boardsOf = ({ board }: BoardChoice): { boards?: readonly string[] } =>
  board === undefined ? {} : { boards: typeof board === 'string' ? board.split(',') : board };

const registerRun = (rig: Command, context: Context) =>
  rig
    .command('run')
    .description('power, flash, boot and test the boards of a bench, all at the same time')
    .addOption(benchOption())
    .addOption(boardOption())
    .option('--suite <names>', `only these of ${suiteNames.join(', ')}; default: all but soak`, collectSuites)
    .option('--filter <text>', 'only tests with this in their name')
    .option('--no-twins', 'leave out the emulated twins of real boards')
    .option('--report <folder>', 'where report.html, .xml, .tap and .jsonl go; default: rig-reports/TIME')
    .option('--wait <seconds>', 'wait so long for boards that others use', wholeNumber(0, 86_400), 0)
    .addHelpText(
      'after',
      '\nExamples:\n  velocity rig run --board qemu-virt --suite boot,link\n  velocity rig run --bench lab.yaml --filter swap',
    )
    .action(async (_options: object, command: Command) => {
      const { runRig } = await import('../rig/run.ts');
      const { suite, ...options } = command.optsWithGlobals<
        RunOptions & BoardChoice & { suite?: readonly SuiteName[] }
      >();
      await runRig(context, { ...options, ...boardsOf(options), ...(suite ? { suites: suite } : {}) });
    });

const benchOf = (command: Command) => {
  const options = command.optsWithGlobals<RunOptions & BoardChoice>();
  return { ...options, ...boardsOf(options) };
};

const registerList = (rig: Command, context: Context) =>
  rig
    .command('list')
    .description('the boards of a bench, how they are reached, and who uses them now')
    .addOption(benchOption())
    .addOption(boardOption())
    .option('--tests', 'the tests instead')
    .addHelpText('after', '\nExample:\n  velocity rig list --bench lab.yaml')
    .action(async ({ tests }: { tests?: boolean }, command: Command) => {
      const { listBoards, listTests } = await import('../rig/list.ts');
      if (tests) listTests(context);
      else listBoards(context, benchOf(command));
    });

const registerRigDoctor = (rig: Command, context: Context) =>
  rig
    .command('doctor')
    .description('whether each board of a bench can be reached, powered, flashed and emulated')
    .addOption(benchOption())
    .addOption(boardOption())
    .addHelpText('after', '\nExample:\n  velocity rig doctor --bench lab.yaml')
    .action(async (_options: object, command: Command) => {
      const { examine } = await import('../rig/doctor.ts');
      await examine(context, benchOf(command));
    });

const registerShell = (rig: Command, context: Context) =>
  rig
    .command('shell')
    .description('start one board and try it by hand: its console, power, reset and tests')
    .addOption(benchOption())
    .addOption(boardOption())
    .option('--wait <seconds>', 'wait so long when somebody else uses it', wholeNumber(0, 86_400), 0)
    .addHelpText('after', '\nExample:\n  velocity rig shell --board qemu-virt')
    .action(async ({ wait }: { wait: number }, command: Command) => {
      const { openShell } = await import('../rig/shell.ts');
      await openShell(context, { ...benchOf(command), wait });
    });

const registerSoak = (rig: Command, context: Context) =>
  rig
    .command('soak')
    .description(
      'swap, break, disturb, reset and abandon virtual boards at random; check after each step that all adds up',
    )
    .addOption(benchOption())
    .addOption(boardOption())
    .option('--hours <n>', 'hours of board time, which pass faster than on the wall', positiveNumber, 1)
    .option(
      '--seed <n>',
      'what happens, and in which order; default: a random one, which is printed',
      wholeNumber(0, 2 ** 32 - 1),
    )
    .option(
      '--steps <n>',
      'end after so many steps, for example to replay up to one that failed',
      wholeNumber(1),
    )
    .option('--verbose', 'print every step')
    .option('--out <file>', 'write the results here, one JSON object a line')
    .option('--wait <seconds>', 'wait so long for boards that others use', wholeNumber(0, 86_400), 0)
    .addHelpText('after', '\nExample:\n  velocity rig soak --hours 1 --seed 7 --board qemu-virt')
    .action(async (_options: object, command: Command) => {
      const { runSoak } = await import('../rig/soak.ts');
      const options = command.optsWithGlobals<SoakCommand & BoardChoice>();
      await runSoak(context, { ...options, ...boardsOf(options) });
    });

const registerDevice = (rig: Command, context: Context) =>
  rig
    .command('device')
    .description(
      'an emulated device for tools on this machine: over USB/IP it is plugged into its own USB; takes what it is sent, and says what came',
    )
    .argument('<what>', 'a Raspberry Pi in USB boot mode by the name of its board, or fastboot')
    .addOption(
      new Option('--over <way>', 'fastboot is also on the network')
        .choices(['usbip', 'tcp', 'udp'])
        .default('usbip'),
    )
    .option('--at <port>', 'TCP or UDP port of this machine; default: the usual one', wholeNumber(0, 65_535))
    .option(
      '--fault <fault>',
      'the first time, at the N-th USB transfer: unplug@N, stall@N, short@N, silent@N; or slow@MILLISECONDS',
    )
    .addHelpText(
      'after',
      '\nExamples:\n  velocity rig device cm4\n  velocity rig device rpi5 --fault unplug@9\n  velocity rig device fastboot --over udp',
    )
    .action(
      async (what: string, { fault, ...options }: Omit<DeviceOptions, 'fault'> & { fault?: string }) => {
        const { parseFault, serveDevice } = await import('../rig/device.ts');
        await serveDevice(context, what, { ...options, ...(fault ? { fault: parseFault(fault) } : {}) });
      },
    );

/** `velocity rig`, also `velocity-rig`. */
export const registerRig = (program: Command, context: Context): void => {
  const rig = program.command('rig').description('test real and emulated boards on a bench');
  registerRun(rig, context);
  registerList(rig, context);
  registerRigDoctor(rig, context);
  registerShell(rig, context);
  registerDevice(rig, context);
  registerSoak(rig, context);
};
