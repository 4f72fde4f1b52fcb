/** The command's code: JavaScript in the installed package, TypeScript through tsx in a clone. */
import './node-version.mjs';
import './folder.mjs';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const compiled = new URL('../run.js', import.meta.url);
const isCompiled = existsSync(fileURLToPath(compiled));
if (!isCompiled) (await import('tsx/esm/api')).register();
export const { main } = await import(isCompiled ? compiled.href : '../run.ts');
