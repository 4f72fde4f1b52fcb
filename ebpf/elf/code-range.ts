/** Functions as ranges of sections, by their symbols. */
import { bpf } from '../../abi/index.ts';
import { ElfError } from './error.ts';
import { type ElfObject, type ElfSymbol, type Section, SHF_EXECINSTR, STT } from './file.ts';

const { INSN_BYTES } = bpf;

/** A function: a range of a section. */
export type CodeRange = {
  readonly section: Section;
  readonly offset: number;
  readonly size: number;
  readonly name: string;
};

const named = (object: ElfObject, section: Section) => object.symbols.get(section.index) ?? [];

/** Index of the first symbol at `value` or behind. */
const lowerBound = (symbols: readonly ElfSymbol[], value: number): number => {
  let low = 0;
  let high = symbols.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (symbols[middle]!.value < value) low = middle + 1;
    else high = middle;
  }
  return low;
};

const functionsOf = new WeakMap<readonly ElfSymbol[], readonly ElfSymbol[]>();

/** The symbols that may start a function: labels inside functions have local symbols of no type. */
const starts = (symbols: readonly ElfSymbol[]): readonly ElfSymbol[] => {
  const known = functionsOf.get(symbols) ?? symbols.filter((s) => s.global || s.type === STT.func);
  functionsOf.set(symbols, known);
  return known;
};

/** Bytes to the next function. */
const extent = (object: ElfObject, section: Section, offset: number): number => {
  const symbols = starts(named(object, section));
  const next = symbols[lowerBound(symbols, offset + 1)]?.value ?? section.data.length;
  return Math.min(section.data.length, next) - offset;
};

/** What is defined at this offset; a function rather than anything else. */
export const symbolAt = (object: ElfObject, section: Section, offset: number): ElfSymbol | undefined => {
  const symbols = named(object, section);
  const first = lowerBound(symbols, offset);
  // Aliases are few; looking at more of them would let a bad file cost time.
  const at = symbols.slice(first, first + 16).filter((s) => s.value === offset);
  return at.find((s) => s.type === STT.func) ?? at[0];
};

/** The function that starts at this offset. */
export const functionAt = (object: ElfObject, section: Section, offset: number): CodeRange => {
  const symbol = symbolAt(object, section, offset);
  const name = symbol?.name ?? (offset === 0 ? section.name : undefined);
  if (name === undefined || (section.flags & SHF_EXECINSTR) === 0)
    throw new ElfError('bad_relocation', `${section.name}+${offset} is not the start of a function`);
  const size = symbol?.size || extent(object, section, offset);
  if (offset % INSN_BYTES || size % INSN_BYTES || size <= 0 || offset + size > section.data.length)
    throw new ElfError('elf_truncated', `function ${name}: ${size} bytes at ${offset} of ${section.name}`);
  return { section, offset, size, name };
};
