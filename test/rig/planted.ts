/** Kernels with a planted fault: the real one, with one function replaced by the linker (`--wrap`). */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { linkVariant } from '../../firmware/compile.ts';
import { encodePolicy, imageFromElf, policyOf, root, stampPolicy } from '../../firmware/index.ts';
import { chosenKey } from '../../firmware/sign.ts';

/** Returns the path of the Image; its kernel.elf lies beside it. */
export const plantedImage = async (folder: string, fault: string, wrapped: string): Promise<string> => {
  mkdirSync(folder, { recursive: true });
  const elf = join(folder, 'kernel.elf');
  await linkVariant(elf, join(root, 'test/rig/planted', `${fault}.c`), wrapped);
  const image = join(folder, 'Image');
  writeFileSync(image, stampPolicy(imageFromElf(readFileSync(elf)), encodePolicy(policyOf(chosenKey()))));
  return image;
};
