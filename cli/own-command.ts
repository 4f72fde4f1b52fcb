/** How this program starts itself: as TypeScript in a clone, as JavaScript in the installed package. */
import { join } from 'node:path';
import { root } from '../firmware/index.ts';

const isTypeScript = import.meta.url.endsWith('.ts');

/** Arguments that let Node.js load our sources. */
export const loaderArguments = (): string[] =>
  isTypeScript ? [`--import=${new URL('typescript/register.mjs', import.meta.url).href}`] : [];

/** The path of one of our source files, as it is here. */
export const ownFile = (path: string): string =>
  join(root, isTypeScript ? path : path.replace(/\.ts$/, '.js'));

/** Arguments for Node.js that run the velocity command. */
export const ownCommand = (): string[] => [...loaderArguments(), ownFile('cli/main.ts')];
