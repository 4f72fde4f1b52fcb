/** .debug_line: source lines of instructions in objects without BTF, as gcc and old clang make them (DWARF 2 to 5, §6.2). Reads all that is well formed and leaves the rest out: lines only tell people where to look. */
import type { SourceLine } from './btf-ext.ts';
import { Bytes } from './bytes.ts';
import { ElfError } from './error.ts';
import type { ElfObject, Section } from './file.ts';

export type LineAt = (section: string, offset: number) => SourceLine | undefined;

/** Far above what an object for eBPF has: bad bytes must not take for ever. */
const MAX_STEPS = 1_000_000;
const MAX_FILES = 4096;

/** Ways in which entries of the tables of names are written (§7.5.6). */
const FORM = {
  block: 0x09,
  data1: 0x0b,
  data2: 0x05,
  data4: 0x06,
  data8: 0x07,
  data16: 0x1e,
  string: 0x08,
  strp: 0x0e,
  udata: 0x0f,
  line_strp: 0x1f,
} as const;
const CONTENT = { path: 1, directory: 2 } as const;

type Named = { readonly path: string; readonly directory: number };

/** Goes through bytes of which no read leaves the section. */
class Cursor {
  at: number;
  readonly bytes: Bytes;
  constructor(bytes: Bytes, at: number) {
    this.bytes = bytes;
    this.at = at;
  }

  u8() {
    return this.bytes.u8(this.at++);
  }
  u16() {
    this.at += 2;
    return this.bytes.u16(this.at - 2);
  }
  u32() {
    this.at += 4;
    return this.bytes.u32(this.at - 4);
  }
  i8() {
    return (this.u8() << 24) >> 24;
  }

  /** LEB128 (§7.6); what does not fit 48 bits is no number of a line. */
  uleb() {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.u8();
      value += (byte & 127) * scale;
      if (byte < 128) return value;
      if (scale > 2 ** 41) throw new ElfError('elf_truncated', '.debug_line: a number without end');
    }
  }

  sleb() {
    const start = this.at;
    const value = this.uleb();
    const bits = 7 * (this.at - start);
    return this.bytes.u8(this.at - 1) & 64 ? value - 2 ** bits : value;
  }

  string() {
    const text = this.bytes.text(this.at, 4096);
    this.at += Buffer.byteLength(text) + 1;
    return text;
  }
}

type Strings = (form: number, offset: number) => string;

type Header = {
  readonly end: number;
  readonly minLength: number;
  readonly lineBase: number;
  readonly lineRange: number;
  /** Operands of the standard operations, from operation 1. */
  readonly operands: readonly number[];
  readonly files: readonly string[];
  /** Number of the first file. */
  readonly firstFile: number;
};

const join = (directory: string | undefined, path: string) =>
  directory && !path.startsWith('/') ? `${directory}/${path}` : path;

/** One field of an entry of version 5. */
const readForm = (c: Cursor, form: number, strings: Strings): string | number => {
  switch (form) {
    case FORM.string:
      return c.string();
    case FORM.strp:
    case FORM.line_strp:
      return strings(form, c.u32());
    case FORM.udata:
      return c.uleb();
    case FORM.data1:
      return c.u8();
    case FORM.data2:
      return c.u16();
    case FORM.data4:
      return c.u32();
    case FORM.data8:
    case FORM.data16:
      c.at += form === FORM.data8 ? 8 : 16;
      return 0;
    case FORM.block:
      c.at += c.uleb();
      return 0;
    default:
      throw new ElfError('elf_truncated', `.debug_line: form ${form}`);
  }
};

const counted = (count: number) => {
  if (count > MAX_FILES) throw new ElfError('elf_truncated', `.debug_line: ${count} names`);
  return count;
};

/** Directories or files of version 5. */
const readEntries = (c: Cursor, strings: Strings): Named[] => {
  const formats = Array.from({ length: c.u8() }, () => [c.uleb(), c.uleb()] as const);
  return Array.from({ length: counted(c.uleb()) }, () => {
    const entry = { path: '', directory: 0 };
    for (const [content, form] of formats) {
      const value = readForm(c, form, strings);
      if (content === CONTENT.path) entry.path = String(value);
      if (content === CONTENT.directory) entry.directory = Number(value);
    }
    return entry;
  });
};

/** Files up to version 4. */
const readOldFiles = (c: Cursor): string[] => {
  const directories: string[] = [];
  for (let path = c.string(); path !== ''; path = c.string()) directories[counted(directories.length)] = path;
  const files: string[] = [];
  for (let path = c.string(); path !== ''; path = c.string()) {
    files[counted(files.length)] = join(directories[c.uleb() - 1], path);
    c.uleb(); // time
    c.uleb(); // length
  }
  return files;
};

const readHeader = (c: Cursor, strings: Strings): Header => {
  const length = c.u32();
  const end = c.at + length;
  c.bytes.slice(c.at, length);
  const version = c.u16();
  if (version < 2 || version > 5) throw new ElfError('elf_truncated', `.debug_line: version ${version}`);
  if (version === 5) c.at += 2; // sizes of addresses and of segments
  const headerLength = c.u32();
  const program = c.at + headerLength;
  const minLength = c.u8();
  if (version >= 4) c.u8(); // operations in one instruction
  c.u8(); // whether rows are statements
  const lineBase = c.i8();
  const lineRange = c.u8();
  const operands = Array.from({ length: Math.max(0, c.u8() - 1) }, () => c.u8());
  let files: string[];
  if (version === 5) {
    const directories = readEntries(c, strings);
    files = readEntries(c, strings).map((f) => join(directories[f.directory]?.path, f.path));
  } else files = readOldFiles(c);
  c.at = program;
  return { end, minLength, lineBase, lineRange, operands, files, firstFile: version === 5 ? 0 : 1 };
};

type Row = (section: Section, offset: number, line: SourceLine) => void;

/** Where the address at this place of the section lies, by its relocation. */
type Target = (at: number, value: number) => { section: Section; offset: number } | undefined;

/** Runs one program of lines (§6.2.5). Returns the steps left. */
const runProgram = (c: Cursor, h: Header, target: Target, row: Row, steps: number): number => {
  const fresh = () => ({ place: undefined as ReturnType<Target>, file: 1, line: 1, column: 0 });
  let state = fresh();
  let left = steps;
  const emit = () => {
    const file = h.files[state.file - h.firstFile];
    if (!state.place || file === undefined || state.line < 1) return;
    const { file: _, place, ...at } = state;
    row(place.section, place.offset, { ...at, file, text: '' });
  };
  const advance = (by: number) => {
    if (state.place) state.place = { ...state.place, offset: state.place.offset + by * h.minLength };
  };
  const special = (op: number) => {
    const by = op - h.operands.length - 1;
    if (h.lineRange === 0) throw new ElfError('elf_truncated', '.debug_line: no range of lines');
    advance(Math.floor(by / h.lineRange));
    return h.lineBase + (by % h.lineRange);
  };
  const extended = () => {
    const length = c.uleb();
    const next = c.at + length;
    const op = length === 0 ? 0 : c.u8();
    if (op === 1) state = fresh(); // end of a sequence; its row stands for nothing
    if (op === 2 && length === 9) state.place = target(c.at, c.u32());
    c.at = next;
  };
  const standard: Readonly<Record<number, () => void>> = {
    0: extended,
    1: emit,
    2: () => advance(c.uleb()),
    3: () => {
      state.line += c.sleb();
    },
    4: () => {
      state.file = c.uleb();
    },
    5: () => {
      state.column = c.uleb();
    },
    8: () => void special(255),
    9: () => {
      const by = c.u16();
      if (state.place) state.place = { ...state.place, offset: state.place.offset + by };
    },
  };
  while (c.at < h.end && left-- > 0) {
    const op = c.u8();
    if (op > h.operands.length) {
      state.line += special(op);
      emit();
    } else if (standard[op]) standard[op]();
    else for (let i = h.operands[op - 1] ?? 0; i > 0; i--) c.uleb();
  }
  return left;
};

const targetIn =
  (object: ElfObject, debug: Section): Target =>
  (at, value) => {
    const symbol = object.relocations.get(debug.index)?.get(at)?.symbol;
    const section = symbol && object.sections[symbol.section];
    return symbol && section ? { section, offset: symbol.value + value } : undefined;
  };

/** Lines of all instructions that the object's debug information names. */
export const readDebugLine = (object: ElfObject): LineAt => {
  const find = (name: string) => object.sections.find((s) => s.name === name);
  const debug = find('.debug_line');
  const rows = new Map<string, Map<number, SourceLine>>();
  const lineAt: LineAt = (section, offset) => rows.get(section)?.get(offset);
  if (!debug || debug.data.length === 0) return lineAt;
  const strings: Strings = (form, offset) => {
    const name = form === FORM.strp ? '.debug_str' : '.debug_line_str';
    return new Bytes(find(name)?.data ?? new Uint8Array(), name).text(offset, 4096);
  };
  const row: Row = ({ name }, offset, line) => {
    const lines = rows.get(name) ?? new Map<number, SourceLine>();
    rows.set(name, lines);
    lines.set(offset, line);
  };
  try {
    const c = new Cursor(new Bytes(debug.data, debug.name), 0);
    for (let steps = MAX_STEPS; c.at < debug.data.length && steps > 0; ) {
      const header = readHeader(c, strings);
      steps = runProgram(c, header, targetIn(object, debug), row, steps) - 1;
      c.at = header.end;
    }
  } catch (error) {
    if (!(error instanceof ElfError)) throw error;
  }
  return lineAt;
};
