/** The pages' files: compiled when the package was made, or now from their sources. */
import { existsSync, readFileSync } from 'node:fs';

/** Entry of each page, below the root. */
export const pageEntries = {
  flash: 'cli/web/flash/main.ts',
  serial: 'monitor/web/page/serial.mjs',
} as const;

export type PageName = keyof typeof pageEntries;

/** Where the package has a page's code. */
export const builtScript = (name: PageName): URL => new URL(`built/${name}.js`, import.meta.url);

export const pageScript = async (name: PageName): Promise<string> => {
  const built = builtScript(name);
  if (existsSync(built)) return readFileSync(built, 'utf8');
  return (await import('./bundle.ts')).bundle(pageEntries[name]);
};
