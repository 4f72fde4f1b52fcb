/** Boots Linux in QEMU with the init program, and reads what it measured. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { requireTool } from '../../../firmware/index.ts';
import { release, spawnLeashed } from '../../../rig/child.ts';
import { cpio } from './cpio.ts';
import type { LinuxKernel } from './linux-package.ts';
import { buildFolder, buildInit } from './natives.ts';
import { type LinuxLine, readConsole } from './record.ts';

/** Booting takes half a minute, measuring another one. */
const TIMEOUT_MS = 600_000;

/** The CPU and the clock of the virtual board, one core: the others would only idle. */
const machine = ['-M', 'virt,gic-version=2', '-cpu', 'cortex-a72', '-smp', '1', '-m', '512'];
const countedClock = ['-icount', 'shift=0,sleep=off'];
const quiet = ['-display', 'none', '-monitor', 'none', '-nodefaults', '-no-reboot'];

/** The first file system of Linux: a console, the first process and what it reads. */
export const initramfs = (init: string, programs: Uint8Array): Uint8Array =>
  cpio([
    { path: 'dev', folder: true },
    { path: 'dev/console', device: [5, 1] },
    { path: 'init', data: readFileSync(init), executable: true },
    { path: 'programs', data: programs },
  ]);

export type BootOptions = {
  /** A nanosecond an instruction, so that figures repeat; else as fast as it goes. */
  readonly counted: boolean;
  readonly signal?: AbortSignal;
};

/** Boots it with a file system, until it powers off, hangs or is called off; what it printed is in the file `log`. */
export const bootLinux = async (
  kernel: LinuxKernel,
  archive: string,
  log: string,
  { counted, signal }: BootOptions,
): Promise<void> => {
  const files = ['-kernel', kernel.image, '-initrd', archive, '-append', 'console=ttyAMA0 quiet panic=-1'];
  writeFileSync(log, '');
  const child = spawnLeashed(requireTool('qemu'), [
    ...machine,
    ...(counted ? countedClock : []),
    ...quiet,
    '-serial',
    `file:${log}`,
    ...files,
  ]);
  const exited = new Promise<'exited'>((resolve) => child.once('close', () => resolve('exited')));
  const timer = new AbortController();
  const ended = signal ? AbortSignal.any([timer.signal, signal]) : timer.signal;
  await Promise.race([exited, delay(TIMEOUT_MS, undefined, { signal: ended }).catch(() => undefined)]);
  timer.abort();
  await release(child, exited);
};

/** @throws Error when Linux does not get through; the console log is named */
export const runOnLinux = async (
  kernel: LinuxKernel,
  programs: Uint8Array,
): Promise<ReadonlyMap<string, LinuxLine>> => {
  const archive = join(buildFolder, 'initramfs.cpio');
  const log = join(buildFolder, 'console.log');
  writeFileSync(archive, initramfs(await buildInit(), programs));
  await bootLinux(kernel, archive, log, { counted: true });
  try {
    return readConsole(readFileSync(log, 'latin1'));
  } catch (cause) {
    throw new Error(`${(cause as Error).message} (${log})`, { cause });
  }
};
