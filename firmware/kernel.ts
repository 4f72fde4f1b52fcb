/** Builds the kernel: ELF, stamped Image and manifest. */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { linkKernel } from './compile.ts';
import { imageFromElf, stampPolicy } from './image.ts';
import { chosenKey, type SigningKey } from './keys.ts';
import { withLock } from './lock.ts';
import { type Manifest, makeManifest } from './manifest.ts';
import { paths, root } from './paths.ts';
import { encodePolicy, type Policy, policyOf } from './policy.ts';
import { BOARD_CLASS, signImage } from './update.ts';
import { writeChanged } from './write.ts';

const version = () =>
  (JSON.parse(readFileSync(`${root}/package.json`, 'utf8')) as { version: string }).version;

export type BuildOptions = {
  /** Key that signs the image, and whose policy it gets when none is given; default: the chosen one. */
  readonly key?: SigningKey;
  readonly policy?: Policy;
  /** Of the image's signed manifest: boards take no image older than the one they confirmed. Default 0: repeatable. */
  readonly sequence?: number;
  readonly onProgress?: (text: string) => void;
};

const build = async ({
  key = chosenKey(),
  policy,
  sequence = 0,
  onProgress,
}: BuildOptions): Promise<Manifest> => {
  const { publicKey } = key;
  const block = encodePolicy(policy ?? policyOf(key)); // before the long work, as it may be wrong
  const kernel = imageFromElf(readFileSync(await linkKernel(onProgress)));
  const image = stampPolicy(kernel, block);
  const facts = {
    board_class: BOARD_CLASS,
    memory_bytes: kernel.memoryBytes,
    build: kernel.buildId,
    version: version(),
    sequence: BigInt(sequence),
  };
  const manifest = makeManifest({
    signed: signImage(image, facts, key),
    measuredBytes: kernel.measuredBytes,
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
export const buildKernel = (options: BuildOptions = {}): Promise<Manifest> =>
  withLock(paths.lock, () => build(options));
