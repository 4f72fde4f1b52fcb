/** Debian's packages for arm64, from the mirror that this machine is set up for; the system's own package state stays untouched. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildFolder } from './natives.ts';

/** What the benchmark needs of Debian cannot be had here: says why in one sentence. */
export class NoPeerError extends Error {
  readonly code = 'missing_tool';
  readonly hint = 'this benchmark needs a Debian machine with apt and its mirror within reach';
  constructor(why: string) {
    super(`Debian's packages for arm64 cannot be had: ${why}`);
    this.name = 'NoPeerError';
  }
}

const APT = join(buildFolder, 'apt');

/** Lists, cache and status of our own, for the one architecture; sources and keys are the machine's. */
const configuration = (): string => {
  const path = join(APT, 'apt.conf');
  for (const folder of ['lists/partial', 'cache/archives/partial']) {
    mkdirSync(join(APT, folder), { recursive: true });
  }
  writeFileSync(join(APT, 'status'), '');
  const lines = [
    '#clear APT::Update::Post-Invoke;',
    '#clear DPkg::Post-Invoke;',
    '#clear APT::Architectures;',
    'APT::Architecture "arm64";',
    'APT::Architectures { "arm64"; };',
    `Dir::State::Lists "${join(APT, 'lists')}";`,
    `Dir::State::status "${join(APT, 'status')}";`,
    `Dir::Cache "${join(APT, 'cache')}";`,
  ];
  writeFileSync(path, `${lines.join('\n')}\n`);
  return path;
};

const apt = (tool: 'apt-get' | 'apt-cache', config: string, ...args: string[]): string => {
  const result = spawnSync(tool, ['-c', config, ...args], { cwd: APT, encoding: 'utf8', timeout: 600_000 });
  if (result.error) throw new NoPeerError(`${tool} does not run (${result.error.message})`);
  if (result.status === 0) return result.stdout;
  throw new NoPeerError(`${tool} ${args[0]} failed (${result.stderr.trim().split('\n').at(-1) ?? ''})`);
};

let lists: string | undefined;

/** The configuration, with lists as the mirror has them now. */
const updated = (): string => {
  if (lists) return lists;
  const config = configuration();
  apt('apt-get', config, '-q', 'update');
  lists = config;
  return lists;
};

/** What the mirror says of a package. @throws NoPeerError */
export const packageRecord = (name: string): string =>
  apt('apt-cache', updated(), 'show', '--no-all-versions', name);

/** Downloads a package, this version of it when one is named; returns the archive. @throws NoPeerError */
export const downloadPackage = (name: string, version?: string): string => {
  apt('apt-get', updated(), '-q', 'download', version ? `${name}=${version}` : name);
  const archive = readdirSync(APT).find((file) => file.startsWith(`${name}_`) && file.endsWith('.deb'));
  if (!archive) throw new NoPeerError(`apt-get left no file of ${name}`);
  return join(APT, archive);
};

export const recordField = (record: string, name: string): string | undefined =>
  new RegExp(`^${name}: (.*)$`, 'm').exec(record)?.[1];
