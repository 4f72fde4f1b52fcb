/** The maps of one program: those that its object declares, and those that hold its variables (libbpf's rules). */
import {
  bpf,
  HOST_PROGRAM_MAPS,
  MAP_FLAG_READ_ONLY,
  MAX_MAPS_PER_PROGRAM,
  mapTypes,
} from '../../abi/index.ts';
import { symbolAt } from './code-range.ts';
import type { Context } from './context.ts';
import { ElfError } from './error.ts';
import { type ElfSymbol, type Section, STT } from './file.ts';
import { fieldsIn, kernelFieldsOfSection } from './kernel-fields.ts';
import { type MapDefinition, mapOfData, mapOfSymbol, mapSymbols } from './map-definitions.ts';

const { pseudo } = bpf;

/** Data of the arena, and the type of that map (enum bpf_map_type). */
export const ARENA_SECTION = '.addr_space.1';
const ARENA = 33;

/** KERNEL_VERSION(6, 18, 0), whose rules abi/platforms/ holds. */
const LINUX_VERSION = Uint8Array.of(0, 18, 6, 0);

/** The fields of two slots that load an address. */
export type Address = { readonly src: number; readonly low: number; readonly high: number };

export class LinkedMaps {
  readonly #context: Context;
  readonly #maps: MapDefinition[] = [];
  readonly #indices = new Map<string, number>();

  constructor(context: Context) {
    this.#context = context;
  }

  /** In the order in which the program asked for them. */
  get all(): MapDefinition[] {
    return this.#maps;
  }

  get #linux() {
    return this.#context.platform === 'linux';
  }

  #indexOf(key: string, make: () => MapDefinition): number {
    const known = this.#indices.get(key);
    if (known !== undefined) return known;
    const most = this.#linux ? HOST_PROGRAM_MAPS : MAX_MAPS_PER_PROGRAM;
    if (this.#maps.length === most)
      throw new ElfError('too_many_maps', `the program uses more than ${most} maps`);
    this.#indices.set(key, this.#maps.length);
    const index = this.#maps.push(make()) - 1;
    const { holds } = this.#maps[index]!;
    if (holds) this.#maps[index] = { ...this.#maps[index]!, inner: this.#indexOf(`${key}*`, () => holds) };
    return index;
  }

  /** A variable of the kernel's configuration, which the loader fills in: a read-only map of its own. */
  config(symbol: ElfSymbol): Address | undefined {
    const { btf } = this.#context.mapTypes;
    const variable = symbol.section === 0 ? btf?.variables('.kconfig').get(symbol.name) : undefined;
    if (!this.#linux || !btf || !variable) return undefined;
    const valueSize = btf.sizeOf(variable.value);
    const isVersion = symbol.name === 'LINUX_KERNEL_VERSION' && valueSize === LINUX_VERSION.length;
    const low = this.#indexOf(`k${symbol.name}`, () => ({
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

  /** A map of the sections `.maps` and `maps`. */
  declared(section: Section, symbol: ElfSymbol, addend: number): Address {
    const { object } = this.#context;
    const map = symbol.type === STT.section ? symbolAt(object, section, addend) : symbol;
    if (!map) throw new ElfError('bad_relocation', `nothing is defined at ${section.name}+${addend}`);
    return { src: pseudo.imm64_map, low: this.#indexOfSymbol(map), high: 0 };
  }

  #indexOfSymbol(map: ElfSymbol): number {
    const { object, mapTypes: types } = this.#context;
    return this.#indexOf(`m${map.section}:${map.value}`, () => mapOfSymbol(object, types, map, this.#linux));
  }

  /** What lies in the only arena of the object (libbpf, ARENA_SEC). */
  arena(symbol: ElfSymbol, offset: number, slot: number): Address {
    const { object, mapTypes: types } = this.#context;
    const [arena, ...more] = mapSymbols(object).filter(
      (map) => mapOfSymbol(object, types, map, true).type === ARENA,
    );
    if (!this.#linux || !arena || more.length > 0)
      throw new ElfError('arena_unsupported', `${symbol.name} at slot ${slot}`);
    return { src: pseudo.imm64_map_value, low: this.#indexOfSymbol(arena), high: offset };
  }

  /** What lies at a place of a section of data, which is a map of one element. */
  variable(section: Section, offset: number): Address {
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
    const low = this.#indexOf(`d${section.index}`, () => {
      const map = mapOfData(section, this.#context.objectName, this.#linux);
      return this.#linux ? { ...map, ...this.#linuxData(section, map) } : map;
    });
    return { src: pseudo.imm64_map_value, low, high: offset };
  }

  /** Linux freezes read-only data before it verifies: what a program finds there is what the object holds. */
  #linuxData(section: Section, { type, flags }: MapDefinition) {
    const { object, mapTypes: types } = this.#context;
    const whole = section.data.length === section.size && !object.relocations.has(section.index);
    const fixed = whole && section.name.startsWith('.rodata');
    const found = kernelFieldsOfSection(types.btf, section.name, object.symbols.get(section.index));
    return { fields: fieldsIn(type, flags, found), fixed };
  }
}
