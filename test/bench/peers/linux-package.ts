/** Debian's Linux kernel for arm64, from the mirror that this machine is set up for; the system's own package state stays untouched. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildFolder } from './natives.ts';

/** The kernel cannot be had here: says why in one sentence. */
export class NoPeerError extends Error {
  readonly code = 'missing_tool';
  readonly hint = 'this benchmark needs a Debian machine with apt and its mirror within reach';
  constructor(why: string) {
    super(`Debian's Linux kernel for arm64 cannot be had: ${why}`);
    this.name = 'NoPeerError';
  }
}

export type LinuxKernel = { readonly image: string; readonly package: string; readonly version: string };

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

const field = (record: string, name: string): string | undefined =>
  new RegExp(`^${name}: (.*)$`, 'm').exec(record)?.[1];

/** The package behind `linux-image-arm64`, e.g. linux-image-6.1.0-56-arm64. */
export const kernelPackage = (record: string): { name: string; version: string } => {
  const name = /linux-image-[^ ,]+/.exec(field(record, 'Depends') ?? '')?.[0];
  const version = field(record, 'Version');
  if (!name || !version) throw new NoPeerError('this mirror has no package linux-image-arm64');
  return { name, version };
};

const unpack = (archive: string, image: string) => {
  const tar = spawnSync(
    'sh',
    ['-c', `dpkg-deb --fsys-tarfile "$1" | tar -xO --wildcards './boot/vmlinuz-*'`, 'sh', archive],
    {
      maxBuffer: 1 << 28,
    },
  );
  if (tar.status !== 0 || tar.stdout.length === 0) throw new NoPeerError(`${archive} holds no kernel`);
  writeFileSync(image, tar.stdout);
};

/** Remembers the kernel that was fetched; remove build/peers to look for a newer one. */
const FETCHED = join(buildFolder, 'linux.json');

const fetchedBefore = (): LinuxKernel | undefined => {
  if (!existsSync(FETCHED)) return undefined;
  const kernel = JSON.parse(readFileSync(FETCHED, 'utf8')) as LinuxKernel;
  return existsSync(kernel.image) ? kernel : undefined;
};

const download = (config: string, name: string, version: string): string => {
  apt('apt-get', config, '-q', 'download', `${name}=${version}`);
  const archive = readdirSync(APT).find((file) => file.startsWith(`${name}_`) && file.endsWith('.deb'));
  if (!archive) throw new NoPeerError(`apt-get left no file of ${name}`);
  return join(APT, archive);
};

/** The kernel that Debian's release on this machine has for arm64. @throws NoPeerError */
export const fetchLinux = (say: (line: string) => void): LinuxKernel => {
  const before = fetchedBefore();
  if (before) return before;
  const config = configuration();
  say('looking for a Linux kernel for arm64');
  apt('apt-get', config, '-q', 'update');
  const { name, version } = kernelPackage(
    apt('apt-cache', config, 'show', '--no-all-versions', 'linux-image-arm64'),
  );
  say(`downloading ${name}`);
  const archive = download(config, name, version);
  const kernel = { image: join(buildFolder, `${name}.image`), package: name, version };
  unpack(archive, kernel.image);
  rmSync(archive);
  writeFileSync(FETCHED, `${JSON.stringify(kernel)}\n`);
  return kernel;
};
