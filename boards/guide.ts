/** What a person needs who starts a board for the first time: wiring, the way in, what is seen at each stage. */
import type { Board, BootPath } from './board.ts';

/** One thing that is seen on the way from power to ready. */
export type Stage = {
  readonly seen: string;
  readonly means: string;
  /** What to do when nothing more follows. */
  readonly ifItEndsHere: string;
};

export type Guide = {
  readonly title: string;
  /** How far this board was run. */
  readonly tried: string;
  readonly sections: readonly { readonly title: string; readonly lines: readonly string[] }[];
  readonly stages: readonly Stage[];
  /** What to send to the project when it stops. */
  readonly report: readonly string[];
};

const loader: Readonly<Record<BootPath, Stage>> = {
  virtual: {
    seen: 'nothing before the kernel',
    means: 'QEMU starts the Image itself',
    ifItEndsHere: 'run `velocity doctor`: QEMU may be missing or too old',
  },
  'raspberry-pi': {
    seen: "lines of the firmware (`uart_2ndstage=1` asks for them), and the green LED's blinking",
    means: 'the firmware reads config.txt, the kernel and the device tree',
    ifItEndsHere:
      'no line at all: check RXD and TXD, which cross, and 115200 baud; the LED blinks in groups: the firmware lacks a file, see its documentation; lines, but no kernel: the medium lacks kernel8.img or the firmware',
  },
  uefi: {
    seen: "the firmware's banner and its list of boot options",
    means: 'UEFI looks for EFI/BOOT/BOOTAA64.EFI on SD, USB and NVMe disks',
    ifItEndsHere:
      'check that the disk was written (`velocity flash --verify-only`) and comes first in the boot order',
  },
  'u-boot': {
    seen: 'the lines of U-Boot, then `Starting kernel ...`',
    means: 'U-Boot loads the Image by extlinux/extlinux.conf, or was told to by booti',
    ifItEndsHere: 'at a prompt: `velocity flash --u-boot --port PORT` sends the image there',
  },
};

const kernel: readonly Stage[] = [
  {
    seen: '`velocity VERSION: no device tree: the loader left 0x… in x0`',
    means: 'the kernel runs, and knows nothing of the board',
    ifItEndsHere:
      "put the board's .dtb on the medium and name it in config.txt (`device_tree=`), or to booti",
  },
  {
    seen: '`velocity VERSION starts at EL2: image at 0x…, device tree at 0x…`',
    means: 'first instructions, with the MMU still off; the address of the console came from the device tree',
    ifItEndsHere: 'the MMU did not come on: report the line, it holds what is needed',
  },
  {
    seen: '`start: crash record, device tree, interrupt controller, …`',
    means: 'each start-up level is named as it begins',
    ifItEndsHere: 'the last name is the level that hangs',
  },
  {
    seen: '`start-up failed at LEVEL: status N; halted`',
    means:
      'a level that is needed failed; the activity LED, where the device tree names one, blinks its number',
    ifItEndsHere:
      'look the status up in docs/reference/contract.md; the device tree lacks or misnames what the level needs',
  },
  {
    seen: '`crash on core N: …; resetting`',
    means: 'an exception; the board starts again and keeps the record',
    ifItEndsHere: 'when it comes up again: `velocity crash --port PORT` shows registers and place',
  },
  {
    seen: '`velocity VERSION BUILD ready on MODEL`, and the activity LED lit',
    means: 'the link is up',
    ifItEndsHere: '`velocity monitor --port PORT`; no answer: RXD and TXD may be crossed one way only',
  },
];

const withoutTree = (board: Board): boolean =>
  board.bootPath === 'raspberry-pi' || board.bootPath === 'u-boot';

const media = (board: Board): readonly string[] => {
  if (board.bootPath === 'virtual') return [`velocity flash --board ${board.name}`];
  const lines = [
    `velocity flash --board ${board.name} --to /dev/sdX      writes and verifies a card or disk`,
  ];
  if (board.bootPath === 'u-boot')
    lines.push('velocity flash --u-boot --port PORT      sends the image to the prompt of U-Boot');
  if (board.bootPath === 'raspberry-pi' && board.usbBoot)
    lines.push(
      `velocity flash --board ${board.name} --firmware-dir DIR      starts it over USB, from memory`,
    );
  return lines;
};

/** The guide of a board. */
export const boardGuide = (board: Board): Guide => ({
  title: `${board.model} (\`${board.name}\`)`,
  tried:
    board.tried === 'emulated'
      ? 'Starts in QEMU on every test run. Nobody has tried it on the board itself yet.'
      : 'Nobody has started it yet: what stands here comes from manuals and device trees.',
  sections: [
    {
      title: 'Console',
      lines: [board.console, ...(board.wiring ?? []), '115200 baud, 8N1, no flow control'],
    },
    { title: 'Get the image onto it', lines: media(board) },
    ...(board.bootMode ? [{ title: 'Into the boot mode of its USB ROM', lines: board.bootMode }] : []),
    ...(board.afterBootMode ? [{ title: 'What that mode is good for', lines: board.afterBootMode }] : []),
  ],
  stages: [loader[board.bootPath], ...(withoutTree(board) ? kernel : kernel.slice(1))],
  report: [
    'the whole console text from power-on (`velocity monitor --port PORT --log start.log`)',
    'board, its revision and its memory; how it was powered and started (card, USB, network)',
    "`velocity doctor --json` and the image's manifest (`build/kernel/manifest.json`)",
    'the device tree that the firmware hands over, where you can get at it',
    'what the activity LED does',
  ],
});
