/** The fields of a bench file. The reference in docs/how-to-rig.md is printed from here. */
import { boards, virtualBoards } from '../../boards/index.ts';
import type { GroupOf } from './schema.ts';

const seconds = { type: 'number', min: 0, max: 3600, optional: true } as const;

export const powerFields = {
  type: 'variant',
  doc: 'how the board is switched off and on; default: by hand, that is not at all',
  optional: true,
  of: {
    none: {},
    command: {
      on: { type: 'text', doc: 'shell command that switches it on', example: 'relay 3 on' },
      off: { type: 'text', doc: 'shell command that switches it off', example: 'relay 3 off' },
      off_seconds: { ...seconds, standard: 2, doc: 'how long it stays off' },
    },
    uhubctl: {
      hub: { type: 'text', doc: 'location of the hub, as uhubctl prints it', example: '1-1' },
      port: { type: 'number', min: 1, max: 32, doc: 'port of that hub' },
      off_seconds: { ...seconds, standard: 2, doc: 'how long it stays off' },
    },
  },
} as const;

const firmwareDir = {
  type: 'text',
  doc: "folder with the Raspberry Pi's own firmware",
  example: './firmware',
  optional: true,
} as const;

export const flashFields = {
  type: 'variant',
  doc: 'how the image gets onto it; default: none, that is, it boots what it has',
  optional: true,
  of: {
    none: {},
    usb: {
      location: {
        type: 'text',
        doc: 'USB port, as `velocity flash --list` prints it',
        example: '1-1.2',
        optional: true,
      },
      firmware_dir: firmwareDir,
    },
    fastboot: {
      address: { type: 'text', doc: 'tcp:HOST[:PORT] or udp:HOST[:PORT]', example: 'udp:192.168.1.5' },
      partition: {
        type: 'text',
        doc: 'partition to write; default: start from memory',
        example: 'boot',
        optional: true,
      },
    },
    'u-boot': {},
    disk: {
      to: {
        type: 'text',
        doc: 'disk of the card reader or SD multiplexer',
        example: '/dev/disk/by-id/usb-SDMUX',
      },
      firmware_dir: firmwareDir,
    },
    command: {
      run: {
        type: 'text',
        doc: 'shell command; $IMAGE, $MANIFEST and $DEVICE_TREE are paths',
        example: 'scp $IMAGE pi@lab:/srv/tftp/',
      },
    },
  },
} as const;

const lineFields = {
  drop_per_million: { type: 'number', min: 0, max: 1_000_000, doc: 'bytes that are lost', optional: true },
  flip_per_million: {
    type: 'number',
    min: 0,
    max: 1_000_000,
    doc: 'bytes of which a bit is turned over',
    optional: true,
  },
  seed: { type: 'number', min: 0, max: 2 ** 32 - 1, doc: 'which bytes', optional: true, standard: 1 },
} as const;

export const emulatedFields = {
  type: 'group',
  orTrue: true,
  optional: true,
  doc: 'true, or how QEMU stands in for it',
  fields: {
    image: {
      type: 'text',
      doc: 'Image or manifest.json to boot; default: the one of this release',
      example: './Image',
      optional: true,
    },
    device_tree: {
      type: 'text',
      doc: 'compiled device tree; default: the one of the board',
      example: './board.dtb',
      optional: true,
    },
    machine: { type: 'text', doc: 'machine of QEMU', example: 'virt,gic-version=3', optional: true },
    clock: {
      type: 'choice',
      of: ['counted', 'wall'],
      doc: 'counted: a nanosecond of board time is one instruction; wall: follow the host',
      optional: true,
    },
    line: { type: 'group', fields: lineFields, doc: 'noise on its serial line, both ways', optional: true },
  },
} as const;

export const boardFields = {
  board: { type: 'choice', of: Object.keys(boards), doc: 'which board it is' },
  serial: {
    type: 'text',
    doc: 'its console: device path, tcp:HOST:PORT or unix:PATH',
    example: '/dev/ttyUSB0',
    optional: true,
  },
  baud: {
    type: 'number',
    min: 300,
    max: 4_000_000,
    doc: 'speed of the serial port',
    optional: true,
    standard: 115_200,
  },
  power: powerFields,
  flash: flashFields,
  boot_seconds: {
    type: 'number',
    min: 1,
    max: 3600,
    doc: 'how long it may take to say ready',
    optional: true,
    standard: 60,
  },
  twin: {
    type: 'name or false',
    of: virtualBoards.map((board) => board.name),
    doc: 'emulated board that runs the same tests beside it; default: the emulated one of the same name, where there is one',
    optional: true,
  },
  emulated: emulatedFields,
} as const;

export type BoardEntry = GroupOf<typeof boardFields>;
export type Power = NonNullable<BoardEntry['power']>;
export type Flash = NonNullable<BoardEntry['flash']>;
export type Emulated = GroupOf<typeof emulatedFields.fields>;
export type LineFaults = GroupOf<typeof lineFields>;
