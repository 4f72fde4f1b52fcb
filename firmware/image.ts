/**
 * Turns the linked ELF into the one `Image` file that every loader starts (Linux Documentation/arch/arm64/booting.rst),
 * and puts the policy into its place.
 */
import elfTools from 'elf-tools';
import { POLICY_BYTES } from '../abi/index.ts';
import { BuildError } from './toolchain.ts';

const POLICY_SECTION = '.velocity.policy';
const BUILD_ID_SECTION = '.note.gnu.build-id';
/** Written once, by the relocation at entry; what lies before it never is (boot/kernel.ld). */
const RELOCATED_SECTION = '.data.rel.ro';
const HEADER_BYTES = 64;
const MAGIC_OFFSET = 56;
const MAGIC = 0x644d5241; // "ARM\x64"
const SIZE_OFFSET = 16;

/** Facts about an `Image`, read from the ELF it was made from. */
export type KernelImage = {
  readonly image: Buffer;
  /** SHA-1 that the linker computed over the contents, hex. */
  readonly buildId: string;
  /** Offset of the policy block in the image. */
  readonly policyOffset: number;
  /** Bytes from the first on that are never written while it runs. */
  readonly measuredBytes: number;
  /** Bytes of memory the kernel needs from its load address, bss included. */
  readonly memoryBytes: number;
};

type Elf = ReturnType<typeof elfTools.parse>;

const sectionNamed = (elf: Elf, name: string) => {
  const found = elf.sections.find((section) => section.header.name === name);
  if (!found) throw new BuildError('reading kernel.elf', `section ${name} is missing`);
  return found.header;
};

const flatten = (file: Buffer, elf: Elf): Buffer => {
  const loads = elf.programs.filter(({ header }) => header.type === 'load' && header.filesz > 0);
  const end = Math.max(...loads.map(({ header }) => header.paddr + header.filesz));
  const image = Buffer.alloc(end);
  for (const { header } of loads) {
    file.copy(image, header.paddr, header.offset, header.offset + header.filesz);
  }
  return image;
};

const readBuildId = (file: Buffer, elf: Elf) => {
  const { offset, size } = sectionNamed(elf, BUILD_ID_SECTION);
  const noteHeaderBytes = 16; // namesz, descsz, type, "GNU\0"
  return file.subarray(offset + noteHeaderBytes, offset + size).toString('hex');
};

const checkHeader = (image: Buffer) => {
  if (image.length < HEADER_BYTES || image.readUInt32LE(MAGIC_OFFSET) !== MAGIC) {
    throw new BuildError('checking Image', 'the arm64 header is missing; is boot/head.S first in the link?');
  }
};

/** @throws BuildError when the ELF lacks what an Image needs. */
export const imageFromElf = (file: Buffer): KernelImage => {
  const elf = elfTools.parse(Buffer.from(file));
  const image = flatten(file, elf);
  checkHeader(image);
  return {
    image,
    buildId: readBuildId(file, elf),
    policyOffset: sectionNamed(elf, POLICY_SECTION).addr,
    measuredBytes: sectionNamed(elf, RELOCATED_SECTION).addr,
    memoryBytes: Number(image.readBigUInt64LE(SIZE_OFFSET)),
  };
};

/** A copy of the image that keeps to this policy (firmware/policy.ts). */
export const stampPolicy = ({ image, policyOffset }: KernelImage, block: Uint8Array): Buffer => {
  if (block.length !== POLICY_BYTES)
    throw new RangeError(`a policy block has ${POLICY_BYTES} bytes, not ${block.length}`);
  const stamped = Buffer.from(image);
  stamped.set(block, policyOffset);
  return stamped;
};
