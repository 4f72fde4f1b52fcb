/** How ava runs the tests of one board; see on-board.ts. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const isTypeScript = existsSync(fileURLToPath(new URL('on-board.ts', import.meta.url)));

export default {
  files: [`**/cli/rig/on-board.${isTypeScript ? 'ts' : 'js'}`],
  extensions: isTypeScript ? { ts: 'module' } : ['js'],
  require: isTypeScript ? ['tsx'] : [],
  workerThreads: false,
  cache: false,
  timeout: '60m',
};
