/** The types of a kernel, out of its image: what programs attach to, and the functions that they call, have numbers there. */
import { readFileSync } from 'node:fs';
import { BTF_KIND, Btf } from '../../../ebpf/elf/btf.ts';

/** Magic, version, flags, length of the header. */
const HEADER = Buffer.from([0x9f, 0xeb, 1, 0, 24, 0, 0, 0]);
/** A kernel has a hundred thousand and more; what else looks like a header is followed by less. */
const LEAST_BYTES = 1 << 20;
const MOST_TYPES = 1 << 20;

/** The types as they lie in the image of a kernel. */
export const kernelBtf = (path: string): Buffer => {
  const image = readFileSync(path);
  for (let at = image.indexOf(HEADER); at >= 0; at = image.indexOf(HEADER, at + 1)) {
    if (at + 24 > image.length) break;
    const bytes = 24 + image.readUInt32LE(at + 16) + image.readUInt32LE(at + 20);
    if (bytes >= LEAST_BYTES && at + bytes <= image.length) return image.subarray(at, at + bytes);
  }
  throw new Error('the image of the kernel holds no BTF');
};

/** The number of a function, struct or typedef, by its name. */
export type KernelTypes = ReadonlyMap<string, number>;

export const kernelTypes = (image: string): KernelTypes => {
  const btf = new Btf(kernelBtf(image), MOST_TYPES);
  const ids = new Map<string, number>();
  btf.types.forEach((type, id) => {
    if (type.kind === BTF_KIND.func || type.kind === BTF_KIND.typedef) ids.set(btf.name(type), id);
  });
  return ids;
};
