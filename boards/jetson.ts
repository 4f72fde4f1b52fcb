/** NVIDIA Jetson boards. NVIDIA's own tools put the first boot stages on; from there the Image starts by U-Boot or UEFI. */
import type { Board } from './board.ts';

const NVIDIA = 0x0955;

export const jetsonNano: Board = {
  name: 'jetson-nano',
  model: 'NVIDIA Jetson Nano',
  soc: 'Tegra210',
  cpu: 'cortex-a57',
  cores: 4,
  boardClass: 'aarch64',
  bootPath: 'u-boot',
  console: '16550 UARTA at 0x70006000, register shift 2',
  interruptController: 'gicv2',
  coreStart: 'psci',
  usbBoot: [{ vendor: NVIDIA, product: 0x7f21 }],
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
  interruptController: 'gicv3',
  coreStart: 'psci',
  usbBoot: [
    { vendor: NVIDIA, product: 0x7523 },
    { vendor: NVIDIA, product: 0x7623 },
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
