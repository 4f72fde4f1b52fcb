import { type Command, InvalidArgumentError } from 'commander';
import type { ModuleProgram } from '../../ebpf/index.ts';
import {
  Detector,
  descentOf,
  drift,
  fileStore,
  type Hours,
  Ledger,
  Loop,
  LoopTrace,
  linkBoard,
  overBudget,
  parseHours,
  Schedule,
  sendTrace,
  sustainedAverage,
  type Target,
} from '../../evolve/index.ts';
import { chosenKey, type SigningKey } from '../../firmware/sign.ts';
import type { VelocityLink } from '../../link/index.ts';
import { type BoardOptions, boardOptionsOf, withLink } from '../connect.ts';
import type { Context } from '../context.ts';
import { narrate } from '../demo/narrate.ts';
import { detect } from '../detecting.ts';
import { ledgerOption } from '../ledger-option.ts';
import { nameOf, readProgram } from '../module-file.ts';
import { wholeNumber } from '../numbers.ts';
import { versionWith } from '../optimising.ts';
import { patchFor, push } from '../patching.ts';
import { type ModelOptions, proposersFor } from '../proposers.ts';
import { version } from '../version.ts';
import { registerEvolveHistory } from './evolve-history.ts';
import { registerEvolveNight } from './evolve-night.ts';
import { registerEvolveNightmare } from './evolve-nightmare.ts';

type EvolveOptions = ModelOptions & {
  readonly name?: string;
  readonly function?: string;
  readonly budget?: number;
  readonly attempts: number;
  readonly allowTested?: boolean;
  readonly readings: number;
  readonly nightly?: Hours;
  readonly quiet?: Hours;
  readonly leastGain?: number;
  readonly ledger: string;
  readonly otlp?: URL;
};

const rulesFor = ({ budget }: EvolveOptions) => [
  ...(budget === undefined ? [] : [overBudget(budget)]),
  sustainedAverage(),
  drift(),
];

/** As given, as it was optimised when it was loaded, or as earlier turns of the loop made it of one of these. */
const versionOf = async (
  { name, program }: Target,
  sha: Uint8Array,
  key: SigningKey,
  ledger: Ledger,
): Promise<ModuleProgram | undefined> => {
  const own = await versionWith(program, sha, key);
  if (own) return own;
  const made = descentOf(ledger, name, Buffer.from(sha).toString('hex'));
  for (const hash of made?.from ?? [])
    if (await versionWith(program, Buffer.from(hash, 'hex'), key)) return made?.program;
  return undefined;
};

/** The module as it runs. A virtual board starts empty: what is to be improved is loaded first. */
const targetOn = async (
  context: Context,
  link: VelocityLink,
  target: Target,
  key: SigningKey,
  ledger: Ledger,
): Promise<Target> => {
  const running = (await link.modules()).find((module) => module.name === target.name);
  if (running) {
    const program = await versionOf(target, running.sha, key, ledger);
    return program ? { ...target, program } : target; // the loop says what is wrong with another one
  }
  await push(link, await patchFor(link, target, key), key, { canary: false });
  const event = {
    event: 'load',
    module: target.name,
    insns: target.program.code.length / 8,
    source: 'the file given',
  };
  context.output.fact(event, narrate(event));
  return target;
};

/** A replacement has to be at least a hundredth faster, or the board takes it back. */
const canary = { ratio: 990 };

const urlOf = (text: string): URL => {
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return new URL(text);
  throw new InvalidArgumentError('expected an address, for example http://localhost:4318');
};

/** A receiver that is away costs the trace, and nothing else. */
const sendTo = async ({ output }: Context, endpoint: URL, trace: LoopTrace) => {
  try {
    await sendTrace(endpoint, trace.request(version()));
  } catch (error) {
    const { message, cause } = error as Error & { cause?: Error };
    output.note(`velocity: the trace was not sent: ${cause?.message ?? message}`);
  }
};

const evolve = (context: Context, file: string, options: EvolveOptions, board: BoardOptions) => {
  const name = nameOf(file, options.name);
  const { proposers, event } = proposersFor(options, context);
  const key = chosenKey(board.key);
  const ledger = new Ledger(fileStore(options.ledger));
  const tell = (e: { readonly event: string }) => context.output.fact(e, narrate(e));
  tell(event);
  return withLink(context, board, async (link) => {
    const given = { name, program: await readProgram(file, options.function) };
    const target = await targetOn(context, link, given, key, ledger);
    const detection = await detect(link, target.name, new Detector(rulesFor(options)), {
      readings: options.readings,
      signal: context.cleanup.signal,
      onReading: (reading, { calls, cycles }) =>
        context.output.progress(
          `reading ${reading}/${options.readings}: ${Math.round(Number(cycles) / Number(calls))} cycles a call`,
        ),
    });
    if (typeof detection === 'string')
      return tell({ event: 'rest', module: target.name, reason: detection } as never);
    const trace = new LoopTrace();
    const loop = new Loop({
      board: linkBoard(link),
      ledger,
      key,
      proposers,
      canary,
      attempts: options.attempts,
      schedule: new Schedule({
        ...(options.nightly ? { nightly: options.nightly } : {}),
        ...(options.quiet ? { quiet: options.quiet } : {}),
        ...(options.leastGain === undefined ? {} : { leastGain: options.leastGain }),
      }),
      policy: { assurance: options.allowTested ? 'tested' : 'proven' },
      onEvent: (e) => {
        trace.take(e);
        tell(e);
      },
      signal: context.cleanup.signal,
    });
    await loop.improve(target, detection).finally(() => options.otlp && sendTo(context, options.otlp, trace));
  });
};

/** `velocity evolve FILE`: one turn of the loop on one module. */
export const registerEvolve = (program: Command, context: Context): void => {
  const command = program
    .command('evolve')
    .description('watch a module, and when it is slow, find, prove, push and watch a faster version')
    .argument('<file>', 'source or object of the module as it runs on the board')
    .option('--name <name>', 'name on the board; default: name of the file')
    .option('--function <name>', 'which program of the file; needed when it holds several')
    .option('--budget <cycles>', 'most that a call may cost on average', wholeNumber(1))
    .option('--readings <n>', 'telemetry readings before it rests', wholeNumber(1), 8)
    .option('--attempts <n>', 'most proposals to judge', wholeNumber(1), 12)
    .option('--nightly <hours>', 'work only in these hours of the day, e.g. 02:00-05:00', parseHours)
    .option('--quiet <hours>', 'do not work in these hours of the day, e.g. 22:00-06:30', parseHours)
    .option('--least-gain <cycles>', 'rest when fewer cycles a second are to be expected', wholeNumber(1))
    .option('--allow-tested', 'also push what was tested but could not be proven equivalent')
    .option(
      '--model <model>',
      'language model to ask for proposals: a GGUF file, a name, or none; default: the shipped one',
    )
    .addOption(ledgerOption())
    .option('--otlp <address>', 'send an OpenTelemetry trace of the turn there, OTLP/HTTP with JSON', urlOf)
    .addHelpText('after', '\nExample:\n  velocity evolve modules/fir/fir.c --budget 150 --board qemu-virt')
    .action((file: string, options: EvolveOptions, command: Command) =>
      evolve(context, file, options, boardOptionsOf(command)),
    );
  registerEvolveHistory(command, context);
  registerEvolveNight(command, context);
  registerEvolveNightmare(command, context);
};
