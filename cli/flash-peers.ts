/** What others made and the flasher's tests meet: a Linux for a guest with a real USB stack, U-Boot for the Pi, balena's usbboot. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../firmware/index.ts';
import {
  downloadPackage,
  kernelPackage,
  NoPeerError,
  packageRecord,
  unpackPackage,
} from './debian-package.ts';
import { InstallError, installTools } from './system-packages.ts';

const FOLDER = join(root, 'build/peers');
/** Below it are boot/ and lib/modules/. */
export const guestKernelFolder = process.env.VELOCITY_GUEST_KERNEL || join(FOLDER, 'guest');
export const uBootForPi3 =
  process.env.U_BOOT_RPI_3 ?? join(FOLDER, 'u-boot-rpi/usr/lib/u-boot/rpi_3/u-boot.bin');
/** Below it is node_modules/. */
export const balenaFolder = process.env.VELOCITY_BALENA || join(FOLDER, 'balena');

type Say = (line: string) => void;

/** Of the 400 MB of a kernel package, what a guest with USB and this machine's files needs. */
const KERNEL_FILES = [
  './boot/vmlinuz-*',
  '*/lib/modules/*/modules.builtin*',
  '*/lib/modules/*/modules.order',
  ...['drivers/usb', 'drivers/virtio', 'fs/9p', 'fs/netfs', 'fs/fscache', 'net/9p'].map(
    (folder) => `*/lib/modules/*/kernel/${folder}/*`,
  ),
];

/** Debian 13 and newer have all of it below usr/. */
const linkModules = () => {
  if (!existsSync(join(guestKernelFolder, 'lib'))) symlinkSync('usr/lib', join(guestKernelFolder, 'lib'));
};

/** @throws NoPeerError */
const fetchGuestKernel = (say: Say): void => {
  if (existsSync(join(guestKernelFolder, 'boot'))) return;
  const { name, version } = kernelPackage(packageRecord('linux-image-amd64', 'amd64'));
  say(`downloading ${name}…`);
  unpackPackage(downloadPackage(name, 'amd64', version), guestKernelFolder, KERNEL_FILES);
  linkModules();
};

/** Debian has it for arm64 only. @throws NoPeerError */
const fetchUBootForPi3 = (say: Say): void => {
  if (existsSync(uBootForPi3)) return;
  say('downloading u-boot-rpi…');
  unpackPackage(downloadPackage('u-boot-rpi', 'arm64'), join(FOLDER, 'u-boot-rpi'), [
    './usr/lib/u-boot/rpi_3/*',
  ]);
};

const BALENA = 'node-raspberrypi-usbboot@1.1.12';
const INSTALL_MS = 300_000;

/** It brings a native library that is built already: no install script is run. @throws NoPeerError */
const fetchBalena = (say: Say): void => {
  if (existsSync(join(balenaFolder, 'node_modules/node-raspberrypi-usbboot'))) return;
  say(`installing ${BALENA}…`);
  mkdirSync(balenaFolder, { recursive: true });
  writeFileSync(join(balenaFolder, 'package.json'), '{ "private": true }\n');
  const { status, stderr } = spawnSync(
    'npm',
    ['install', '--ignore-scripts', '--no-audit', '--no-fund', BALENA],
    {
      cwd: balenaFolder,
      encoding: 'utf8',
      timeout: INSTALL_MS,
    },
  );
  if (status === 0) return;
  rmSync(balenaFolder, { recursive: true, force: true });
  throw new NoPeerError(
    `npm cannot install ${BALENA} (${(stderr ?? '').trim().split('\n').at(-1) || 'no npm'})`,
  );
};

/** Programs around a guest with a real USB stack; tests that need one that cannot be had are skipped. */
export const installGuestTools = (say: Say): void => {
  try {
    installTools(['qemuX86', 'busybox', 'cpio', 'kmod', 'udev', 'usbip'], say);
  } catch (error) {
    if (!(error instanceof InstallError)) throw error;
    say(`going on without: ${error.message}`);
  }
};

const steps = [fetchGuestKernel, fetchUBootForPi3, fetchBalena];

/** Each on its own: tests that need one that cannot be had are skipped, and say so. */
export const fetchFlashPeers = (say: Say): void => {
  for (const step of steps) {
    try {
      step(say);
    } catch (error) {
      if (!(error instanceof NoPeerError)) throw error;
      say(`going on without: ${error.message}`);
    }
  }
};
