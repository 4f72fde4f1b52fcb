/** Writes results so that whoever reads them at the same time sees the old file or the new one, never half of one. */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** Leaves a file alone that is right already. */
export const writeChanged = (path: string, bytes: Uint8Array): void => {
  if (existsSync(path) && readFileSync(path).equals(bytes)) return;
  mkdirSync(dirname(path), { recursive: true });
  const partial = `${path}.${process.pid}`;
  writeFileSync(partial, bytes);
  renameSync(partial, path);
};
