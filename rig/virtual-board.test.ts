/** What keeps a board from being emulated. */
import test from 'ava';
import { boardNamed } from '../boards/index.ts';
import { unavailableReason } from './virtual-board.ts';

test('where_boards_are_not_emulated_nobody_is_sent_for_an_emulator', (t) => {
  const board = boardNamed('qemu-virt');
  t.regex(unavailableReason(board, undefined, 'win32') ?? '', /on Linux and macOS only/);
  t.regex(unavailableReason(board, undefined, 'linux') ?? '', /QEMU is not installed/);
  t.regex(unavailableReason(boardNamed('rpi5'), undefined, 'win32') ?? '', /no such machine/);
});
