/** Typed facts of each board. */
import type { Board } from './board.ts';
import { jetsonNano, jetsonOrinNano, jetsonOrinNx } from './jetson.ts';
import { cm3, cm4, cm5, rpi3aPlus, rpi3b, rpi4b, rpi5, rpi400, rpiZero2w } from './raspberry-pi.ts';
import { qemuVirt } from './virtual.ts';

export type { Board, BootPath, QemuMachine } from './board.ts';
export { boardGuide, type Guide } from './guide.ts';
export { isModel } from './model.ts';

const all: readonly Board[] = [
  qemuVirt,
  rpi3b,
  rpi4b,
  rpi3aPlus,
  rpiZero2w,
  cm3,
  rpi400,
  cm4,
  rpi5,
  cm5,
  jetsonNano,
  jetsonOrinNano,
  jetsonOrinNx,
];

/** Every board by its name. */
export const boards: Readonly<Record<string, Board>> = Object.fromEntries(
  all.map((board) => [board.name, board]),
);

/** Boards that QEMU can stand in for. */
export const virtualBoards: readonly Board[] = all.filter((board) => board.qemu);

/** No board has this name: lists the ones there are. */
export class UnknownBoardError extends Error {
  readonly code = 'unknown_board';
  constructor(name: string) {
    super(`no board is named ${name}; there are ${all.map((board) => board.name).join(', ')}`);
    this.name = 'UnknownBoardError';
  }
}

/** @throws UnknownBoardError */
export const boardNamed = (name: string): Board => {
  const board = Object.hasOwn(boards, name) ? boards[name] : undefined;
  if (!board) throw new UnknownBoardError(name);
  return board;
};
