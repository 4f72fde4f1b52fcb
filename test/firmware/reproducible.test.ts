import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { root } from '../../firmware/index.ts';
import { loadOrCreateDevKey } from '../../firmware/sign.ts';

const parts = ['abi', 'boards', 'dts', 'firmware', 'kernel-aarch64', 'package.json', '.velocity/keys'];

/** Builds a copy of the tree in a folder of its own, from nothing, and returns its image. */
const buildElsewhere = (): Buffer => {
  const folder = mkdtempSync(join(tmpdir(), 'velocity-build-'));
  try {
    for (const part of parts) cpSync(join(root, part), join(folder, part), { recursive: true });
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
    execFileSync(process.execPath, ['--import', 'tsx', 'firmware/build-kernel.ts'], {
      cwd: folder,
      stdio: 'pipe',
    });
    return readFileSync(join(folder, 'build/kernel/Image'));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

test('two_builds_of_the_same_tree_are_byte_identical', (t) => {
  loadOrCreateDevKey();
  t.true(buildElsewhere().equals(buildElsewhere()));
});
