/** Debian's Linux kernel for arm64. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  downloadPackage,
  kernelPackage,
  NoPeerError,
  newestRecord,
  packageRecord,
} from '../../../cli/debian-package.ts';
import { buildFolder } from './natives.ts';

export type LinuxKernel = { readonly image: string; readonly package: string; readonly version: string };

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

export type Which = 'release' | 'newest';

/** Remembers the kernel that was fetched; remove it to look for a newer one. */
const fetchedFile = (which: Which) =>
  join(buildFolder, which === 'release' ? 'linux.json' : 'linux-newest.json');

/** The kernel that was fetched before. */
export const fetchedLinux = (which: Which): LinuxKernel | undefined => {
  const fetched = fetchedFile(which);
  if (!existsSync(fetched)) return undefined;
  const kernel = JSON.parse(readFileSync(fetched, 'utf8')) as LinuxKernel;
  return existsSync(kernel.image) ? kernel : undefined;
};

/** The kernel for arm64 that Debian's release on this machine has, or the newest one that its mirror has, backports too. @throws NoPeerError */
export const fetchLinux = (say: (line: string) => void, which: Which = 'release'): LinuxKernel => {
  const before = fetchedLinux(which);
  if (before) return before;
  say('looking for a Linux kernel for arm64');
  const records = which === 'release' ? packageRecord : newestRecord;
  const { name, version } = kernelPackage(records('linux-image-arm64', 'arm64'));
  say(`downloading ${name}`);
  const archive = downloadPackage(name, 'arm64', version);
  const kernel = { image: join(buildFolder, `${name}.image`), package: name, version };
  unpack(archive, kernel.image);
  rmSync(archive);
  writeFileSync(fetchedFile(which), `${JSON.stringify(kernel)}\n`);
  return kernel;
};
