/** What a board should say of its modules: which run in which place, which versions stay resident, the maps that they hold. */
import { lineMaps, mapTypes, SLOTS_PER_HOOK } from '../../../abi/index.ts';
import type { MapDefinition } from '../../../ebpf/index.ts';
import { isReadOnly, ModelMap } from './map.ts';
import type { Program } from './programs.ts';

/** kernel-aarch64/bpf/maps/map.h */
const MAPS_LIMIT = 64;

export const slotHooks = ['timer', 'packet', 'uart_line'] as const;
export type Hook = (typeof slotHooks)[number];

export type Version = {
  readonly number: number;
  /** Program hash, in hexadecimal digits. */
  readonly sha: string;
  readonly program: Program;
  readonly maps: readonly ModelMap[];
  readonly cores: number;
  calls: number;
  previous: Version | undefined;
};

/** A canary under watch: after so many calls it is judged by its cycles, of which nothing is known here. */
export type Watch = { readonly window: number; readonly shadow: boolean; calls: number };

export type Module = {
  readonly name: string;
  readonly hook: Hook;
  readonly slot: number;
  newest: number;
  running: Version;
  watch: Watch | undefined;
};

export type Evidence = { readonly name: string; readonly version: number; readonly reason: string };

/** The counters of the board that say what it did. */
export type Counters = Record<
  'installs' | 'refusals' | 'promotions' | 'rollbacks' | 'removals' | 'frames',
  number
>;

export type Admission = {
  readonly name: string;
  readonly hook: Hook;
  readonly program: Program;
  readonly sha: string;
  readonly cores: number;
  readonly watch: Watch | undefined;
};

/** A map of GPIO lines, which the board itself holds. */
const lineMap = (name: string): MapDefinition => ({
  name,
  type: mapTypes.array,
  keySize: 4,
  valueSize: 8,
  maxEntries: 1,
  flags: 0,
});

const chain = (version: Version | undefined): Version[] =>
  version ? [version, ...chain(version.previous)] : [];

export class Model {
  readonly cores: number;
  /** By place, as the board lists them. */
  readonly places: (Module | undefined)[] = Array.from({ length: slotHooks.length * SLOTS_PER_HOOK });
  maps: ModelMap[];
  readonly evidence: Evidence[] = [];
  sequence = 0n;
  periodUs = 0;
  readonly counters: Counters = {
    installs: 0,
    refusals: 0,
    promotions: 0,
    rollbacks: 0,
    removals: 0,
    frames: 0,
  };

  constructor(cores: number) {
    this.cores = cores;
    this.maps = Object.keys(lineMaps).map((name) => new ModelMap(lineMap(name), cores));
    for (const map of this.maps) map.users = 1; // the board
  }

  get modules(): Module[] {
    return this.places.filter((module) => module !== undefined);
  }

  /** Versions in memory. */
  get resident(): number {
    return this.modules.reduce((n, { running }) => n + chain(running).length, 0);
  }

  named(name: string): Module | undefined {
    return this.modules.find((module) => module.name === name);
  }

  #freeSlot(hook: Hook): number | undefined {
    const taken = new Set(this.modules.filter((m) => m.hook === hook).map(({ slot }) => slot));
    return Array.from({ length: SLOTS_PER_HOOK }, (_, i) => i).find((slot) => !taken.has(slot));
  }

  hasRoom(hook: Hook): boolean {
    return this.#freeSlot(hook) !== undefined;
  }

  #stateNamed(name: string): ModelMap | undefined {
    return this.maps.find(({ definition }) => definition.name === name && !isReadOnly(definition));
  }

  /** The one of this name that programs may write, or else the newest of constants. */
  mapNamed(name: string): ModelMap | undefined {
    return this.#stateNamed(name) ?? this.maps.findLast(({ definition }) => definition.name === name);
  }

  #mapFor(wanted: MapDefinition): ModelMap | undefined {
    if (!isReadOnly(wanted)) return this.#stateNamed(wanted.name);
    return this.maps.find((map) => map.definition.name === wanted.name && map.hasConstantsOf(wanted));
  }

  /** Why maps like these are refused, of what is known here: memory may be short as well. */
  refusalOfMaps(wanted: readonly MapDefinition[]): string | undefined {
    let made = 0;
    for (const definition of wanted) {
      const found = this.#mapFor(definition);
      if (found && !found.hasShapeOf(definition)) return 'map_shape';
      if (!found && this.maps.length + ++made > MAPS_LIMIT) return 'pool_full';
    }
    return undefined;
  }

  /** Bytes of all maps when this program is there, too. */
  bytesWith({ maps }: Program): number {
    const all = [...this.maps.map(({ definition }) => definition), ...maps];
    return all.reduce((sum, { valueSize, maxEntries }) => sum + valueSize * maxEntries, 0);
  }

  #hold(definition: MapDefinition): ModelMap {
    const found = this.#mapFor(definition);
    const map = found ?? new ModelMap(definition, this.cores);
    if (!found) this.maps.push(map);
    map.users++;
    return map;
  }

  #free(version: Version | undefined): void {
    for (const { maps } of chain(version)) for (const map of maps) map.users--;
    this.maps = this.maps.filter(({ users }) => users > 0);
  }

  install({ name, hook, program, sha, cores, watch }: Admission): Version {
    const maps = program.maps.map((map) => this.#hold(map));
    const module = this.named(name);
    const number = (module?.newest ?? 0) + 1;
    const version: Version = { number, sha, program, maps, cores, calls: 0, previous: module?.running };
    if (module) {
      // Two versions stay; three while a canary is watched.
      if (!watch) {
        this.#free(module.running.previous);
        module.running.previous = undefined;
      }
      Object.assign(module, { newest: number, running: version, watch });
    } else {
      const place = this.places.indexOf(undefined);
      const slot = this.#freeSlot(hook)!;
      this.places[place] = { name, hook, slot, newest: number, running: version, watch };
    }
    this.counters.installs++;
    return version;
  }

  promote(module: Module): void {
    this.#free(module.running.previous?.previous);
    if (module.running.previous) module.running.previous.previous = undefined;
    module.watch = undefined;
    this.counters.promotions++;
  }

  /** The predecessor runs again, or nothing. */
  takeBack(module: Module, reason: string): void {
    const { running: thrown } = module;
    const { previous } = thrown;
    thrown.previous = undefined;
    this.#free(thrown);
    this.evidence.push({ name: module.name, version: thrown.number, reason });
    this.counters.rollbacks++;
    module.watch = undefined;
    if (previous) module.running = previous;
    else this.places[this.places.indexOf(module)] = undefined;
  }

  /** The oldest evidence against this version is acknowledged. */
  forget(name: string, version: number): void {
    const i = this.evidence.findIndex((one) => one.name === name && one.version === version);
    if (i >= 0) this.evidence.splice(i, 1);
  }

  remove(module: Module): void {
    this.#free(module.running);
    this.places[this.places.indexOf(module)] = undefined;
    this.counters.removals++;
  }

  /** The packet hook on core 0, on a frame of the model's own; its verdict. */
  inject(frame: Uint8Array): number {
    this.counters.frames++;
    return this.#dispatch('packet', frame, frame.length);
  }

  /** The hook of typed lines, on the room of a line with so many characters; its verdict. */
  type(room: Uint8Array, len: number): number {
    return this.#dispatch('uart_line', room, len);
  }

  #dispatch(of: Hook, frame: Uint8Array, len: number): number {
    const bound = this.modules.filter(({ hook }) => hook === of).sort((a, b) => a.slot - b.slot);
    for (const module of bound) {
      const verdict = this.#call(module, frame, len);
      if (verdict > 3) return 0;
      if (verdict !== 2) return verdict;
    }
    return 2;
  }

  #call(module: Module, frame: Uint8Array, len: number): number {
    const { running, watch } = module;
    const before = watch?.shadow ? running.previous : undefined;
    const copy = Uint8Array.from(frame);
    const expected = before?.program.run(copy, before.maps, len);
    if (before) before.calls++;
    const verdict = running.program.run(frame, running.maps, len);
    running.calls++;
    if (before && (expected !== verdict || Buffer.compare(copy, frame) !== 0))
      this.takeBack(module, 'canary_disagreed');
    else if (watch) watch.calls++;
    return verdict;
  }
}
