/** How the tests run. What takes longest begins, so that no worker has a long file left when the other one is done. */
import { existsSync } from 'node:fs';

/** Those that work or wait longest; which is longest of them hangs on the machine. */
const long = [
  'test/media/loaders',
  'test/jit/vectors',
  'test/board/vectors',
  'test/rig/planted',
  'test/verifier/oracle',
  'test/trust/update',
  'test/trust/card',
  'test/web/live',
  'rig/emulated/guest/guest',
  'models/train/train',
  'test/board/watchdog',
  'test/board/first-start',
  'test/board/takeover',
  'test/verifier/certificates',
  'test/package/package',
  'test/firmware/reproducible',
].map((name) => `${name}.test.ts`);

for (const name of long)
  if (!existsSync(new URL(name, import.meta.url)))
    throw new Error(`ava.config.mjs names ${name}, which is not there`);

const rank = (file) => {
  const at = long.findIndex((name) => file.replaceAll('\\', '/').endsWith(name));
  return at < 0 ? long.length : at;
};

export default {
  extensions: { ts: 'module' },
  workerThreads: false,
  require: ['tsx'], // once ava is there: loaded through it, ava takes a third of a second more for every file
  files: ['**/*.test.ts', '!build/**', '!dist/**', '!node_modules/**'],
  timeout: '5m',
  concurrency: 3, // on two processors, as many tests wait for boards, lines and each other's builds
  sortTestFiles: (a, b) => rank(a) - rank(b) || (a < b ? -1 : 1),
};
