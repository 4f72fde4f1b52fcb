/** Where sources and results lie, in a clone of the repository and in the installed package. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { userFolder } from './folder.ts';

/** Of the repository, or of the installed package. */
export const root = fileURLToPath(new URL('..', import.meta.url));

/** What the package brings ready-made, so that it needs no compiler; a clone has no such folder. */
export const prebuilt = join(root, 'prebuilt');
/** Whether this is the installed package: it has no sources of the kernel, and its folder may be read-only. */
export const isPackage = existsSync(prebuilt);

/** What this installation makes for itself: keys, storage of emulated boards, the ledger. */
const state = isPackage ? userFolder('XDG_STATE_HOME') : join(root, '.velocity');
const built = isPackage ? join(state, 'build') : join(root, 'build');

export const paths = {
  state,
  kernel: join(root, 'kernel-aarch64'),
  objects: join(built, 'obj'),
  programs: join(built, 'programs'),
  lock: join(built, 'lock'),
  elf: isPackage ? join(prebuilt, 'kernel.elf') : join(built, 'kernel/kernel.elf'),
  image: join(built, 'kernel/Image'),
  manifest: join(built, 'kernel/manifest.json'),
  dts: join(root, 'dts'),
  dtb: isPackage ? prebuilt : join(built, 'dtb'),
  wasm: isPackage ? join(prebuilt, 'velocity.wasm') : join(built, 'wasm/velocity.wasm'),
  keys: join(state, 'keys'),
} as const;
