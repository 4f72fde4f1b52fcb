/**
 * Writes the generated C headers. `tsx abi/generate.ts` writes them, `--check` only compares and exits 1 when one is stale.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { generatedFiles } from './generated.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

const read = (path: string) => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
};

/** Paths, relative to the root, of generated files that are missing or differ from what the contract generates. */
export const staleFiles = (): string[] =>
  Object.entries(generatedFiles())
    .filter(([path, text]) => read(join(root, path)) !== text)
    .map(([path]) => path);

const write = () => {
  for (const path of staleFiles()) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), generatedFiles()[path]!);
    process.stderr.write(`wrote ${path}\n`);
  }
};

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (!process.argv.includes('--check')) write();
  else if (staleFiles().length > 0) {
    process.stderr.write(`stale: ${staleFiles().join(', ')}; run npm run generate\n`);
    process.exitCode = 1;
  }
}
