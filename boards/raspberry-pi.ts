/** Raspberry Pi boards. USB ids: Raspberry Pi usbboot; cores, consoles and interrupts: the firmware's device trees. */
import type { Board } from './board.ts';

const BROADCOM = 0x0a5c;

/** Pins of the 40-pin header: Raspberry Pi documentation, "GPIO and the 40-pin header". */
const header = [
  'a USB-to-serial adapter of 3.3 V; one of 5 V damages the SoC',
  'header pin 6 (GND) to GND of the adapter',
  'header pin 8 (GPIO 14, TXD) to RXD of the adapter',
  'header pin 10 (GPIO 15, RXD) to TXD of the adapter',
  "do not connect the adapter's 5 V or 3.3 V pin: the board has its own supply",
];

/** The GPIO header of a compute module is that of its IO board. */
const ioBoard = ['the same header is on the IO board', ...header];

/** Raspberry Pi 3-pin Debug Connector Specification (RP-003139-SP). */
const debugConnector = [
  'the 3-pin debug connector between the HDMI ports, with a Raspberry Pi Debug Probe or any adapter of 3.3 V',
  'pin 1 (RX of the board) to TXD of the adapter',
  'pin 2 to GND of the adapter',
  'pin 3 (TX of the board) to RXD of the adapter',
];

const bcm2837 = {
  soc: 'BCM2837',
  cpu: 'cortex-a53',
  cores: 4,
  boardClass: 'aarch64',
  bootPath: 'raspberry-pi',
  console: 'PL011 at 0x3f201000, or mini-UART at 0x3f215040 where Bluetooth has the PL011',
  wiring: header,
  interruptController: 'bcm2836',
  coreStart: 'spin-table',
  tried: 'untried',
} as const satisfies Partial<Board>;

const files2837 = ['bootcode.bin', 'start.elf', 'fixup.dat'];
const files2711 = ['start4.elf', 'fixup4.dat'];
/** The trees are for the first chips; the firmware lays this over them on a D0, which has its console on another interrupt. */
const files2712 = ['overlays/bcm2712d0.dtbo'];

const usb2837 = [{ vendor: BROADCOM, product: 0x2764 }] as const;

const bcm2711 = {
  soc: 'BCM2711',
  cpu: 'cortex-a72',
  cores: 4,
  boardClass: 'aarch64',
  bootPath: 'raspberry-pi',
  console: 'PL011 at 0xfe201000, or mini-UART at 0xfe215040 where Bluetooth has the PL011',
  wiring: header,
  interruptController: 'gicv2',
  coreStart: 'spin-table',
  usbBoot: [{ vendor: BROADCOM, product: 0x2711 }],
  tried: 'untried',
} as const satisfies Partial<Board>;

const bcm2712 = {
  soc: 'BCM2712',
  cpu: 'cortex-a76',
  cores: 4,
  boardClass: 'aarch64',
  bootPath: 'raspberry-pi',
  console: 'PL011 at 0x107d001000, on the 3-pin debug header',
  wiring: debugConnector,
  interruptController: 'gicv2',
  coreStart: 'psci',
  usbBoot: [{ vendor: BROADCOM, product: 0x2712 }],
  tried: 'untried',
} as const satisfies Partial<Board>;

export const rpi3b: Board = {
  ...bcm2837,
  name: 'rpi3b',
  firmware: { files: files2837, tree: 'bcm2710-rpi-3-b.dtb' },
  model: 'Raspberry Pi 3 Model B',
  dts: 'rpi3b',
  qemu: { machine: 'raspi3b', memory: '1G', cores: 4, minimum: 5 },
  tried: 'emulated',
};

export const rpi4b: Board = {
  ...bcm2711,
  name: 'rpi4b',
  firmware: { files: files2711, tree: 'bcm2711-rpi-4-b.dtb' },
  model: 'Raspberry Pi 4 Model B',
  dts: 'rpi4b',
  qemu: { machine: 'raspi4b', memory: '2G', cores: 4, minimum: 9 },
  tried: 'emulated',
  bootMode: [
    'only boards whose one-time memory selects a GPIO for it start in this mode; that change is permanent, and velocity does not make it',
    'without it write an SD card: --to DISK',
  ],
};

export const rpi3aPlus: Board = {
  ...bcm2837,
  name: 'rpi3a-plus',
  firmware: { files: files2837, tree: 'bcm2710-rpi-3-b-plus.dtb' },
  model: 'Raspberry Pi 3 Model A+',
  usbBoot: usb2837,
  bootMode: [
    'take the SD card out',
    'connect the USB port to this computer by a cable from type A to type A',
  ],
};
export const rpiZero2w: Board = {
  ...bcm2837,
  name: 'rpi-zero2w',
  firmware: { files: files2837, tree: 'bcm2710-rpi-zero-2-w.dtb' },
  model: 'Raspberry Pi Zero 2 W',
  usbBoot: usb2837,
  bootMode: ['take the SD card out', 'connect the USB port (not the power port) to this computer'],
};
export const cm3: Board = {
  ...bcm2837,
  name: 'cm3',
  firmware: { files: files2837, tree: 'bcm2710-rpi-cm3.dtb' },
  hasStorage: true,
  wiring: ioBoard,
  model: 'Raspberry Pi Compute Module 3',
  usbBoot: usb2837,
  bootMode: [
    'power off',
    'set the jumper J4 (USB SLAVE BOOT ENABLE) of the IO board to pins 1 and 2',
    'connect its micro-USB port J15 (USB SLAVE) to this computer, then power on',
  ],
};
export const rpi400: Board = {
  ...bcm2711,
  name: 'rpi400',
  firmware: { files: files2711, tree: 'bcm2711-rpi-400.dtb' },
  model: 'Raspberry Pi 400',
  bootMode: [
    'only boards whose one-time memory selects a GPIO for it start in this mode; that change is permanent, and velocity does not make it',
    'without it write an SD card: --to DISK',
  ],
};
export const cm4: Board = {
  ...bcm2711,
  name: 'cm4',
  firmware: { files: files2711, tree: 'bcm2711-rpi-cm4.dtb' },
  hasStorage: true,
  wiring: ioBoard,
  model: 'Raspberry Pi Compute Module 4',
  bootMode: [
    'power off',
    'fit the jumper nRPIBOOT of the IO board',
    'connect its micro-USB port to this computer, then power on',
  ],
};
export const rpi5: Board = {
  ...bcm2712,
  name: 'rpi5',
  firmware: { files: files2712, tree: 'bcm2712-rpi-5-b.dtb' },
  model: 'Raspberry Pi 5',
  bootMode: [
    'unplug the USB-C cable; a shutdown is not enough',
    'hold the power button',
    'connect USB-C to a USB 3 port of this computer (900 mA or more), then let go',
  ],
};
export const cm5: Board = {
  ...bcm2712,
  name: 'cm5',
  firmware: { files: files2712, tree: 'bcm2712-rpi-cm5-cm5io.dtb' },
  hasStorage: true,
  wiring: [
    'the module has pads for a 3-pin debug connector, as the Raspberry Pi 5 has it, and none is fitted; nor is one on the IO board',
    ...debugConnector.slice(1),
  ],
  model: 'Raspberry Pi Compute Module 5',
  bootMode: [
    'power off',
    'fit the jumper nRPIBOOT of the IO board',
    'connect its USB-C port to this computer',
  ],
};
