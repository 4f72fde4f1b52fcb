/** Boards that QEMU stands in for. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Board, QemuMachine } from '../boards/index.ts';
import { release, spawnLeashed } from './child.ts';
import { emulatedTree } from './device-tree.ts';
import { qemuArguments, qemuVersion } from './qemu.ts';

export { qemuVersion } from './qemu.ts';

/** The board cannot be emulated here: says what is missing. */
export class BoardUnavailableError extends Error {
  readonly code = 'board_unavailable';
  constructor(board: Board, reason: string) {
    super(`${board.name}: ${reason}`);
    this.name = 'BoardUnavailableError';
  }
}

/** QEMU says there how it begins, too. */
const complaints = (output: string): string => output.replace(/^.*: info: .*$\n?/gm, '').trim();

/** The emulator ended by itself: carries what it printed. */
export class EmulatorError extends Error {
  readonly code = 'emulator_died';
  readonly hint: string | undefined;
  constructor(board: Board, status: string, output: string) {
    super(`the emulator of ${board.name} ended (${status}): ${complaints(output) || 'it printed nothing'}`);
    this.name = 'EmulatorError';
    if (/socket path .* is too long/i.test(output)) this.hint = 'set TMPDIR to a folder with a shorter path';
  }
}

export type VirtualBoardOptions = {
  readonly board: Board;
  /** Path of the Image to start. */
  readonly image: string;
  /** Path of the compiled device tree, for boards whose loader brings none. */
  readonly dtb?: string;
  /** Full path of qemu-system-aarch64. */
  readonly qemu: string;
  readonly clock?: 'counted' | 'wall';
  /** As in QemuOptions. */
  readonly uart?: 0 | 1;
  readonly machine?: string;
  /** Path of a disk image: the board's boot medium. */
  readonly disk?: string;
  readonly extra?: readonly string[];
};

export type VirtualBoard = {
  readonly board: Board;
  /** `unix:PATH`: the console. The board starts when the first client connects, so that no line is lost. */
  readonly address: string;
  /** Path of the socket for orders to the emulator itself; see control.ts. */
  readonly control: string;
  readonly pid: number;
  /** Resolves with an error when the emulator ends by itself, with undefined after stop(). */
  readonly exited: Promise<EmulatorError | undefined>;
  /** Ends the emulator and removes its files. May be called twice. */
  readonly stop: () => Promise<void>;
};

/** Why this board cannot be emulated with this QEMU; undefined when it can. */
export const unavailableReason = (
  board: Board,
  qemu: string | undefined,
  platform = process.platform,
): string | undefined => {
  if (!board.qemu) return 'QEMU has no such machine; connect a real one';
  if (platform === 'win32') return 'boards are emulated on Linux and macOS only; connect a real one';
  if (!qemu) return 'QEMU is not installed; run `velocity doctor --fix`';
  const version = qemuVersion(qemu);
  if (version >= board.qemu.minimum) return undefined;
  return `needs QEMU ${board.qemu.minimum} or newer, this is ${version}; see velocity doctor`;
};

const emulated = (options: VirtualBoardOptions): Board & { qemu: QemuMachine } => {
  const reason = unavailableReason(options.board, options.qemu);
  if (reason) throw new BoardUnavailableError(options.board, reason);
  return options.board as Board & { qemu: QemuMachine };
};

/** A machine that does much else may take a while to start it. */
const START_MS = 60_000;

const waitForSocket = async (path: string, ended: () => boolean) => {
  for (const end = performance.now() + START_MS; performance.now() < end && !existsSync(path) && !ended(); )
    await delay(10);
};

const treeIn = (folder: string, dtb: string): string => {
  const path = join(folder, 'tree.dtb');
  writeFileSync(path, emulatedTree(readFileSync(dtb)));
  return path;
};

/** Starts the emulator and returns once its console can be connected to. @throws BoardUnavailableError, EmulatorError */
export const startVirtualBoard = async (options: VirtualBoardOptions): Promise<VirtualBoard> => {
  const board = emulated(options);
  const folder = mkdtempSync(join(tmpdir(), 'velocity-'));
  const socket = join(folder, 'console');
  const control = join(folder, 'control');
  const dtb = options.dtb && treeIn(folder, options.dtb);
  const child = spawnLeashed(
    options.qemu,
    qemuArguments(board, { ...options, ...(dtb && { dtb }), socket, control }),
  );
  let output = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    output = (output + chunk).slice(-4000);
  });
  let stopping = false;
  let ended = false;
  const exited = new Promise<EmulatorError | undefined>((resolve) => {
    const end = (status: string) => {
      ended = true;
      child.stdin?.destroy();
      rmSync(folder, { recursive: true, force: true });
      resolve(stopping ? undefined : new EmulatorError(board, status, output));
    };
    child.once('error', (cause) => end(String(cause)));
    child.once('close', (code, signal) => end(signal ?? `status ${code}`));
  });
  const stop = async () => {
    stopping = true;
    await release(child, exited);
  };
  await waitForSocket(socket, () => ended);
  if (ended || !existsSync(socket)) {
    stopping = ended ? stopping : true;
    const error = (await (ended ? exited : stop())) as EmulatorError | undefined;
    throw error ?? new EmulatorError(board, 'its console did not appear', output);
  }
  return { board, address: `unix:${socket}`, control, pid: child.pid!, exited, stop };
};
