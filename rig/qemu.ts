/** How QEMU is called for a board. */
import { execFileSync } from 'node:child_process';
import type { Board, QemuMachine } from '../boards/index.ts';

export type QemuOptions = {
  readonly image: string;
  readonly dtb?: string;
  /** Path of the unix socket that carries the console. */
  readonly socket: string;
  /** Which of the machine's UARTs it is; 0 by default. On a Raspberry Pi, 1 is the mini-UART. */
  readonly uart?: 0 | 1;
  /**
   * `counted` (the default) makes one nanosecond of board time of each executed instruction, so that figures repeat;
   * `wall` lets board time follow the host's clock.
   */
  readonly clock?: 'counted' | 'wall';
  /** Replaces the machine of the board's facts, e.g. `virt,gic-version=3`. */
  readonly machine?: string;
  /** Path of a disk image for the board's boot medium: a virtio disk, or the SD card of a Raspberry Pi. */
  readonly disk?: string;
  readonly extra?: readonly string[];
  /** Path of a unix socket that takes orders to the emulator itself (QMP), for example to look at its cores. */
  readonly control?: string;
};

const clockArguments = (clock: 'counted' | 'wall') =>
  clock === 'counted' ? ['-icount', 'shift=0,sleep=off'] : [];

const diskArguments = (machine: string, disk: string): string[] => {
  const file = `format=raw,file=${disk.replaceAll(',', ',,')}`;
  if (!machine.startsWith('virt')) return ['-drive', `if=sd,${file}`];
  return ['-drive', `if=none,id=disk,${file}`, '-device', 'virtio-blk-device,drive=disk'];
};

export const qemuArguments = (board: Board & { qemu: QemuMachine }, options: QemuOptions): string[] => [
  '-M',
  options.machine ?? board.qemu.machine,
  ...(board.qemu.cpu ? ['-cpu', board.qemu.cpu] : []),
  '-smp',
  String(board.qemu.cores),
  '-m',
  board.qemu.memory,
  '-display',
  'none',
  '-monitor',
  'none',
  '-nodefaults',
  ...clockArguments(options.clock ?? 'counted'),
  '-chardev',
  `socket,id=console,path=${options.socket},server=on,wait=on`,
  ...(options.uart === 1 ? ['-serial', 'null'] : []),
  '-serial',
  'chardev:console',
  '-kernel',
  options.image,
  ...(options.dtb ? ['-dtb', options.dtb] : []),
  ...(options.control ? ['-qmp', `unix:${options.control},server=on,wait=off`] : []),
  ...(options.disk ? diskArguments(options.machine ?? board.qemu.machine, options.disk) : []),
  ...(options.extra ?? []),
];

/** Major version of a QEMU binary. @throws Error when it does not say. */
export const qemuVersion = (binary: string): number => {
  const said = execFileSync(binary, ['--version'], { encoding: 'utf8', timeout: 10_000 });
  const major = /version (\d+)\./.exec(said)?.[1];
  if (!major) throw new Error(`${binary} --version says ${JSON.stringify(said.slice(0, 80))}`);
  return Number(major);
};
