/** .BTF.ext: source lines of instructions, and CO-RE relocations (btf.rst §3.3). */
import { checkHeader } from './btf.ts';
import { Bytes } from './bytes.ts';
import type { CoreRelocation } from './core.ts';
import { ElfError } from './error.ts';

export type SourceLine = {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** Text of that line of C. */
  readonly text: string;
};

type Record = { readonly section: string; readonly offset: number; readonly at: number };

export type BtfExt = {
  /** Where the instruction at this byte offset of this section comes from, when it is known. */
  readonly lineAt: (section: string, offset: number) => SourceLine | undefined;
  /** Whether it knows of any instruction of this section. */
  readonly hasLines: (section: string) => boolean;
  /** CO-RE relocations by byte offset of the instruction, by section name. */
  readonly core: ReadonlyMap<string, ReadonlyMap<number, CoreRelocation>>;
};

/** A table of records: record size, then for each section its name, a count, and the records; each starts with insn_off. */
function* records(
  bytes: Bytes,
  start: number,
  size: number,
  smallest: number,
  strings: Bytes,
): Generator<Record> {
  if (size === 0) return;
  const end = start + size;
  bytes.slice(start, size);
  const step = bytes.u32(start);
  if (step < smallest || step > 256) throw new ElfError('bad_btf', `.BTF.ext: records of ${step} bytes`);
  for (let at = start + 4; at < end; ) {
    const section = strings.text(bytes.u32(at));
    const count = bytes.u32(at + 4);
    at += 8;
    if (count * step > end - at) throw new ElfError('bad_btf', `.BTF.ext: ${count} records do not fit`);
    for (let i = 0; i < count; i++, at += step) yield { section, offset: bytes.u32(at), at };
  }
}

const entry = <V>(map: Map<string, V>, key: string, fresh: () => V): V => {
  const found = map.get(key) ?? fresh();
  map.set(key, found);
  return found;
};

/** Longer lines and paths are cut. */
const TEXT_BYTES = 256;

const readLine = (bytes: Bytes, at: number, strings: Bytes): SourceLine => {
  const position = bytes.u32(at + 12);
  return {
    file: strings.text(bytes.u32(at + 4), TEXT_BYTES),
    line: position >>> 10,
    column: position & 1023,
    text: strings.text(bytes.u32(at + 8), TEXT_BYTES).trim(),
  };
};

/** @throws ElfError with `bad_btf`, as does `lineAt`. */
export const readBtfExt = (section: Uint8Array, strings: Bytes): BtfExt => {
  const bytes = new Bytes(section, '.BTF.ext', 'bad_btf');
  const header = checkHeader(bytes, '.BTF.ext');
  const lines = new Map<string, Map<number, number>>();
  const core = new Map<string, Map<number, CoreRelocation>>();
  for (const r of records(bytes, header + bytes.u32(16), bytes.u32(20), 16, strings))
    entry(lines, r.section, () => new Map()).set(r.offset, r.at);
  if (header >= 32)
    for (const r of records(bytes, header + bytes.u32(24), bytes.u32(28), 16, strings))
      entry(core, r.section, () => new Map()).set(r.offset, {
        kind: bytes.u32(r.at + 12),
        type: bytes.u32(r.at + 4),
        access: strings.text(bytes.u32(r.at + 8)),
      });
  const lineAt = (name: string, offset: number) => {
    const at = lines.get(name)?.get(offset);
    return at === undefined ? undefined : readLine(bytes, at, strings);
  };
  return { lineAt, hasLines: (name) => lines.has(name), core };
};
