/**
 * Device trees that loaders hand to the kernel, which differ from those of dts/ in what stands where and in what is left out: those
 * of Linux, from Debian's package of its newest kernel for arm64.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  downloadPackage,
  kernelPackage,
  NoPeerError,
  newestRecord,
  unpackPackage,
} from '../../cli/debian-package.ts';
import { withLockSync } from '../../firmware/lock.ts';
import { buildFolder } from '../bench/peers/natives.ts';

const folder = join(buildFolder, 'trees');

/** Paths by vendor and name, e.g. `broadcom/bcm2711-rpi-4-b`; remove build/peers/trees to look for newer ones. */
export type LoaderTrees = { readonly missing?: string; readonly path: (name: string) => string };

const FETCHED = join(folder, 'package');

/** The folder that they are in. */
const fetch = (): string => {
  if (!existsSync(FETCHED)) {
    const { name, version } = kernelPackage(newestRecord('linux-image-arm64', 'arm64'));
    const archive = downloadPackage(name, 'arm64', version);
    unpackPackage(archive, folder, ['*/broadcom/bcm2*.dtb', '*/nvidia/*.dtb']);
    writeFileSync(FETCHED, name);
  }
  return join(folder, 'usr/lib', readFileSync(FETCHED, 'utf8'));
};

/** `missing` says in a sentence why there are none. */
export const loaderTrees = (): LoaderTrees => {
  try {
    mkdirSync(folder, { recursive: true });
    const within = withLockSync(`${folder}.lock`, fetch);
    return { path: (name) => join(within, `${name}.dtb`) };
  } catch (error) {
    if (!(error instanceof NoPeerError)) throw error;
    return { missing: error.message, path: (name) => name };
  }
};
