/** From a board's name to a running virtual board: build what changed, flash it, start the emulator. */
import { join } from 'node:path';
import { type Board, boardNamed } from '../boards/index.ts';
import {
  buildKernel,
  compileDeviceTree,
  isPackage,
  type Manifest,
  paths,
  requireTool,
} from '../firmware/index.ts';
import { chosenKey } from '../firmware/sign.ts';
import { flashVirtual, isFlashed, readImage, virtualImage } from '../flasher/index.ts';
import { startVirtualBoard, type VirtualBoard, type VirtualBoardOptions } from '../rig/index.ts';
import { installTools } from './system-packages.ts';
import type { Trust } from './trust.ts';

export type Say = (line: string) => void;

export const virtualStorage = (board: Board) => ({ folder: join(paths.state, 'boards', board.name) });

/** Builds the kernel and, where the board needs one, its device tree; installs missing tools first. */
export const buildFor = async (
  board: Board,
  say: Say,
  trust: Trust = {},
): Promise<{ manifest: Manifest; dtb: string | undefined }> => {
  if (!isPackage) installTools(['clang', 'lld', 'dtc'], say);
  const dtb = board.dts ? await compileDeviceTree(board.dts) : undefined;
  return { manifest: await buildKernel({ onProgress: say, ...trust }), dtb };
};

/** Builds, flashes where the storage holds another image, and starts the emulator. */
export const startBoard = async (
  name: string,
  say: Say = () => {},
  {
    key,
    policy,
    ...options
  }: Pick<VirtualBoardOptions, 'clock' | 'machine' | 'disk' | 'dtb' | 'uart' | 'extra'> & Trust = {},
): Promise<VirtualBoard & { manifest: Manifest }> => {
  const board = boardNamed(name);
  installTools(['qemu'], say);
  const { manifest, dtb } = await buildFor(board, say, { ...(key && { key }), ...(policy && { policy }) });
  const storage = virtualStorage(board);
  const image = readImage(paths.manifest, (key ?? chosenKey()).publicKey);
  if (!isFlashed(storage, image)) flashVirtual(board, storage, image);
  const running = await startVirtualBoard({
    board,
    image: virtualImage(storage),
    qemu: requireTool('qemu'),
    ...(dtb ? { dtb } : {}),
    ...options,
  });
  return { ...running, manifest };
};
