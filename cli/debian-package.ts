/** Debian's packages, of any architecture, from the mirror that this machine is set up for; the system's own package state stays untouched. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../firmware/index.ts';
import { withLockSync } from '../firmware/lock.ts';

/** What somebody else made cannot be had here: says why in one sentence. */
export class NoPeerError extends Error {
  readonly code = 'missing_tool';
  readonly hint = 'this needs a Debian machine with apt and its mirror within reach';
  constructor(why: string) {
    super(`Debian's packages cannot be had: ${why}`);
    this.name = 'NoPeerError';
  }
}

export type Architecture = 'amd64' | 'arm64';

/** Lists, cache and status of our own, for the one architecture; sources and keys are the machine's. */
const configuration = (folder: string, architecture: Architecture): string => {
  const path = join(folder, 'apt.conf');
  for (const inside of ['lists/partial', 'cache/archives/partial']) {
    mkdirSync(join(folder, inside), { recursive: true });
  }
  writeFileSync(join(folder, 'status'), '');
  const lines = [
    '#clear APT::Update::Post-Invoke;',
    '#clear DPkg::Post-Invoke;',
    '#clear APT::Architectures;',
    `APT::Architecture "${architecture}";`,
    `APT::Architectures { "${architecture}"; };`,
    `Dir::State::Lists "${join(folder, 'lists')}";`,
    `Dir::State::status "${join(folder, 'status')}";`,
    `Dir::Cache "${join(folder, 'cache')}";`,
  ];
  writeFileSync(path, `${lines.join('\n')}\n`);
  return path;
};

const apt = (
  tool: 'apt-get' | 'apt-cache',
  { folder, config }: { folder: string; config: string },
  ...args: string[]
) => {
  // apt gives up where another one is at it
  const result = withLockSync(`${config}.lock`, () =>
    spawnSync(tool, ['-c', config, ...args], { cwd: folder, encoding: 'utf8', timeout: 600_000 }),
  );
  if (result.error) throw new NoPeerError(`${tool} does not run (${result.error.message})`);
  if (result.status === 0) return result.stdout;
  throw new NoPeerError(`${tool} ${args[0]} failed (${result.stderr.trim().split('\n').at(-1) ?? ''})`);
};

const updated = new Map<Architecture, { folder: string; config: string }>();

/** The configuration, with lists as the mirror has them now. */
const source = (architecture: Architecture) => {
  const before = updated.get(architecture);
  if (before) return before;
  const folder = join(root, 'build/peers/apt', architecture);
  const made = { folder, config: configuration(folder, architecture) };
  apt('apt-get', made, '-q', 'update');
  updated.set(architecture, made);
  return made;
};

/** What the mirror says of a package. @throws NoPeerError */
export const packageRecord = (name: string, architecture: Architecture): string =>
  apt('apt-cache', source(architecture), 'show', '--no-all-versions', name);

/** The same of its newest version, which apt takes by itself only from the release. @throws NoPeerError */
export const newestRecord = (name: string, architecture: Architecture): string =>
  apt('apt-cache', source(architecture), 'show', name).split(/\n\n+/)[0] ?? '';

/** Downloads a package, this version of it when one is named; returns the archive. @throws NoPeerError */
export const downloadPackage = (name: string, architecture: Architecture, version?: string): string => {
  const from = source(architecture);
  apt('apt-get', from, '-q', 'download', version ? `${name}=${version}` : name);
  const archive = readdirSync(from.folder).find(
    (file) => file.startsWith(`${name}_`) && file.endsWith('.deb'),
  );
  if (!archive) throw new NoPeerError(`apt-get left no file of ${name}`);
  return join(from.folder, archive);
};

/** A pattern without a file is no failure: packages differ from release to release. */
const HARMLESS = /Not found in archive|exit(ing)? .*(failure status|previous errors)/i;

/** Files of an archive that match tar's patterns, below a folder; the archive is removed. @throws NoPeerError */
export const unpackPackage = (archive: string, folder: string, patterns: readonly string[]): void => {
  mkdirSync(folder, { recursive: true });
  const script =
    'archive=$1 folder=$2; shift 2; dpkg-deb --fsys-tarfile "$archive" | tar -x -C "$folder" --wildcards "$@"';
  const { status, stderr } = spawnSync('sh', ['-c', script, 'sh', archive, folder, ...patterns], {
    encoding: 'utf8',
  });
  rmSync(archive, { force: true });
  const complaints = (stderr ?? '').split('\n').filter((line) => line.trim() !== '' && !HARMLESS.test(line));
  if (status === null || complaints.length > 0)
    throw new NoPeerError(`${archive} cannot be unpacked: ${complaints.at(-1) ?? 'no dpkg-deb'}`);
};

export const recordField = (record: string, name: string): string | undefined =>
  new RegExp(`^${name}: (.*)$`, 'm').exec(record)?.[1];

/** The package behind one that always names the newest kernel, e.g. linux-image-6.1.0-56-arm64 behind linux-image-arm64. */
export const kernelPackage = (record: string): { name: string; version: string } => {
  const name = /linux-image-[^ ,]+/.exec(recordField(record, 'Depends') ?? '')?.[0];
  const version = recordField(record, 'Version');
  if (!name || !version) throw new NoPeerError('this mirror has no kernel in a package of its own');
  return { name, version };
};
