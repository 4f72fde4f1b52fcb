/** Loads compiled eBPF objects: which programs they hold, for which hooks, with which maps. */
import {
  type Handed,
  handedAt,
  hooks,
  isMemberSection,
  isReplacingSection,
  type LinuxType,
  linuxTypeOf,
  maySleep,
  otherTypesOf,
} from '../../abi/index.ts';
import { Btf } from './btf.ts';
import { type BtfExt, readBtfExt, type SourceLine } from './btf-ext.ts';
import { catcherOf } from './catcher.ts';
import { type CodeRange, functionAt } from './code-range.ts';
import type { Context, Platform } from './context.ts';
import type { KernelTypes } from './core-types.ts';
import { type LineAt, readDebugLine } from './debug-line.ts';
import { ElfError } from './error.ts';
import { type ElfObject, readElf, type Section, SHF_EXECINSTR, SHT, STT } from './file.ts';
import { withFrameSums } from './frame-sums.ts';
import { checkSection, licenseOf } from './license.ts';
import { linkProgram } from './link.ts';
import { type MapDefinition, mapOfSymbol, mapSymbols, mapTypesOf } from './map-definitions.ts';
import type { OwnType } from './own-types.ts';
import { type Part, partsOf } from './parts.ts';
import { probedBytes, registersOf, typesWith } from './registers.ts';
import { type Argument, typeReplacing } from './signature.ts';
import { type Implemented, implementedIn } from './struct-ops.ts';
import { contextBytesOf } from './traced.ts';

export type HookName = keyof typeof hooks;

export type ModuleProgram = {
  /** Name of the C function. */
  readonly name: string;
  readonly section: string;
  readonly hook: HookName;
  readonly hookId: number;
  /** Instructions with local functions linked in; map references carry the index into `maps`. */
  readonly code: Uint8Array;
  readonly maps: readonly MapDefinition[];
  /** Line of C of each slot, when the object was compiled with -g. */
  readonly lines?: readonly (SourceLine | undefined)[];
};

/** A program of Linux. */
export type LinuxModule = Pick<ModuleProgram, 'name' | 'section' | 'code' | 'maps' | 'lines'> & {
  readonly type: LinuxType;
  readonly maySleep: boolean;
  /** What the first words of its context hand over. */
  readonly handed: readonly Handed[];
  /** What it returns does not matter. */
  readonly silent?: boolean;
  /** What is known of places in objects of the kernel. */
  readonly parts: readonly Part[];
  /** Bytes of its context, when that is known better than by its type. */
  readonly contextBytes?: number;
  /** The function that is called with what the program throws; it has no function of its own for that. */
  readonly catcher?: LinuxModule;
  /** The same as another type that a loader may make of its section. @throws ElfError */
  readonly otherwise?: () => LinuxModule;
  /** What the kernel does not have or is not known here, by the slot that asks for it. */
  readonly missing: ReadonlyMap<number, ElfError>;
  /** What its types say of slots: bits of `NOTE`. */
  readonly notes: ReadonlyMap<number, number>;
  /** What functions take that are judged by themselves, by the slot where they start. */
  readonly globals: ReadonlyMap<number, readonly Argument[]>;
  /** Types that it makes objects of, or that its maps hold. */
  readonly own: readonly OwnType[];
};

export type LoadOptions = {
  /** Name of the object, first part of the names of its data maps (`fir.rodata`). Default `module`. */
  readonly name?: string;
};

export type LoadedObject = {
  readonly programs: readonly ModuleProgram[];
  /** Every map that a program uses, and those declared but unused. */
  readonly maps: readonly MapDefinition[];
};

/** One function of a program section: the program, or why it can't be loaded. */
export type LoadedFunction<P = ModuleProgram> = { readonly section: string; readonly name: string } & (
  | { readonly program: P }
  | { readonly error: ElfError }
);

const hookOf = (section: string): HookName | undefined =>
  (Object.keys(hooks) as HookName[]).find((name) =>
    hooks[name].sections.some(
      (s) => section === s || section.startsWith(`${s}/`) || section.startsWith(`${s}.`),
    ),
  );

const isProgramSection = (s: Section) =>
  s.type === SHT.progbits && (s.flags & SHF_EXECINSTR) !== 0 && s.data.length > 0 && s.name !== '.text';

/** Global functions; in a section without function symbols, as an assembler makes them, what starts at 0. */
const entries = (object: ElfObject, section: Section): Set<number> => {
  const functions = (object.symbols.get(section.index) ?? []).filter((s) => s.type === STT.func && s.global);
  return new Set(functions.length > 0 ? functions.map((s) => s.value) : [0]);
};

/** Linking takes a second at most. */
const MAX_SLOTS = 256 * 1024;

/** Lines by BTF, and where it has none by DWARF, which is read when the first is asked for. */
const linesOf = (object: ElfObject, ext: BtfExt | undefined): LineAt => {
  let dwarf: LineAt | undefined;
  return (section, offset) => {
    if (ext?.hasLines(section)) return ext.lineAt(section, offset);
    dwarf ??= readDebugLine(object);
    return dwarf(section, offset);
  };
};

const contextOf = (
  file: Uint8Array,
  options: LoadOptions,
  platform: Platform,
  kernel?: KernelTypes,
): Context => {
  const object = readElf(file);
  const data = (name: string) => object.sections.find((s) => s.name === name && s.data.length > 0)?.data;
  const types = data('.BTF');
  const btf = types && new Btf(types);
  const more = data('.BTF.ext');
  const ext: BtfExt | undefined = btf && more ? readBtfExt(more, btf.strings) : undefined;
  const allowance = { slots: MAX_SLOTS };
  return {
    object,
    objectName: options.name ?? 'module',
    license: licenseOf(object),
    mapTypes: mapTypesOf(btf),
    ext,
    lineAt: linesOf(object, ext),
    registers: platform === 'linux' ? registersOf(kernel?.btf ?? btf) : undefined,
    platform,
    kernel,
    allowance,
  };
};

const loadFunction = (context: Context, f: CodeRange): ModuleProgram => {
  const hook = hookOf(f.section.name);
  if (!hook)
    throw new ElfError(
      'unknown_section',
      `${f.section.name}; the hooks are ${Object.keys(hooks).join(', ')}, and with --platform linux those of Linux`,
    );
  const { code, maps, lines } = linkProgram(context, f);
  const known = lines.some((l) => l !== undefined) ? { lines } : {};
  return {
    name: f.name,
    section: f.section.name,
    hook,
    hookId: hooks[hook].id,
    code: withFrameSums(code),
    maps,
    ...known,
  };
};

/** Of a member of a struct, what its types say of its context. */
const contextOfMember = ({ handed, silent }: Implemented) => ({
  handed,
  silent,
  contextBytes: 8 * handed.length,
});

/** Of a program that takes the place of a function, what its own types say: they are that function's. */
const replacedType = ({ mapTypes: { btf } }: Context, f: CodeRange): LinuxType | undefined => {
  const func = isReplacingSection(f.section.name) ? btf?.function(f.name) : undefined;
  return btf && func && typeReplacing(btf, func);
};

const loadLinux =
  (file: string, type: LinuxType | undefined) =>
  (context: Context, f: CodeRange): LinuxModule => {
    const member =
      type === undefined && isMemberSection(f.section.name) ? implementedIn(context, f) : undefined;
    const named = type ?? member?.rules.type ?? replacedType(context, f) ?? linuxTypeOf(f.section.name, file);
    const place = member ? `struct_ops/${member.struct}.${member.member}` : f.section.name;
    if (named === 'closed')
      throw new ElfError('unknown_section', `${f.section.name} is a hook that Linux gives to no program`);
    if (named === 'typed') throw new ElfError('btf_unsupported', `section ${f.section.name}`);
    checkSection(context.license, f.section.name);
    const catches = catcherOf(context, f.name);
    const linkAs = (type: LinuxType, range: CodeRange): LinuxModule => {
      const linked = linkProgram(context, range, place, type);
      const { code, maps, functions, missing, notes, globals, own, lines } = linked;
      if (range === f && catches && functions.includes(catches.name))
        throw new ElfError('bad_relocation', `${f.name} calls ${catches.name}, which only catches`);
      const known = lines.some((l) => l !== undefined) ? { lines } : {};
      const contextBytes =
        probedBytes(context.registers, type) ?? contextBytesOf(f.section.name, context.kernel);
      const from = {
        name: range.name,
        section: f.section.name,
        maySleep: maySleep(f.section.name),
        handed: handedAt(f.section.name),
        parts: partsOf(context.mapTypes.btf, context.kernel, type, f.section.name),
        ...(contextBytes === undefined ? {} : { contextBytes }),
        ...(member ? contextOfMember(member) : {}),
      };
      return { ...from, type, code, maps, missing, notes, globals, own, ...known };
    };
    const linkFrom = (first: LinuxType, others: readonly LinuxType[]): LinuxModule => ({
      ...linkAs(first, f),
      ...(catches ? { catcher: linkAs(first, catches) } : {}),
      ...(others[0] ? { otherwise: () => linkFrom(others[0]!, others.slice(1)) } : {}),
    });
    const others = type === undefined ? otherTypesOf(f.section.name, file) : [];
    const [first, ...machines] = typesWith(context.registers, named);
    return linkFrom(first, [...machines, ...others]);
  };

type Load<P> = (context: Context, f: CodeRange) => P;

const attempt = <P>(context: Context, section: Section, offset: number, load: Load<P>): LoadedFunction<P> => {
  let name = section.name;
  try {
    const f = functionAt(context.object, section, offset);
    name = f.name;
    return { section: section.name, name, program: load(context, f) };
  } catch (error) {
    if (!(error instanceof ElfError)) throw error;
    return { section: section.name, name, error };
  }
};

const loadAll = <P>(
  file: Uint8Array,
  options: LoadOptions,
  platform: Platform,
  load: Load<P>,
  kernel?: KernelTypes,
) => {
  const context = contextOf(file, options, platform, kernel);
  const functions = context.object.sections
    .filter(isProgramSection)
    .flatMap((section) =>
      [...entries(context.object, section)].map((offset) => attempt(context, section, offset, load)),
    );
  if (functions.length === 0) throw new ElfError('no_program', 'no section holds code for a hook');
  return { context, functions };
};

/**
 * Every function of every program section with its own verdict.
 * @throws ElfError when the file as a whole can't be read.
 */
export const loadFunctions = (file: Uint8Array, options: LoadOptions = {}): LoadedFunction[] =>
  loadAll(file, options, 'velocity', loadFunction).functions;

export type LinuxOptions = {
  /** Name of the file, a hint for sections that say nothing. */
  readonly file?: string;
  /** Type of every program, whatever its section says. */
  readonly type?: LinuxType;
  /** The kernel that programs are relocated for. Default: the types they were compiled with. */
  readonly kernel?: KernelTypes;
};

/**
 * The same for an object that was made for Linux.
 * @throws ElfError when the file as a whole can't be read.
 */
export const loadLinuxFunctions = (
  file: Uint8Array,
  options: LinuxOptions = {},
): LoadedFunction<LinuxModule>[] =>
  loadAll(file, {}, 'linux', loadLinux(options.file ?? '', options.type), options.kernel).functions;

/**
 * Programs and maps of an object.
 * @throws ElfError, and nothing else, on any bytes: when the file or any of its programs can't be loaded.
 */
export const loadObject = (file: Uint8Array, options: LoadOptions = {}): LoadedObject => {
  const { context, functions } = loadAll(file, options, 'velocity', loadFunction);
  const programs = functions.map((f) => {
    if ('error' in f) throw f.error;
    return f.program;
  });
  const maps = new Map<string, MapDefinition>();
  for (const program of programs) for (const map of program.maps) maps.set(map.name, map);
  for (const symbol of mapSymbols(context.object))
    if (!maps.has(symbol.name)) maps.set(symbol.name, mapOfSymbol(context.object, context.mapTypes, symbol));
  return { programs, maps: [...maps.values()] };
};
