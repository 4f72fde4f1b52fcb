/** Programs that tests and fuzzing compile from the kernel's sources, kept while no C of this tree, no flag and no compiler changes. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { paths, root } from './paths.ts';
import { identityOf, requireTool, run } from './toolchain.ts';
import { writeWhole } from './write.ts';

/** Of the hash in a program's name. */
const HASH_DIGITS = 24;

/** Whatever such a program may include lies here. */
const FOLDERS = ['kernel-aarch64', 'ebpf', 'test'];

/** Of all that C is made of, wherever it is used: sources include each other. */
const treeHash = (): string => {
  const hash = createHash('sha256');
  for (const folder of FOLDERS) {
    const files = readdirSync(join(root, folder), { recursive: true }) as string[];
    for (const file of files.filter((name) => /\.(c|h|inc|S)$/.test(name)).sort())
      hash.update(`\0${folder}/${file}\0`).update(readFileSync(join(root, folder, file)));
  }
  return hash.digest('hex');
};

/**
 * Path of what clang makes of these arguments, which name no output, from the root of the tree. Several may ask at once, also
 * for the same: each that has to compile publishes a whole file.
 * @throws MissingToolError, BuildError
 */
export const compiledProgram = async (name: string, args: readonly string[]): Promise<string> => {
  const clang = requireTool('clang');
  const hash = createHash('sha256').update([treeHash(), identityOf('clang'), ...args].join('\0'));
  const output = join(paths.programs, `${name}-${hash.digest('hex').slice(0, HASH_DIGITS)}`);
  if (existsSync(output)) return output;
  mkdirSync(paths.programs, { recursive: true });
  await writeWhole(output, async (partial) => {
    await run(clang, [...args, '-o', partial], { cwd: root });
    const whole = new RegExp(`^${name}-[0-9a-f]{${HASH_DIGITS}}$`); // others may be at what is not: lld writes beside its output
    for (const other of readdirSync(paths.programs))
      if (whole.test(other)) rmSync(join(paths.programs, other), { force: true });
  });
  return output;
};
