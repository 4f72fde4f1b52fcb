/** Where sources and results lie, from the root of the repository or of the installed package. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));
export const paths = {
  kernel: join(root, 'kernel-aarch64'),
  objects: join(root, 'build/obj'),
  lock: join(root, 'build/lock'),
  elf: join(root, 'build/kernel/kernel.elf'),
  image: join(root, 'build/kernel/Image'),
  manifest: join(root, 'build/kernel/manifest.json'),
  dts: join(root, 'dts'),
  dtb: join(root, 'build/dtb'),
  keys: join(root, '.velocity/keys'),
} as const;
