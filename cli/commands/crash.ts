import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { paths, readSymbols, type Symbols, sourceLines } from '../../firmware/index.ts';
import { RefusedError, type Response } from '../../link/index.ts';
import { boardOptionsOf, withLink } from '../connect.ts';
import type { Context } from '../context.ts';

type Crash = Response<'crash'>;

const hex = (value: bigint) => `0x${value.toString(16).padStart(16, '0')}`;

const registersOf = ({ regs }: Crash): bigint[] => {
  const bytes = Buffer.from(regs);
  return Array.from({ length: Math.floor(bytes.length / 8) }, (_, i) => bytes.readBigUInt64LE(i * 8));
};

/** Symbols of another build would name the wrong functions. */
const symbolsFor = (crash: Crash, elf: string): { symbols?: Symbols; remark?: string } => {
  if (!existsSync(elf))
    return { remark: `no symbols: there is no ${elf}; run velocity build, or name one with --elf` };
  const symbols = readSymbols(elf);
  if (symbols.buildId === crash.build) return { symbols };
  return {
    remark: `no symbols: ${elf} is build ${symbols.buildId.slice(0, 12)}, the crash is of ${crash.build.slice(0, 12)}`,
  };
};

const framesOf = ({ frames }: Crash): bigint[] => {
  const bytes = Buffer.from(frames);
  const all = Array.from({ length: Math.floor(bytes.length / 8) }, (_, i) => bytes.readBigUInt64LE(i * 8));
  const end = all.indexOf(0n);
  return end < 0 ? all : all.slice(0, end);
};

type Place = { readonly offset: bigint; readonly function: string | undefined; readonly line: string };

/** A return address belongs to the call before it. */
const placesOf = (crash: Crash, symbols: Symbols | undefined, elf: string): Place[] => {
  const offsets = [crash.elr, ...framesOf(crash).map((address) => address - 4n)];
  const lines = symbols ? sourceLines(elf, offsets) : [];
  const places = offsets.map((offset, i) => {
    const found = symbols?.at(offset);
    const name = found && `${found.name}+0x${found.offset.toString(16)}`;
    return { offset, function: name, line: lines[i] ?? '' };
  });
  return places.filter((_, i) => i !== 1 || !isOwnCall(offsets, symbols));
};

/** The first address is x30: of a function that has called others it is only where the last of them returned to. */
const isOwnCall = ([at, from, caller]: readonly bigint[], symbols: Symbols | undefined) =>
  from === caller || (from !== undefined && symbols?.at(from)?.name === symbols?.at(at!)?.name);

const describePlace = ({ offset, function: name, line }: Place) =>
  `image+0x${offset.toString(16)}${name ? ` in ${name}` : ''}${line ? `  ${line}` : ''}`;

const report = ({ output }: Context, crash: Crash, elf: string) => {
  const { symbols, remark } = symbolsFor(crash, elf);
  const [at, ...backtrace] = placesOf(crash, symbols, elf);
  const registers = registersOf(crash);
  const { regs: _, frames: __, log, ...facts } = crash;
  const events = log.split('\n').filter((line) => line !== '');
  output.fact(
    {
      event: 'crash',
      ...facts,
      function: at!.function,
      line: at!.line,
      backtrace,
      events,
      remark,
      registers: registers.map(hex),
    },
    [
      `${crash.reason} on core ${crash.core}, build ${crash.build}`,
      `  at   ${describePlace(at!)}`,
      ...backtrace.map((place) => `  from ${describePlace(place)}`),
      `  esr  ${hex(crash.esr)}  far ${hex(crash.far)}  spsr ${hex(crash.spsr)}`,
      ...registers.map((value, i) => `  x${String(i).padEnd(3)} ${hex(value)}`),
      ...(crash.module ? [`  module that ran last: ${crash.module} version ${crash.module_version}`] : []),
      ...events.map((line) => `  before: ${line}`),
      ...(remark ? [remark] : []),
    ].join('\n'),
  );
};

const recordOf = async (read: Promise<Crash>): Promise<Crash | undefined> => {
  try {
    return await read;
  } catch (error) {
    if (error instanceof RefusedError && error.status === 'no_entry') return undefined;
    throw error;
  }
};

/** `velocity crash show`: what the last reset left behind. */
export const registerCrash = (program: Command, context: Context): void => {
  const crash = program
    .command('crash')
    .description('read the record that a crash of the kernel left behind');
  crash
    .command('show')
    .description(
      'print the crash record: exception, functions and source lines, registers, module, latest events',
    )
    .option('--elf <file>', 'linked kernel with symbols; default: the one of the last build')
    .addHelpText('after', '\nExample:\n  velocity crash show --port /dev/ttyUSB0')
    .action(async (options: { elf?: string }, command: Command) => {
      const record = await withLink(context, boardOptionsOf(command), (link) => recordOf(link.crash()));
      if (record) report(context, record, options.elf ?? paths.elf);
      else context.output.fact({ event: 'no_crash' }, 'the board has no crash record');
    });
};
