/** NVIDIA Jetson boards. NVIDIA's own tools put the first boot stages on; from there the Image starts by U-Boot or UEFI. */
import type { Board } from './board.ts';

const NVIDIA = 0x0955;

/** Pin numbers differ between carrier boards: their names are printed beside them. */
const consolePins = (where: string) => [
  'a USB-to-serial adapter of 3.3 V; one of 5 V damages the module',
  `${where}; the names are printed beside the pins, and NVIDIA's carrier board specification has the drawing`,
  'GND to GND, UART TXD to RXD of the adapter, UART RXD to TXD of the adapter',
];

export const jetsonNano: Board = {
  name: 'jetson-nano',
  model: 'NVIDIA Jetson Nano',
  soc: 'Tegra210',
  cpu: 'cortex-a57',
  cores: 4,
  boardClass: 'aarch64',
  bootPath: 'u-boot',
  console: '16550 UARTA at 0x70006000, register shift 2',
  wiring: consolePins('header J44 of the carrier board A02, or the button header J50 of the B01'),
  interruptController: 'gicv2',
  coreStart: 'psci',
  usbBoot: [{ vendor: NVIDIA, product: 0x7f21 }],
  bootMode: [
    'power off',
    'bridge the recovery pins, FC REC and GND: J40 pins 3 and 4 (board A02) or J50 pins 9 and 10 (board B01)',
    'connect the micro-USB port to this computer, then power on by the barrel jack, with a jumper on J48',
  ],
  afterBootMode: [
    "only NVIDIA's own tools can write in this mode: run flash.sh of L4T 32.7 once, so that U-Boot is on the board",
    'remove the bridge, and write an SD card here: velocity flash --board jetson-nano --to /dev/sdX',
    'or send the image to its U-Boot prompt: velocity flash --u-boot --port /dev/ttyUSB0',
  ],
  tried: 'untried',
};

export const jetsonOrinNano: Board = {
  name: 'jetson-orin-nano',
  model: 'NVIDIA Jetson Orin Nano',
  soc: 'Tegra234',
  cpu: 'cortex-a78ae',
  cores: 6,
  boardClass: 'aarch64',
  bootPath: 'uefi',
  console: 'Tegra combined UART over HSP mailboxes',
  wiring: consolePins('the button header under the module, pins UART2_RX and UART2_TX'),
  interruptController: 'gicv3',
  coreStart: 'psci',
  usbBoot: [
    { vendor: NVIDIA, product: 0x7523 },
    { vendor: NVIDIA, product: 0x7623 },
  ],
  bootMode: [
    'power off',
    'bridge the pins FC REC and GND of the button header',
    'connect the USB-C port to this computer, then power on',
  ],
  afterBootMode: [
    "only NVIDIA's own tools can write in this mode: flash its QSPI memory once with L4T 35 or newer, so that UEFI is on the board",
    'remove the bridge, and write an SD card (of these modules only that of the Orin Nano developer kit has a slot), USB or NVMe disk here: velocity flash --board BOARD --to /dev/sdX',
  ],
  tried: 'untried',
};

export const jetsonOrinNx: Board = {
  ...jetsonOrinNano,
  name: 'jetson-orin-nx',
  model: 'NVIDIA Jetson Orin NX',
  cores: 8,
  usbBoot: [
    { vendor: NVIDIA, product: 0x7323 },
    { vendor: NVIDIA, product: 0x7423 },
  ],
};
