import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { buildKernel, paths, root, run } from '../../firmware/index.ts';
import { loadOrCreateDevKey } from '../../firmware/sign.ts';

const parts = ['abi', 'boards', 'dts', 'firmware', 'kernel-aarch64', 'package.json', '.velocity/keys'];

/** Builds a copy of the tree in a folder of its own, from nothing, and returns its image. */
const buildElsewhere = async (): Promise<Buffer> => {
  const folder = mkdtempSync(join(tmpdir(), 'velocity-build-'));
  try {
    for (const part of parts) cpSync(join(root, part), join(folder, part), { recursive: true });
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
    await run(process.execPath, ['--import', 'tsx', 'firmware/build-kernel.ts'], { cwd: folder });
    return readFileSync(join(folder, 'build/kernel/Image'));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

test('two_builds_of_the_same_tree_are_byte_identical', async (t) => {
  t.timeout(600_000);
  const key = loadOrCreateDevKey();
  const manifest = await buildKernel({ key });
  const here = readFileSync(paths.image);
  t.is(createHash('sha256').update(here).digest('hex'), manifest.image.sha256);
  t.true((await buildElsewhere()).equals(here), 'in another folder, from nothing');
});
