/** Builds the kernel: ELF, stamped Image and manifest. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { linkKernel } from './compile.ts';
import { imageFromElf, stampKey } from './image.ts';
import { type Manifest, makeManifest } from './manifest.ts';
import { paths, root } from './paths.ts';
import { loadOrCreateDevKey, type SigningKey } from './sign.ts';

const version = () =>
  (JSON.parse(readFileSync(`${root}/package.json`, 'utf8')) as { version: string }).version;

/** Builds what changed. Returns the manifest; its files lie beside it. @throws MissingToolError, BuildError */
export const buildKernel = async (
  options: { key?: SigningKey; onProgress?: (text: string) => void } = {},
): Promise<Manifest> => {
  const { publicKey } = options.key ?? loadOrCreateDevKey();
  const elf = await linkKernel(options.onProgress);
  const kernel = imageFromElf(readFileSync(elf));
  const image = stampKey(kernel, publicKey);
  const manifest = makeManifest({
    version: version(),
    buildId: kernel.buildId,
    file: basename(paths.image),
    image,
    memoryBytes: kernel.memoryBytes,
    publicKey,
  });
  mkdirSync(dirname(paths.image), { recursive: true });
  writeFileSync(paths.image, image);
  writeFileSync(paths.manifest, `${JSON.stringify(manifest, null, 2)}\n`);
  return manifest;
};
