import type { Command } from 'commander';
import type { RunInput } from '../../ebpf/index.ts';
import { nightmare } from '../../evolve/index.ts';
import type { Context } from '../context.ts';
import { readProgram } from '../module-file.ts';
import { wholeNumber } from '../numbers.ts';

type NightmareFlags = { readonly function?: string; readonly runs: number; readonly seed: number };

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

/** An input as JSON can hold it: bytes and keys in hex. */
const plain = ({ memory, context, maps }: RunInput) => ({
  ...(memory ? { memory: hex(memory) } : {}),
  ...(context ? { context } : {}),
  maps: (maps ?? []).map((m) => (m ? Object.fromEntries([...m].map(([k, v]) => [k, hex(v)])) : null)),
});

const search = async ({ output, cleanup }: Context, file: string, flags: NightmareFlags) => {
  const program = await readProgram(file, flags.function);
  const { runs, seed } = flags;
  const found = await nightmare(program, { runs, seed, signal: cleanup.signal });
  const { input, fault, ...figures } = found;
  output.fact(
    {
      event: 'nightmare',
      module: program.name,
      ...figures,
      input: plain(input),
      ...(fault ? { fault: { code: fault.code, input: plain(fault.input) } } : {}),
    },
    [
      `${program.name}: the hardest of ${found.runs} inputs takes ${found.worst} instructions (mean of random ones ${found.mean.toFixed(0)}, proven bound ${found.bound}, budget ${found.budget})`,
      fault ? `an input ends in ${fault.code}: please report it` : 'no input ends in an error',
      found.advice,
    ].join('\n'),
  );
};

/** `velocity evolve nightmare FILE`: inputs that drive a module to its bound; --function is an option of `evolve` itself. */
export const registerEvolveNightmare = (evolve: Command, context: Context): void => {
  evolve
    .command('nightmare')
    .description('search for the input that makes a module work hardest, or fail; nothing is sent to a board')
    .argument('<file>', 'source or object of the module')
    .option('--runs <n>', 'inputs to try', wholeNumber(1), 2000)
    .option('--seed <n>', 'start of the random sequence', wholeNumber(1), 1)
    .addHelpText('after', '\nExample:\n  velocity evolve nightmare modules/udp-filter/udp-filter.c --json')
    .action((file: string, _own: unknown, command: Command) =>
      search(context, file, command.optsWithGlobals<NightmareFlags>()),
    );
};
