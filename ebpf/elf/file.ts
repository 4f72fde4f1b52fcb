/** Sections, symbols and relocations of a relocatable eBPF ELF object (System V gABI chapters 4 and 5). */
import elfTools, { type Elf } from 'elf-tools';
import { Bytes } from './bytes.ts';
import { ElfError } from './error.ts';

export type Section = {
  readonly index: number;
  readonly name: string;
  /** sh_type */
  readonly type: number;
  /** sh_flags, low 32 bits */
  readonly flags: number;
  /** Declared size; a section without contents in the file (.bss) has empty data. */
  readonly size: number;
  readonly data: Uint8Array;
  readonly link: number;
  readonly info: number;
};

export type ElfSymbol = {
  readonly name: string;
  readonly type: number;
  readonly global: boolean;
  /** It may be missing. */
  readonly weak: boolean;
  /** Not seen from outside the object: libbpf makes such a function a static one. */
  readonly hidden: boolean;
  /** Index of the section it lies in; 0 = undefined. */
  readonly section: number;
  readonly value: number;
  readonly size: number;
};

export type Relocation = { readonly offset: number; readonly type: number; readonly symbol: ElfSymbol };

export type ElfObject = {
  readonly sections: readonly Section[];
  /** Named symbols by index of the section that they lie in, ordered by value. */
  readonly symbols: ReadonlyMap<number, readonly ElfSymbol[]>;
  /** Relocations by index of the section that they apply to, then by offset. */
  readonly relocations: ReadonlyMap<number, ReadonlyMap<number, Relocation>>;
};

/** System V ABI, Symbol Table. */
const STB_WEAK = 2;

export const SHT = { progbits: 1, symtab: 2, nobits: 8, rel: 9 } as const;
export const SHF_EXECINSTR = 4;
export const STT = { notype: 0, object: 1, func: 2, section: 3 } as const;
const EM_BPF = 247;
const HEADER_BYTES = 64;
const SECTION_BYTES = 64;
const SYMBOL_BYTES = 24;
const REL_BYTES = 16;

/** Far above what any compiler makes of a program of 4096 instructions; keeps time and memory bounded. */
const MAX_FILE_BYTES = 16 * 1024 * 1024;
const MAX_SECTIONS = 4096;
const MAX_SYMBOLS = 65536;
/** Of all sections together: they may share their bytes. */
const MAX_RELOCATIONS = 1 << 20;
const MAX_NAMES_BYTES = 1024 * 1024;
/** Of a section that takes no bytes of the file; Linux takes no larger value of a map. */
const MAX_NOBITS_BYTES = 0x7fffffff;

/** What must hold before elf-tools may see the bytes: it checks no bounds and trusts every count. */
const checkHeader = (file: Bytes) => {
  if (file.size < 4 || file.u32(0) !== 0x464c457f)
    throw new ElfError('not_elf', 'the file does not start with 7f 45 4c 46');
  if (file.size > MAX_FILE_BYTES) throw new ElfError('object_too_large', `${file.size} bytes`);
  file.slice(0, HEADER_BYTES);
  if (file.u8(4) !== 2 || file.u8(5) !== 1 || file.u16(18) !== EM_BPF)
    throw new ElfError('not_bpf', `class ${file.u8(4)}, data ${file.u8(5)}, machine ${file.u16(18)}`);
  const count = file.u16(60);
  if (count === 0) throw new ElfError('elf_truncated', 'the file has no sections');
  if (count > MAX_SECTIONS || file.u16(58) !== SECTION_BYTES || file.u16(56) !== 0)
    throw new ElfError(
      'elf_truncated',
      `${count} sections of ${file.u16(58)} bytes, ${file.u16(56)} segments`,
    );
  const table = file.offset(40);
  file.slice(table, count * SECTION_BYTES);
  const names = file.u16(62);
  if (names >= count)
    throw new ElfError('elf_truncated', `section names are in section ${names} of ${count}`);
  const size = file.offset(table + names * SECTION_BYTES + 32);
  if (size > MAX_NAMES_BYTES) throw new ElfError('elf_truncated', `the section names take ${size} bytes`);
  return table;
};

const parseWithTools = (data: Uint8Array): Elf => {
  try {
    // A copy, because parse() reverses 8-byte fields in place.
    return elfTools.parse(Buffer.from(data));
  } catch (cause) {
    throw new ElfError('elf_truncated', `its section table is damaged (${(cause as Error).message})`, {
      cause,
    });
  }
};

const readSections = (file: Bytes, table: number): Section[] =>
  parseWithTools(file.data).sections.map(({ header }, index) => {
    // elf-tools gives type and flags as text, and reads flags with the table of types; so take the numbers.
    const at = table + index * SECTION_BYTES;
    const type = file.u32(at + 4);
    const { name, offset, size, link, info } = header;
    const held = type !== SHT.nobits && type !== 0;
    if (!held && size > MAX_NOBITS_BYTES)
      throw new ElfError('object_too_large', `section ${name} has ${size} bytes`);
    const data = held ? file.slice(offset, size) : new Uint8Array();
    return { index, name, type, flags: file.u32(at + 8), size, data, link, info };
  });

const linked = (sections: readonly Section[], section: Section, what: string): Section => {
  const found = sections[section.link];
  if (!found)
    throw new ElfError('elf_truncated', `section ${section.name}: its ${what} is section ${section.link}`);
  return found;
};

const readSymbols = (sections: readonly Section[], table: Section | undefined): ElfSymbol[] => {
  if (!table) return [];
  const bytes = new Bytes(table.data, table.name);
  const count = Math.floor(table.size / SYMBOL_BYTES);
  if (count > MAX_SYMBOLS) throw new ElfError('object_too_large', `${count} symbols`);
  const names = new Bytes(linked(sections, table, 'string table').data, 'symbol names');
  return Array.from({ length: count }, (_, i) => {
    const at = i * SYMBOL_BYTES;
    const info = bytes.u8(at + 4);
    const section = bytes.u16(at + 6);
    const type = info & 15;
    return {
      // Section symbols have no name of their own.
      name: type === STT.section ? (sections[section]?.name ?? '') : names.text(bytes.u32(at)),
      type,
      global: info >> 4 !== 0,
      weak: info >> 4 === STB_WEAK,
      hidden: (bytes.u8(at + 5) & 3) >= 1 && (bytes.u8(at + 5) & 3) <= 2,
      section,
      value: bytes.offset(at + 8),
      size: bytes.offset(at + 16),
    };
  });
};

const readRelocations = (section: Section, symbols: readonly ElfSymbol[]): Relocation[] => {
  const bytes = new Bytes(section.data, section.name);
  return Array.from({ length: Math.floor(section.size / REL_BYTES) }, (_, i) => {
    const at = i * REL_BYTES;
    const symbol = symbols[bytes.u32(at + 12)];
    if (!symbol) throw new ElfError('bad_relocation', `${section.name}: entry ${i} names no symbol`);
    return { offset: bytes.offset(at), type: bytes.u32(at + 8), symbol };
  });
};

/** Relocations of debug information are many and not needed, but where its lines lie. */
const matters = (target: Section | undefined) =>
  target !== undefined && !/^\.(debug(?!_line$)|BTF|eh_frame)/.test(target.name);

const readAllRelocations = (sections: readonly Section[], symbols: readonly ElfSymbol[]) => {
  const tables = sections.filter((s) => s.type === SHT.rel && matters(sections[s.info]));
  const count = tables.reduce((sum, { size }) => sum + Math.floor(size / REL_BYTES), 0);
  if (count > MAX_RELOCATIONS) throw new ElfError('object_too_large', `${count} relocations`);
  const relocations = new Map<number, Map<number, Relocation>>();
  for (const section of tables) {
    const byOffset = relocations.get(section.info) ?? new Map<number, Relocation>();
    for (const r of readRelocations(section, symbols)) byOffset.set(r.offset, r);
    relocations.set(section.info, byOffset);
  }
  return relocations;
};

const bySection = (symbols: readonly ElfSymbol[]) => {
  const groups = new Map<number, ElfSymbol[]>();
  for (const symbol of [...symbols].sort((a, b) => a.value - b.value)) {
    if (symbol.type === STT.section || symbol.name === '') continue;
    const group = groups.get(symbol.section);
    if (group) group.push(symbol);
    else groups.set(symbol.section, [symbol]);
  }
  return groups;
};

/** @throws ElfError, and nothing else, on any bytes. */
export const readElf = (data: Uint8Array): ElfObject => {
  // A Buffer's slice() would be a view; a plain Uint8Array's is a copy.
  const file = new Bytes(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), 'the file');
  const sections = readSections(file, checkHeader(file));
  const symbols = readSymbols(
    sections,
    sections.find((s) => s.type === SHT.symtab),
  );
  return { sections, symbols: bySection(symbols), relocations: readAllRelocations(sections, symbols) };
};

/** One section of any 64-bit little-endian ELF, however large. @throws ElfError */
export const readSection = (data: Uint8Array, wanted: string): Uint8Array | undefined => {
  const file = new Bytes(data, 'the file');
  if (file.size < HEADER_BYTES || file.u32(0) !== 0x464c457f || file.u16(4) !== 0x0102)
    throw new ElfError('not_elf', 'the file is no 64-bit little-endian ELF');
  const at = (index: number) => file.offset(40) + index * SECTION_BYTES;
  const contents = (header: number) => file.slice(file.offset(header + 24), file.offset(header + 32));
  const names = new Bytes(contents(at(file.u16(62))), 'section names');
  for (let i = 1; i < file.u16(60); i++) if (names.text(file.u32(at(i))) === wanted) return contents(at(i));
  return undefined;
};
