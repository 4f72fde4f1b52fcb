/** Names for addresses: the symbol table of a linked kernel (System V gABI, "Symbol Table"), and its source lines. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import elfTools from 'elf-tools';
import { BuildError, findTool } from './toolchain.ts';

export type Symbols = {
  /** SHA-1 of the linker over the contents, hex. */
  readonly buildId: string;
  /** The function that holds this offset from the image's base, with the distance from its first instruction. */
  readonly at: (offset: bigint) => { readonly name: string; readonly offset: number } | undefined;
  /** Offset of a function or a label. */
  readonly of: (name: string) => bigint | undefined;
};

type Entry = { readonly name: string; readonly start: number; readonly size: number };

const ENTRY_BYTES = 24;
const TYPE_FUNC = 2;
const TYPE_NONE = 0;
const NOTE_HEADER_BYTES = 16; // namesz, descsz, type, "GNU\0"

const textAt = (strings: Buffer, at: number) => strings.toString('latin1', at, strings.indexOf(0, at));

/** Functions, and labels of assembly files, which have no size: they reach to the next symbol. */
const functionsOf = (table: Buffer, strings: Buffer): Entry[] => {
  const found: Entry[] = [];
  for (let at = 0; at + ENTRY_BYTES <= table.length; at += ENTRY_BYTES) {
    const type = table.readUInt8(at + 4) & 15;
    const name = textAt(strings, table.readUInt32LE(at));
    if ((type !== TYPE_FUNC && type !== TYPE_NONE) || name === '' || name.startsWith('$')) continue;
    if (table.readUInt16LE(at + 6) === 0) continue; // undefined
    const [start, size] = [table.readBigUInt64LE(at + 8), table.readBigUInt64LE(at + 16)].map(Number);
    found.push({ name, start: start!, size: size! });
  }
  return found.sort((a, b) => a.start - b.start);
};

/** @throws BuildError when the file is no linked kernel with symbols */
export const readSymbols = (path: string): Symbols => {
  const file = readFileSync(path);
  const sections = (() => {
    try {
      return elfTools.parse(Buffer.from(file)).sections;
    } catch {
      throw new BuildError(`reading ${path}`, 'it is no ELF file');
    }
  })();
  const contents = (name: string) => {
    const header = sections.find((section) => section.header.name === name)?.header;
    if (!header)
      throw new BuildError(`reading ${path}`, `section ${name} is missing; is it a linked kernel.elf?`);
    return file.subarray(header.offset, header.offset + header.size);
  };
  const functions = functionsOf(contents('.symtab'), contents('.strtab'));
  const text = sections.find((section) => section.header.name === '.text')?.header;
  const end = text ? text.addr + text.size : 0;
  return {
    buildId: contents('.note.gnu.build-id').subarray(NOTE_HEADER_BYTES).toString('hex'),
    at: (offset) => {
      const address = Number(offset);
      if (address < 0 || address >= end) return undefined;
      const found = functions
        .filter(({ start, size }) => start <= address && (size === 0 || address < start + size))
        .at(-1);
      return found && { name: found.name, offset: address - found.start };
    },
    of: (name) => {
      const found = functions.find((entry) => entry.name === name);
      return found && BigInt(found.start);
    },
  };
};

/**
 * Source lines of offsets from the image's base, as `file:line`, by LLVM's symbolizer; empty where it knows none, or is
 * not installed.
 */
export const sourceLines = (path: string, offsets: readonly bigint[]): string[] => {
  const tool = findTool('symbolizer');
  if (!tool || offsets.length === 0) return offsets.map(() => '');
  const addresses = offsets.map((offset) => `0x${offset.toString(16)}`);
  const said = execFileSync(tool, ['-e', path, '-s', '--no-inlines', '-f=none', ...addresses], {
    encoding: 'utf8',
  });
  const lines = said.split('\n').filter((line) => line !== '');
  return offsets.map((_, i) => (lines[i] ?? '').replace(/:\d+$/, '').replace(/^\?\?.*/, ''));
};

/**
 * Functions at offsets from the image's base, those that are inlined there too, the outermost first, by LLVM's symbolizer;
 * without it, or where it knows none, the one of the symbol table.
 */
export const functionsAt = (
  path: string,
  symbols: Symbols,
  offsets: readonly number[],
): Map<number, readonly string[]> => {
  const plain = (offset: number) => {
    const found = symbols.at(BigInt(offset));
    return found ? [found.name] : [`image+0x${offset.toString(16)}`];
  };
  const tool = findTool('symbolizer');
  if (!tool || offsets.length === 0) return new Map(offsets.map((offset) => [offset, plain(offset)]));
  const input = offsets.map((offset) => `0x${offset.toString(16)}\n`).join('');
  const said = execFileSync(tool, ['-e', path, '--output-style=JSON'], { encoding: 'utf8', input });
  const lines = said.split('\n').filter((line) => line !== '');
  return new Map(
    offsets.map((offset, i) => {
      const { Symbol: found = [] } = JSON.parse(lines[i] ?? '{}') as { Symbol?: { FunctionName: string }[] };
      const names = found.map(({ FunctionName }) => FunctionName).filter((name) => name !== '');
      return [offset, names.length > 0 ? names.reverse() : plain(offset)];
    }),
  );
};
