/** Programs that tests and fuzzing compile from the kernel's sources, kept while no C of this tree, no flag and no compiler changes. */
import { createHash, randomInt } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { inParallel } from './parallel.ts';
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

const named = (name: string, from: readonly string[]): string => {
  const hash = createHash('sha256').update([identityOf('clang'), ...from].join('\0'));
  return join(paths.programs, `${name}-${hash.digest('hex').slice(0, HASH_DIGITS)}`);
};

const underWay = new Map<string, Promise<void>>();

/** Has clang write `output` where it is missing, once for all that ask in this process, and removes what had this name before. */
const make = (name: string, output: string, args: readonly string[]): Promise<void> => {
  if (existsSync(output)) return Promise.resolve();
  const begun = underWay.get(output) ?? write(name, output, args);
  underWay.set(output, begun);
  return begun;
};

const write = (name: string, output: string, args: readonly string[]): Promise<void> =>
  writeWhole(output, async (partial) => {
    await run(requireTool('clang'), [...args, '-o', partial], { cwd: root });
    const whole = new RegExp(`^${name}-[0-9a-f]{${HASH_DIGITS}}$`); // others may be at what is not: lld writes beside its output
    for (const other of readdirSync(paths.programs))
      if (whole.test(other)) rmSync(join(paths.programs, other), { force: true });
  });

/**
 * Path of what clang makes of these arguments, which name no output, from the root of the tree. Several may ask at once, also
 * for the same: each that has to compile publishes a whole file.
 * @throws MissingToolError, BuildError
 */
export const compiledProgram = async (name: string, args: readonly string[]): Promise<string> => {
  requireTool('clang');
  const output = named(name, [treeHash(), ...args]);
  if (existsSync(output)) return output;
  mkdirSync(paths.programs, { recursive: true });
  await make(name, output, args);
  return output;
};

/** What several processes begin at once they begin in different places, so that few compile the same. */
const inAnyOrder = <T>(items: readonly T[]): T[] => {
  const from = randomInt(items.length);
  return [...items.slice(from), ...items.slice(0, from)];
};

/**
 * As `compiledProgram`, of sources that several programs are made of: each is compiled once for all that have the same flags.
 * @throws MissingToolError, BuildError
 */
export const linkedProgram = async (
  name: string,
  flags: readonly string[],
  sources: readonly string[],
): Promise<string> => {
  requireTool('clang');
  const tree = treeHash();
  const output = named(name, [tree, ...flags, ...sources]);
  if (existsSync(output)) return output;
  mkdirSync(paths.programs, { recursive: true });
  const kind = createHash('sha256').update(flags.join('\0')).digest('hex').slice(0, 8);
  const objects = new Map(
    sources.map((source) => {
      const stem = `${relative(root, resolve(root, source)).replaceAll('/', '_')}-${kind}`;
      return [source, { stem, path: named(stem, [tree, ...flags, source]) }];
    }),
  );
  await inParallel(inAnyOrder([...objects]), 2, ([source, { stem, path }]) =>
    make(stem, path, [...flags, '-c', source]),
  );
  await make(name, output, [...flags, ...[...objects.values()].map(({ path }) => path)]);
  return output;
};
