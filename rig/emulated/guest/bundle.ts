/** Programs for the guest: one file each, below a folder that has the node_modules they need. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';

/** @returns the bundle's path for `use`; it is removed afterwards */
export const withBundle = async <T>(
  root: string,
  entry: string,
  use: (path: string) => Promise<T>,
): Promise<T> => {
  mkdirSync(join(root, 'build'), { recursive: true });
  const folder = mkdtempSync(join(root, 'build/guest-'));
  const outfile = join(folder, 'program.mjs');
  try {
    await build({
      entryPoints: [entry],
      outfile,
      bundle: true,
      platform: 'node',
      format: 'esm',
      external: ['usb'],
      logLevel: 'error',
    });
    return await use(outfile);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};
