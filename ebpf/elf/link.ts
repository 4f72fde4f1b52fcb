/** Links one program: its function, the local functions it calls, and its maps (libbpf's rules). */
import {
  bpf,
  isClosedAt,
  isFunctionClosedAt,
  isKernelFunction,
  isReplacingSection,
  type LinuxType,
  linuxHelperName,
} from '../../abi/index.ts';
import { LD_IMM64, readSlot, type Slot, writeSlot } from '../slot.ts';
import type { BtfType } from './btf.ts';
import type { SourceLine } from './btf-ext.ts';
import { type CodeRange, functionAt, symbolAt } from './code-range.ts';
import type { Context } from './context.ts';
import { CORE, type CoreRelocation, resolveCore } from './core.ts';
import { noteOfCore } from './core-notes.ts';
import { applyCore, closeSlot } from './core-patch.ts';
import { ElfError } from './error.ts';
import { type ElfSymbol, type Relocation, type Section, SHF_EXECINSTR, STT } from './file.ts';
import { KernelSymbols } from './kernel-symbols.ts';
import { checkCall } from './license.ts';
import { type Address, ARENA_SECTION, LinkedMaps } from './linked-maps.ts';
import { isDataSection, isMapSection, type MapDefinition } from './map-definitions.ts';
import { type OwnType, OwnTypes } from './own-types.ts';
import { type Argument, signatureOf } from './signature.ts';

/** Numbers of the eBPF relocations: Linux Documentation/bpf/llvm_reloc.rst. */
const R_BPF_64_64 = 1;
const R_BPF_64_32 = 10;

const { INSN_BYTES, classes, jumpOps, pseudo } = bpf;
const CALL = classes.jmp | jumpOps.call;
/** LD_ABS and LD_IND (RFC 9669 §5.6) without their size. */
const LEGACY_LOADS = [0x20, 0x40];
const SIZE_MASK = 0x18;
/** BTF_FUNC_GLOBAL: linkage of a function, where types of other kinds have the number of their elements. */
const GLOBAL_LINKAGE = 1;

/** Sixteen times what the board takes, so that the verifier can say how much too long a program is. */
const MAX_LINKED_SLOTS = 65536;

export type Linked = {
  readonly code: Uint8Array;
  readonly maps: MapDefinition[];
  /** Names of the functions, the program's first. */
  readonly functions: readonly string[];
  /** What the kernel does not have or is not known here, by the slot that asks for it: a call of what does not exist stands there. */
  readonly missing: ReadonlyMap<number, ElfError>;
  /** Linux: what the types say of slots, bits of `NOTE`. */
  readonly notes: ReadonlyMap<number, number>;
  /** Linux: what functions take that are judged by themselves, by the slot where they start. */
  readonly globals: ReadonlyMap<number, readonly Argument[]>;
  /** Linux: types that the program makes objects of, or that its maps hold. */
  readonly own: readonly OwnType[];
  /** Where each slot comes from, when the object says. */
  readonly lines: (SourceLine | undefined)[];
};

const keyOf = (section: Section, offset: number) => `${section.index}:${offset}`;

class Linker {
  readonly #context: Context;
  readonly #functions: { readonly f: CodeRange; readonly start: number }[] = [];
  readonly #starts = new Map<string, number>();
  readonly #maps: LinkedMaps;
  readonly #kernel: KernelSymbols;
  readonly #missing = new Map<number, ElfError>();
  readonly #notes = new Map<number, number>();
  /** Of the program, whatever sections its functions lie in. */
  readonly #section: string;
  /** Linux: as what the program is judged. */
  readonly #type: LinuxType | undefined;
  readonly #globals = new Map<number, readonly Argument[]>();
  /** Types whose numbers the program knows. */
  readonly #named = new Set<number>();
  #slots = 0;

  constructor(context: Context, section: string, type: LinuxType | undefined) {
    const { mapTypes, kernel } = context;
    this.#context = context;
    this.#maps = new LinkedMaps(context);
    this.#kernel = new KernelSymbols(this.#linux ? mapTypes.btf : undefined, kernel);
    this.#section = section;
    this.#type = type;
  }

  /** Takes a function in, once, and says at which slot it stands. */
  #place(section: Section, offset: number): number {
    const key = keyOf(section, offset);
    const known = this.#starts.get(key);
    if (known !== undefined) return known;
    const f = functionAt(this.#context.object, section, offset);
    const start = this.#slots;
    this.#starts.set(key, start);
    this.#functions.push({ f, start });
    this.#slots += f.size / INSN_BYTES;
    this.#context.allowance.slots -= f.size / INSN_BYTES;
    if (this.#slots > MAX_LINKED_SLOTS || this.#context.allowance.slots < 0)
      throw new ElfError('object_too_large', `function ${f.name}: ${this.#slots} instructions and more`);
    return start;
  }

  get #linux() {
    return this.#context.platform === 'linux';
  }

  /** Linux relocates a program against the types of the kernel. */
  #relocateCore(view: DataView, i: number, core: CoreRelocation, f: CodeRange, start: number) {
    const { kernel, mapTypes } = this.#context;
    if (this.#linux && mapTypes.btf) this.#note(start + i, noteOfCore(mapTypes.btf, core));
    if (this.#linux && core.kind === CORE.typeIdLocal) this.#named.add(core.type);
    if (this.#linux && kernel && mapTypes.btf) applyCore(view, i, resolveCore(mapTypes.btf, kernel, core));
    else if (!this.#linux)
      throw new ElfError('core_unsupported', `function ${f.name} has CO-RE relocations of kind ${core.kind}`);
  }

  #note(slot: number, note: number) {
    if (note !== 0) this.#notes.set(slot, (this.#notes.get(slot) ?? 0) | note);
  }

  #target(symbol: ElfSymbol): Section {
    const section = this.#context.object.sections[symbol.section];
    this.#kernel.refuse(symbol);
    if (symbol.section === 0 || !section)
      throw new ElfError('unresolved_symbol', `${symbol.name || 'a symbol without name'}`);
    return section;
  }

  /** R_BPF_64_64: the address of a map, of a global variable or of a function. Returns the new two slots' fields. */
  #address(symbol: ElfSymbol, addend: number, slot: number): Address {
    const config = this.#maps.config(symbol);
    if (config) return config;
    const known = this.#kernel.address(symbol);
    if (known) {
      this.#note(slot, known.note);
      return { src: 0, low: known.low, high: known.high };
    }
    const section = this.#target(symbol);
    const offset = symbol.value + addend;
    if (isMapSection(section)) return this.#maps.declared(section, symbol, addend);
    if (isDataSection(section)) return this.#maps.variable(section, offset);
    if (section.name === ARENA_SECTION) return this.#maps.arena(symbol, offset, slot);
    if ((section.flags & SHF_EXECINSTR) === 0)
      throw new ElfError(
        'bad_relocation',
        `${symbol.name} lies in ${section.name}, which is no map, data or code`,
      );
    return { src: pseudo.imm64_function, low: this.#placeCalledBack(section, offset) - slot - 1, high: 0 };
  }

  /** Slot of the function that the call at `at` of the section goes to. */
  #callee(f: CodeRange, at: number, s: Slot, relocation: Relocation | undefined): number {
    if (!relocation) return this.#placeCalled(f.section, at + INSN_BYTES + s.imm * INSN_BYTES);
    const { symbol } = relocation;
    const base = symbol.type === STT.section ? (s.imm + 1) * INSN_BYTES : 0;
    return this.#placeCalled(this.#target(symbol), symbol.value + base);
  }

  #relocateImm64(view: DataView, slot: number, s: Slot, relocation: Relocation, start: number) {
    if (s.opcode !== LD_IMM64 || relocation.type !== R_BPF_64_64)
      throw new ElfError(
        'bad_relocation',
        `kind ${relocation.type} against ${relocation.symbol.name} at slot ${slot}`,
      );
    const { src, low, high } = this.#address(relocation.symbol, s.imm, start + slot);
    writeSlot(view, slot, { ...s, src, imm: low });
    writeSlot(view, slot + 1, { opcode: 0, dst: 0, src: 0, off: 0, imm: high });
  }

  #checkFunction(id: number) {
    checkCall(this.#context.license, id);
    if (isFunctionClosedAt(this.#section, id))
      throw new ElfError('unknown_helper', `${linuxHelperName(id)} at ${this.#section}`);
  }

  #relocateCall(view: DataView, slot: number, s: Slot, at: number, f: CodeRange, start: number) {
    const relocation = this.#context.object.relocations.get(f.section.index)?.get(at);
    const known = relocation && this.#kernel.functionId(relocation.symbol);
    if (known !== undefined) this.#checkFunction(known);
    const callee = known ?? this.#callee(f, at, s, relocation) - (start + slot) - 1;
    const src = known === undefined ? pseudo.call_local : pseudo.call_helper;
    writeSlot(view, slot, { ...s, src, imm: callee });
  }

  /** The type of the function there, when it is one that Linux judges by itself. */
  #globalAt(section: Section, offset: number): BtfType | undefined {
    const { object, mapTypes } = this.#context;
    const symbol = this.#linux && mapTypes.btf ? symbolAt(object, section, offset) : undefined;
    const type = symbol && mapTypes.btf?.function(symbol.name);
    return type?.count === GLOBAL_LINKAGE && !symbol?.hidden ? type : undefined;
  }

  /** A function that is called. */
  #placeCalled(section: Section, offset: number): number {
    const { btf } = this.#context.mapTypes;
    const global = this.#globalAt(section, offset);
    const signature = btf && global && this.#type && signatureOf(btf, global, this.#type);
    const start = this.#place(section, offset);
    if (signature) this.#globals.set(start, signature);
    return start;
  }

  /** A function that is called back: Linux takes only static ones. */
  #placeCalledBack(section: Section, offset: number): number {
    const global = this.#globalAt(section, offset);
    if (!global) return this.#place(section, offset);
    throw new ElfError('global_unsupported', `${this.#context.mapTypes.btf!.name(global)} is called back`);
  }

  /** What relocations make of the instruction in this slot, which stands at byte `at` of its section. */
  #relocateSlot(view: DataView, i: number, at: number, f: CodeRange, start: number) {
    const s = readSlot(view, i);
    const relocation = this.#context.object.relocations.get(f.section.index)?.get(at);
    const core = this.#context.ext?.core.get(f.section.name)?.get(at);
    if (core) this.#relocateCore(view, i, core, f, start);
    const calls =
      s.opcode === CALL && (relocation ? relocation.type === R_BPF_64_32 : s.src === pseudo.call_local);
    if (calls) this.#relocateCall(view, i, s, at, f, start);
    else if (this.#linux && s.opcode === CALL && s.src === pseudo.call_helper && isKernelFunction(s.imm)) {
      throw new ElfError('bad_relocation', `${f.name} calls ${s.imm}, which is no helper`);
    } else if (this.#linux && s.opcode === CALL && s.src === pseudo.call_helper && !relocation) {
      if (isClosedAt(this.#section, s.imm))
        throw new ElfError('unknown_helper', `${linuxHelperName(s.imm)} at ${this.#section}`);
      checkCall(this.#context.license, s.imm);
    } else if (relocation) {
      if (s.opcode === LD_IMM64 && (i + 2) * INSN_BYTES > view.byteLength)
        throw new ElfError('bad_relocation', `${f.name} ends within a 64-bit load`);
      this.#relocateImm64(view, i, s, relocation, start);
    }
  }

  /** On Linux only a program that comes to what the kernel does not have is wrong. */
  #close(view: DataView, slot: number, start: number, error: unknown) {
    const reached =
      error instanceof ElfError &&
      /^((core|kfunc|arena|global)_unsupported|kernel_variable|unknown_helper)$/.test(error.code);
    if (!this.#linux || !reached) throw error;
    closeSlot(view, slot);
    this.#missing.set(start + slot, error);
  }

  /** Linux wants an int from functions that legacy loads may end: only BTF says what they return. */
  #checkLegacyLoads(view: DataView, f: CodeRange, start: number) {
    const { btf } = this.#context.mapTypes;
    if (!this.#linux || start === 0 || !btf || btf.returnsInt(f.name)) return;
    for (let i = 0; i < view.byteLength / INSN_BYTES; i++) {
      const { opcode } = readSlot(view, i);
      if (opcode === LD_IMM64) i++;
      else if (LEGACY_LOADS.includes(opcode & ~SIZE_MASK)) {
        this.#missing.set(start + i, new ElfError('legacy_load_no_int', f.name));
        closeSlot(view, i);
      }
    }
  }

  /** A function's slots, relocated. Functions that it needs are placed behind those known so far. */
  #relocate(f: CodeRange, start: number): Uint8Array {
    const code = f.section.data.slice(f.offset, f.offset + f.size);
    const view = new DataView(code.buffer);
    this.#checkLegacyLoads(view, f, start);
    for (let i = 0; i < f.size / INSN_BYTES; i++) {
      const wide = readSlot(view, i).opcode === LD_IMM64;
      try {
        this.#relocateSlot(view, i, f.offset + i * INSN_BYTES, f, start);
      } catch (error) {
        this.#close(view, i, start, error);
      }
      if (wide) i++;
    }
    return code;
  }

  /** Line information stands only where the line changes; it holds until the next. */
  #lines(f: CodeRange): (SourceLine | undefined)[] {
    let line: SourceLine | undefined;
    return Array.from({ length: f.size / INSN_BYTES }, (_, i) => {
      line = this.#context.lineAt(f.section.name, f.offset + i * INSN_BYTES) ?? line;
      return line;
    });
  }

  /** Of what is linked so far: maps with the fields that hold such objects, and the types of those. */
  #withOwnTypes() {
    const { mapTypes, kernel } = this.#context;
    if (!this.#linux || !mapTypes.btf) return { maps: this.#maps.all, own: [] };
    const types = new OwnTypes(mapTypes.btf, kernel);
    const maps = this.#maps.all.map((m) => (m.fields ? { ...m, fields: types.settle(m.fields) } : m));
    const each = mapTypes.btf.variables('.ksyms').has('bpf_percpu_obj_new_impl');
    for (const id of this.#named) types.add(id);
    if (each) for (const id of this.#named) types.addEach(id);
    return { maps, own: types.types };
  }

  link(main: CodeRange): Linked {
    if (this.#linux && isReplacingSection(this.#section)) this.#placeCalled(main.section, main.offset);
    else this.#place(main.section, main.offset);
    const chunks: Uint8Array[] = [];
    const lines: (SourceLine | undefined)[] = [];
    // The list grows while it is walked: each function appends those it calls.
    for (const { f, start } of this.#functions) {
      chunks.push(this.#relocate(f, start));
      for (const line of this.#lines(f)) lines.push(line);
    }
    return {
      code: Uint8Array.from(Buffer.concat(chunks)),
      ...this.#withOwnTypes(),
      functions: this.#functions.map(({ f }) => f.name),
      missing: this.#missing,
      notes: this.#notes,
      globals: this.#globals,
      lines,
    };
  }
}

/** @throws ElfError */
export const linkProgram = (
  context: Context,
  main: CodeRange,
  section = main.section.name,
  type?: LinuxType,
): Linked => new Linker(context, section, type).link(main);
