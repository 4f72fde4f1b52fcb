/** A kernel that runs, as the flasher replaces it: the command and the page in the browser do it alike. */
import { createHash } from 'node:crypto';
import type { RunningBoard, UpdateFile } from '../../flasher/index.ts';
import type { VelocityLink } from '../../link/index.ts';

export const updateOf = (bytes: Uint8Array, build: string): UpdateFile => ({
  bytes,
  hash: createHash('sha256').update(bytes).digest(),
  build,
});

export const runningOf = (link: VelocityLink): RunningBoard => ({
  describe: () => link.describe(),
  info: () => link.info(),
  state: () => link.images.state(),
  upload: (file, onProgress) => link.images.upload(file, onProgress, 'memory'),
  arm: (hash) => link.images.test(hash, 'memory'),
  reset: () => link.reset(),
  onConsole: (listener) => link.onConsole(listener),
});

/** What a start from memory leaves behind. */
export const UNTIL_RESET = 'from memory: a reset brings the one before back';
