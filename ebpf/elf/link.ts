/** Links one program: its function, the local functions it calls, and its maps (libbpf's rules). */
import {
  bpf,
  HOST_PROGRAM_MAPS,
  isClosedAt,
  isKernelFunction,
  kernelFunctionId,
  type LinuxType,
  linuxHelperName,
  MAP_FLAG_READ_ONLY,
  MAX_MAPS_PER_PROGRAM,
  mapTypes,
} from '../../abi/index.ts';
import { LD_IMM64, readSlot, type Slot, writeSlot } from '../slot.ts';
import { BTF_KIND, type BtfType } from './btf.ts';
import type { BtfExt, SourceLine } from './btf-ext.ts';
import { type CodeRange, functionAt, symbolAt } from './code-range.ts';
import { CORE, type CoreRelocation, resolveCore } from './core.ts';
import { NOTE, noteOfCore } from './core-notes.ts';
import { applyCore, closeSlot } from './core-patch.ts';
import { isComposite, isEnum, type KernelTypes } from './core-types.ts';
import type { LineAt } from './debug-line.ts';
import { ElfError } from './error.ts';
import { type ElfObject, type ElfSymbol, type Relocation, type Section, SHF_EXECINSTR, STT } from './file.ts';
import { kernelFieldsOfSection } from './kernel-fields.ts';
import { checkCall } from './license.ts';
import {
  isDataSection,
  isMapSection,
  type MapDefinition,
  type MapTypes,
  mapOfData,
  mapOfSymbol,
  mapSymbols,
} from './map-definitions.ts';
import { type OwnType, OwnTypes } from './own-types.ts';
import type { Registers } from './registers.ts';
import { type Argument, signatureOf } from './signature.ts';

/** Numbers of the eBPF relocations: Linux Documentation/bpf/llvm_reloc.rst. */
const R_BPF_64_64 = 1;
const R_BPF_64_32 = 10;

const { INSN_BYTES, classes, jumpOps, pseudo } = bpf;
const CALL = classes.jmp | jumpOps.call;
/** LD_ABS and LD_IND (RFC 9669 §5.6) without their size. */
const LEGACY_LOADS = [0x20, 0x40];
const SIZE_MASK = 0x18;
/** Where text of the kernel may lie, in the lower half of an address whose upper half is ones. */
const TEXT_LOW = -0x7f00_0000;

/** KERNEL_VERSION(6, 18, 0), whose rules abi/platforms/ holds. */
const LINUX_VERSION = Uint8Array.of(0, 18, 6, 0);

/** Data of the arena, and the type of that map (enum bpf_map_type). */
const ARENA_SECTION = '.addr_space.1';
const ARENA = 33;

/** BTF_FUNC_GLOBAL: linkage of a function, where types of other kinds have the number of their elements. */
const GLOBAL_LINKAGE = 1;

export type Platform = 'velocity' | 'linux';

export type Context = {
  readonly object: ElfObject;
  readonly objectName: string;
  readonly license: string | undefined;
  readonly mapTypes: MapTypes;
  readonly ext: BtfExt | undefined;
  readonly lineAt: LineAt;
  readonly registers: Registers;
  /** The kernel that programs are relocated for; without one, what holds for the types they were compiled with is judged. */
  readonly kernel: KernelTypes | undefined;
  /** Which rules hold: those of the board, or of Linux. */
  readonly platform: Platform;
  /** Slots that may still be linked from this object: overlapping functions must not take for ever. */
  readonly allowance: { slots: number };
};

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
  readonly #maps: MapDefinition[] = [];
  readonly #mapIndex = new Map<string, number>();
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
    this.#context = context;
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

  #map(key: string, make: () => MapDefinition): number {
    const known = this.#mapIndex.get(key);
    if (known !== undefined) return known;
    const most = this.#linux ? HOST_PROGRAM_MAPS : MAX_MAPS_PER_PROGRAM;
    if (this.#maps.length === most)
      throw new ElfError('too_many_maps', `the program uses more than ${most} maps`);
    this.#mapIndex.set(key, this.#maps.length);
    const index = this.#maps.push(make()) - 1;
    const { holds } = this.#maps[index]!;
    if (holds) this.#maps[index] = { ...this.#maps[index]!, inner: this.#map(`${key}*`, () => holds) };
    return index;
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

  /** What of the kernel a symbol stands for. */
  #kernelSymbol(symbol: ElfSymbol) {
    const { btf } = this.#context.mapTypes;
    return this.#linux && symbol.section === 0 ? btf?.variables('.ksyms').get(symbol.name) : undefined;
  }

  /** The number under which the verifier knows this function of the kernel. */
  #kernelFunction(symbol: ElfSymbol) {
    return this.#kernelSymbol(symbol)?.kind === BTF_KIND.func ? kernelFunctionId(symbol.name) : undefined;
  }

  /** `extern const void NAME __ksym`: nothing but the address of what is there, anywhere in the kernel. */
  #kernelAddress(symbol: ElfSymbol) {
    const { btf } = this.#context.mapTypes;
    const known = this.#kernelSymbol(symbol);
    return btf !== undefined && known?.kind === BTF_KIND.var && btf.resolve(known.value).kind === 0;
  }

  /**
   * `extern struct NAME variable __ksym`: where a variable of the kernel lies. Kernels say where only of those that each
   * processor has, and of none that a program asks for weakly and they do not have.
   */
  #kernelVariable(symbol: ElfSymbol) {
    const { btf } = this.#context.mapTypes;
    const known = this.#kernelSymbol(symbol);
    if (!btf || known?.kind !== BTF_KIND.var) return undefined;
    const { kernel } = this.#context;
    const theirs = kernel?.btf.variable(symbol.name);
    if (kernel && !theirs && symbol.weak) return { at: { low: 0, high: 0 }, note: 0 };
    if (kernel && !theirs) throw new ElfError('kernel_variable', symbol.name);
    const types = theirs && kernel ? kernel.btf : btf;
    const { kind, value } = types.resolve((theirs ?? known).value);
    const isNumber = kind === BTF_KIND.int || isEnum(kind) || kind === BTF_KIND.ptr;
    const size = [1, 2, 4, 8].indexOf(kind === BTF_KIND.ptr ? 8 : value);
    if (!isComposite(kind) && (!isNumber || size < 0)) throw new ElfError('kernel_variable', symbol.name);
    return { at: { low: TEXT_LOW, high: -1 }, note: NOTE.perCpu * (isComposite(kind) ? 1 : 2 + size) };
  }

  #target(symbol: ElfSymbol): Section {
    const section = this.#context.object.sections[symbol.section];
    const known = this.#kernelSymbol(symbol);
    if (known?.kind === BTF_KIND.func) throw new ElfError('kfunc_unsupported', symbol.name);
    if (known) throw new ElfError('kernel_variable', symbol.name);
    if (symbol.section === 0 || !section)
      throw new ElfError('unresolved_symbol', `${symbol.name || 'a symbol without name'}`);
    return section;
  }

  /** A variable of the kernel's configuration, which the loader fills in: a read-only map of its own. */
  #config(symbol: ElfSymbol) {
    const { btf } = this.#context.mapTypes;
    const variable = symbol.section === 0 ? btf?.variables('.kconfig').get(symbol.name) : undefined;
    if (!this.#linux || !btf || !variable) return undefined;
    const valueSize = btf.sizeOf(variable.value);
    const isVersion = symbol.name === 'LINUX_KERNEL_VERSION' && valueSize === LINUX_VERSION.length;
    const low = this.#map(`k${symbol.name}`, () => ({
      name: symbol.name,
      type: mapTypes.array,
      keySize: 4,
      valueSize,
      maxEntries: 1,
      flags: MAP_FLAG_READ_ONLY,
      ...(isVersion ? { init: LINUX_VERSION, fixed: true } : {}),
    }));
    return { src: pseudo.imm64_map_value, low, high: 0 };
  }

  /** R_BPF_64_64: the address of a map, of a global variable or of a function. Returns the new two slots' fields. */
  #address(symbol: ElfSymbol, addend: number, slot: number): { src: number; low: number; high: number } {
    const config = this.#config(symbol);
    if (config) return config;
    // Only whether the kernel has it can be asked of its address.
    if (this.#kernelFunction(symbol) !== undefined) return { src: 0, low: 1, high: 0 };
    if (this.#kernelAddress(symbol)) return { src: 0, low: TEXT_LOW, high: -1 };
    const variable = this.#kernelVariable(symbol);
    if (variable) {
      this.#note(slot, variable.note);
      return { src: 0, ...variable.at };
    }
    const section = this.#target(symbol);
    if (isMapSection(section)) {
      const { object, mapTypes: types } = this.#context;
      const map = symbol.type === STT.section ? symbolAt(object, section, addend) : symbol;
      if (!map) throw new ElfError('bad_relocation', `nothing is defined at ${section.name}+${addend}`);
      const index = this.#map(`m${section.index}:${map.value}`, () =>
        mapOfSymbol(object, types, map, this.#linux),
      );
      return { src: pseudo.imm64_map, low: index, high: 0 };
    }
    const offset = symbol.value + addend;
    if (isDataSection(section)) return this.#variable(section, offset);
    if (section.name === ARENA_SECTION) return this.#arena(symbol, offset, slot);
    if ((section.flags & SHF_EXECINSTR) === 0)
      throw new ElfError(
        'bad_relocation',
        `${symbol.name} lies in ${section.name}, which is no map, data or code`,
      );
    return { src: pseudo.imm64_function, low: this.#placeCalledBack(section, offset) - slot - 1, high: 0 };
  }

  /** What lies in the only arena of the object (libbpf, ARENA_SEC). */
  #arena(symbol: ElfSymbol, offset: number, slot: number) {
    const { object, mapTypes: types } = this.#context;
    const [arena, ...more] = mapSymbols(object)
      .map((map) => ({ map, shape: mapOfSymbol(object, types, map, true) }))
      .filter(({ shape }) => shape.type === ARENA);
    if (!this.#linux || !arena || more.length > 0)
      throw new ElfError('arena_unsupported', `${symbol.name} at slot ${slot}`);
    const { section, value } = arena.map;
    const low = this.#map(`m${section}:${value}`, () => arena.shape);
    return { src: pseudo.imm64_map_value, low, high: offset };
  }

  #variable(section: Section, offset: number) {
    if (offset < 0 || offset >= section.size)
      throw new ElfError(
        'bad_relocation',
        `offset ${offset} is outside ${section.name}, ${section.size} bytes`,
      );
    if (!this.#linux && this.#context.object.relocations.has(section.index))
      throw new ElfError(
        'bad_relocation',
        `${section.name} holds addresses, which have no meaning on the board`,
      );
    const index = this.#map(`d${section.index}`, () => ({
      ...mapOfData(section, this.#context.objectName),
      ...(this.#linux ? this.#linuxData(section) : {}),
    }));
    return { src: pseudo.imm64_map_value, low: index, high: offset };
  }

  /** Linux freezes read-only data before it verifies: what a program finds there is what the object holds. */
  #linuxData(section: Section) {
    const { object, mapTypes: types } = this.#context;
    const whole = section.data.length === section.size && !object.relocations.has(section.index);
    const fixed = whole && section.name.startsWith('.rodata');
    return {
      fields: kernelFieldsOfSection(types.btf, section.name, object.symbols.get(section.index)),
      fixed,
    };
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

  #relocateCall(view: DataView, slot: number, s: Slot, at: number, f: CodeRange, start: number) {
    const relocation = this.#context.object.relocations.get(f.section.index)?.get(at);
    const known = relocation && this.#kernelFunction(relocation.symbol);
    if (known !== undefined) checkCall(this.#context.license, known);
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
    if (!this.#linux || !mapTypes.btf) return { maps: this.#maps, own: [] };
    const types = new OwnTypes(mapTypes.btf, kernel);
    const maps = this.#maps.map((m) => (m.fields ? { ...m, fields: types.settle(m.fields) } : m));
    for (const id of this.#named) types.add(id);
    return { maps, own: types.types };
  }

  link(main: CodeRange): Linked {
    this.#place(main.section, main.offset);
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
