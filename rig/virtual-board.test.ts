/** What keeps a board from being emulated. */
import test from 'ava';
import { boardNamed } from '../boards/index.ts';
import { EmulatorError, unavailableReason } from './virtual-board.ts';

test('where_boards_are_not_emulated_nobody_is_sent_for_an_emulator', (t) => {
  const board = boardNamed('qemu-virt');
  t.regex(unavailableReason(board, undefined, 'win32') ?? '', /on Linux and macOS only/);
  t.regex(unavailableReason(board, undefined, 'linux') ?? '', /QEMU is not installed/);
  t.regex(unavailableReason(boardNamed('rpi5'), undefined, 'win32') ?? '', /no such machine/);
});

test('a_folder_whose_path_is_too_long_for_a_socket_is_said_to_be', (t) => {
  const said =
    "qemu-system-aarch64: UNIX socket path '/tmp/a/console' is too long\nPath must be less than 108 bytes\n";
  const board = boardNamed('qemu-virt');
  t.regex(new EmulatorError(board, 'status 1', said).hint ?? '', /TMPDIR/);
  t.is(new EmulatorError(board, 'status 1', 'no such machine').hint, undefined);
});
