/** Edits that an ELF object survives as one: what its tables say of each other becomes a lie, and the tables stay in place. */
import type { Random } from '../../ebpf/random.ts';

const HEADER_BYTES = 64;
const SECTION_BYTES = 64;
/** Offset and size of fields of a section header: type, flags, offset, size, link, info. */
const fields = [
  [4, 4],
  [8, 4],
  [24, 4],
  [32, 4],
  [40, 4],
  [44, 4],
] as const;

const sectionsOf = (bytes: Buffer): number[] => {
  if (bytes.length < HEADER_BYTES) return [];
  const table = bytes.readUInt32LE(40);
  const count = bytes.readUInt16LE(60);
  if (table + count * SECTION_BYTES > bytes.length) return [];
  return Array.from({ length: count }, (_, i) => table + i * SECTION_BYTES);
};

/** A header says of its section what another one's says: they overlap, or one is read as the other. */
const confuse = (bytes: Buffer, sections: readonly number[], random: Random) => {
  const [at, size] = fields[random.below(fields.length)]!;
  const [to, from] = [random.below(sections.length), random.below(sections.length)];
  bytes.copy(bytes, sections[to]! + at, sections[from]! + at, sections[from]! + at + size);
};

/** A word of a section becomes a small number: of a type, a symbol, a section, or an offset within one. */
const rename = (bytes: Buffer, sections: readonly number[], random: Random) => {
  const header = sections[random.below(sections.length)]!;
  const [offset, size] = [bytes.readUInt32LE(header + 24), bytes.readUInt32LE(header + 32)];
  if (size < 4 || offset + size > bytes.length) return;
  const at = offset + 4 * random.below(size >> 2);
  bytes.writeUInt32LE(random.below(64) * (random.once(2) ? 8 : 1), at);
};

export const editElf = (bytes: Buffer, random: Random): Buffer => {
  const sections = sectionsOf(bytes);
  if (sections.length > 0) (random.once(2) ? confuse : rename)(bytes, sections, random);
  return bytes;
};
