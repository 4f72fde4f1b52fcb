import type { Board } from './board.ts';

/** QEMU's generic machine: hands over its own device tree. */
export const qemuVirt: Board = {
  name: 'qemu-virt',
  model: 'QEMU virt',
  soc: 'none',
  cpu: 'cortex-a72',
  cores: 4,
  boardClass: 'aarch64',
  bootPath: 'virtual',
  console: 'PL011 at 0x09000000',
  interruptController: 'gicv2',
  coreStart: 'psci',
  qemu: { machine: 'virt,gic-version=2', cpu: 'cortex-a72', memory: '256M', cores: 4, minimum: 7 },
  tried: 'emulated',
};
