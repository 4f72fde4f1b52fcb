/** Keys that a program asks its hash maps for, so that later runs can find something there. */
import { helpers, mapTypes } from '../../abi/index.ts';
import type { MapDefinition } from '../elf/index.ts';
import { type Instruction, targetOf } from '../instruction.ts';

const MAP_HELPERS: readonly number[] = [
  helpers.map_lookup_elem.id,
  helpers.map_update_elem.id,
  helpers.map_delete_elem.id,
];

/** Slot of each call that takes a map → index of the map that was loaded into r1 last before it. */
const mapCalls = (instructions: readonly Instruction[]): Map<number, number> => {
  const calls = new Map<number, number>();
  let map: number | undefined;
  const targets = new Set(instructions.map((i) => targetOf(i, i.slot)));
  for (const i of instructions) {
    if (targets.has(i.slot)) map = undefined;
    if (i.kind === 'ld_imm64' && i.form === 'map' && i.dst === 1) map = Number(i.imm & 0xffffffffn);
    if (i.kind !== 'call') continue;
    if (i.form === 'helper' && MAP_HELPERS.includes(i.imm) && map !== undefined) calls.set(i.slot, map);
    map = undefined;
  }
  return calls;
};

const MAX_KEYS = 16;

export class Lookups {
  readonly #calls: ReadonlyMap<number, number>;
  readonly #maps: readonly MapDefinition[];
  readonly #keys: string[][];

  constructor(instructions: readonly Instruction[], maps: readonly MapDefinition[]) {
    this.#calls = mapCalls(instructions);
    this.#maps = maps;
    this.#keys = maps.map(() => []);
  }

  /** To be called before each instruction of a run. */
  observe(slot: number, registers: BigUint64Array, read: (at: number, size: number) => Uint8Array): void {
    const index = this.#calls.get(slot);
    const map = index === undefined ? undefined : this.#maps[index];
    if (!map || map.type !== mapTypes.hash) return;
    const key = Buffer.from(read(Number(registers[2]), map.keySize)).toString('hex');
    const keys = this.#keys[index!]!;
    if (keys.includes(key)) return;
    if (keys.length >= MAX_KEYS) keys.shift();
    keys.push(key);
  }

  /** Keys of this map, in hex. */
  keys(map: number): readonly string[] {
    return this.#keys[map] ?? [];
  }
}
