/** How this program starts itself: as TypeScript through tsx in a clone, as JavaScript in the installed package. */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from '../firmware/index.ts';

const isTypeScript = import.meta.url.endsWith('.ts');

/** Arguments that let Node.js load our sources. */
export const loaderArguments = (): string[] =>
  isTypeScript ? [`--import=${pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href}`] : [];

/** The path of one of our source files, as it is here. */
export const ownFile = (path: string): string =>
  join(root, isTypeScript ? path : path.replace(/\.ts$/, '.js'));

/** Arguments for Node.js that run the velocity command. */
export const ownCommand = (): string[] => [...loaderArguments(), ownFile('cli/main.ts')];
