/** From `--port` or `--board` to an open link: starts a virtual board when one is asked for, and ends it afterwards. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { chosenKey, signerOf } from '../firmware/sign.ts';
import { LinkTimeoutError, UnpluggedError, VelocityLink } from '../link/index.ts';
import type { VirtualBoard } from '../rig/index.ts';
import type { Context } from './context.ts';
import { UsageError } from './failure.ts';
import { type TrustOptions, trustOf } from './trust.ts';

/** The global options that say which board is meant. */
export type BoardOptions = TrustOptions & {
  readonly port?: string;
  readonly board?: string;
  readonly baud?: number;
};

/** What a board is called where there may be several. */
export const portOf = ({ port, board }: BoardOptions): string => port ?? board ?? 'board';

export const boardOptionsOf = (command: Command): BoardOptions => command.optsWithGlobals<BoardOptions>();

/** A virtual board is up within a second; emulating on a loaded machine takes longer. */
const BOOT_TIMEOUT_MS = 30_000;
/** A board behind a port runs already, or was started a moment ago. */
const READY_TIMEOUT_MS = 5000;
/** How long the emulator's end may lag behind the end of its socket. */
const POSTMORTEM_MS = 500;

/** A lost link on a virtual board is the symptom; the emulator's own words are the cause. */
const causeOf = async (error: unknown, board: VirtualBoard) => {
  if (!(error instanceof UnpluggedError || error instanceof LinkTimeoutError)) return error;
  return (await Promise.race([board.exited, sleep(POSTMORTEM_MS, undefined)])) ?? error;
};

const withVirtualBoard = async <T>(
  context: Context,
  name: string,
  trust: TrustOptions,
  use: (address: string) => Promise<T>,
): Promise<T> => {
  const { startBoard } = await import('./virtual.ts'); // half of the code of a short command, which real boards do not need
  const virtual = await startBoard(name, (text) => context.output.progress(text), trustOf(trust));
  const stop = context.cleanup.add(virtual.stop);
  try {
    return await use(virtual.address);
  } catch (error) {
    throw await causeOf(error, virtual);
  } finally {
    await stop();
  }
};

/** Calls `use` with the address of the board that the options name. */
export const withBoard = async <T>(
  context: Context,
  options: BoardOptions,
  use: (address: string, virtual: boolean) => Promise<T>,
): Promise<T> => {
  if (options.port && options.board) {
    throw new UsageError(
      '--port cannot be used with --board',
      'a real board has a port, a virtual one a name',
    );
  }
  if (options.port) return use(options.port, false);
  if (options.board)
    return withVirtualBoard(context, options.board, options, (address) => use(address, true));
  throw new UsageError('no board is named', 'add --port ADDRESS for a real board, or --board qemu-virt');
};

/** Opens a link that is closed at the latest when the command ends. */
export const openLink = async (
  context: Context,
  address: string,
  options: { baud?: number; key?: string; virtual?: boolean; onConsole?: (line: string) => void },
): Promise<VelocityLink> => {
  const link = await VelocityLink.open(address, {
    ...(options.baud ? { baudRate: options.baud } : {}),
    readyTimeoutMs: options.virtual ? BOOT_TIMEOUT_MS : READY_TIMEOUT_MS,
    ...(options.onConsole ? { onConsole: options.onConsole } : {}),
    signer: signerOf(() => chosenKey(options.key)),
  });
  const forget = context.cleanup.add(() => link.close());
  link.onClose(() => void forget());
  return link;
};

/** Calls `use` with an open link to the board that the options name, and closes everything afterwards. */
export const withLink = <T>(
  context: Context,
  options: BoardOptions,
  use: (link: VelocityLink) => Promise<T>,
  onConsole?: (line: string) => void,
): Promise<T> =>
  withBoard(context, options, async (address, virtual) => {
    const link = await openLink(context, address, {
      ...options,
      virtual,
      ...(onConsole ? { onConsole } : {}),
    });
    try {
      return await use(link);
    } finally {
      await link.close();
    }
  });
