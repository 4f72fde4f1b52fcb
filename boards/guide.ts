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

const PORT = '/dev/ttyUSB0';
const BOOT = 'https://github.com/raspberrypi/firmware';
const USBBOOT = 'https://github.com/raspberrypi/usbboot';

/** What may not be shipped, and where it is. */
const firmwareLines = ({ firmware, dts }: Board): readonly string[] => {
  if (!firmware) return [];
  const { files, tree } = firmware;
  const names = dts ? files.join(', ') : [...files, tree].join(', ');
  const own = dts ? `; with ${tree} too, that is used in place of velocity's own device tree` : '';
  return [
    `have a folder DIR with ${names}: they are in boot/ of ${BOOT}, and on the first partition of any Raspberry Pi OS card${own}`,
  ];
};

const cardLines = ({ name, firmware }: Board): readonly string[] => [
  'velocity flash --list      names the card in its reader, or the disk; those of this system are refused',
  `velocity flash --board ${name} --to /dev/sdX${firmware ? ' --firmware-dir DIR' : ''} --port ${PORT}      asks, erases, writes, verifies, and waits for the start on the serial line`,
  'put it into the board, and switch the board on',
];

const usbLines = ({ name, usbBoot, firmware, hasStorage }: Board): readonly string[] =>
  usbBoot && firmware
    ? [
        `over USB, from memory, with the second stage of ${USBBOOT} in DIR as well (bootcode*.bin, or bootfiles.bin): velocity flash --board ${name} --firmware-dir DIR --port ${PORT}`,
        ...(hasStorage
          ? [
              `its own storage, with a folder of ${USBBOOT} that shows it as a disk: velocity flash --board ${name} --mass-storage FOLDER --firmware-dir DIR --port ${PORT}`,
            ]
          : []),
      ]
    : [];

const media = (board: Board): readonly string[] => {
  const { name, bootPath } = board;
  if (bootPath === 'virtual') return [`velocity flash --board ${name}`];
  return [
    ...firmwareLines(board),
    ...cardLines(board),
    ...(bootPath === 'u-boot'
      ? [`at the prompt of U-Boot, from memory: velocity flash --u-boot --port ${PORT}`]
      : []),
    ...usbLines(board),
    `from then on, into the memory of the kernel that runs: velocity flash --board ${name} --port ${PORT}`,
  ];
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
