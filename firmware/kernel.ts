/** Builds the kernel: ELF, stamped Image and manifest. */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { linkKernel } from './compile.ts';
import { imageFromElf, stampKey } from './image.ts';
import { chosenKey, type SigningKey } from './keys.ts';
import { withLock } from './lock.ts';
import { type Manifest, makeManifest } from './manifest.ts';
import { paths, root } from './paths.ts';
import { writeChanged } from './write.ts';

const version = () =>
  (JSON.parse(readFileSync(`${root}/package.json`, 'utf8')) as { version: string }).version;

const build = async (key: SigningKey, onProgress?: (text: string) => void): Promise<Manifest> => {
  const { publicKey } = key;
  const kernel = imageFromElf(readFileSync(await linkKernel(onProgress)));
  const image = stampKey(kernel, publicKey);
  const manifest = makeManifest({
    version: version(),
    buildId: kernel.buildId,
    file: basename(paths.image),
    image,
    memoryBytes: kernel.memoryBytes,
    publicKey,
  });
  writeChanged(paths.image, image);
  writeChanged(paths.manifest, Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`));
  return manifest;
};

/** Builds what changed. Returns the manifest; its files lie beside it. @throws MissingToolError, BuildError */
export const buildKernel = (
  options: { key?: SigningKey; onProgress?: (text: string) => void } = {},
): Promise<Manifest> => withLock(paths.lock, () => build(options.key ?? chosenKey(), options.onProgress));
