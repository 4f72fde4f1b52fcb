/** Debian's Linux kernel for arm64. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { downloadPackage, kernelPackage, NoPeerError, packageRecord } from '../../../cli/debian-package.ts';
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

/** Remembers the kernel that was fetched; remove build/peers to look for a newer one. */
const FETCHED = join(buildFolder, 'linux.json');

const fetchedBefore = (): LinuxKernel | undefined => {
  if (!existsSync(FETCHED)) return undefined;
  const kernel = JSON.parse(readFileSync(FETCHED, 'utf8')) as LinuxKernel;
  return existsSync(kernel.image) ? kernel : undefined;
};

/** The kernel that Debian's release on this machine has for arm64. @throws NoPeerError */
export const fetchLinux = (say: (line: string) => void): LinuxKernel => {
  const before = fetchedBefore();
  if (before) return before;
  say('looking for a Linux kernel for arm64');
  const { name, version } = kernelPackage(packageRecord('linux-image-arm64', 'arm64'));
  say(`downloading ${name}`);
  const archive = downloadPackage(name, 'arm64', version);
  const kernel = { image: join(buildFolder, `${name}.image`), package: name, version };
  unpack(archive, kernel.image);
  rmSync(archive);
  writeFileSync(FETCHED, `${JSON.stringify(kernel)}\n`);
  return kernel;
};
