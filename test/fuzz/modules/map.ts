/** A map as the board should keep it: found by name, held by versions, its contents. */
import { MAP_FLAG_READ_ONLY, mapTypes } from '../../../abi/index.ts';
import type { MapDefinition } from '../../../ebpf/index.ts';

/** What a message holds of a value. */
export const MESSAGE_VALUE_BYTES = 2048;

export const isReadOnly = ({ flags }: MapDefinition): boolean => (flags & MAP_FLAG_READ_ONLY) !== 0;

export const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

const sameBytes = (a: Uint8Array, b: Uint8Array) => Buffer.compare(a, b) === 0;

/** Entry 0 of a map that is made of this definition. */
const firstValue = (definition: MapDefinition): Buffer => {
  const value = Buffer.alloc(definition.valueSize);
  value.set(definition.init ?? []);
  return value;
};

export class ModelMap {
  readonly definition: MapDefinition;
  /** Versions that hold it. */
  users = 0;
  readonly #copies: number;
  readonly #values = new Map<string, Buffer[]>();

  constructor(definition: MapDefinition, cores: number) {
    this.definition = definition;
    this.#copies = definition.type === mapTypes.percpu_array ? cores : 1;
    if (this.#isHash) return;
    for (let i = 0; i < definition.maxEntries; i++) {
      const key = Buffer.alloc(4);
      key.writeUInt32LE(i);
      const values = Array.from({ length: this.#copies }, () =>
        i === 0 ? firstValue(definition) : Buffer.alloc(definition.valueSize),
      );
      this.#values.set(hex(key), values);
    }
  }

  get #isHash() {
    return this.definition.type === mapTypes.hash;
  }

  get entries() {
    return this.#values.size;
  }

  get keys(): readonly string[] {
    return [...this.#values.keys()];
  }

  hasShapeOf(other: MapDefinition): boolean {
    const fields = ['type', 'keySize', 'valueSize', 'maxEntries', 'flags'] as const;
    return fields.every((field) => this.definition[field] === other[field]);
  }

  /** Read-only maps are one when nothing differs. */
  hasConstantsOf(other: MapDefinition): boolean {
    return (
      isReadOnly(this.definition) &&
      this.hasShapeOf(other) &&
      sameBytes(firstValue(this.definition), firstValue(other))
    );
  }

  /** The value that a program on core 0 works on. */
  lookup(key: Uint8Array): Buffer | undefined {
    return this.#values.get(hex(key))?.[0];
  }

  /** As a program on core 0 does; false when a hash map is full. */
  update(key: Uint8Array, value: Uint8Array): boolean {
    const held = this.lookup(key);
    if (held) held.set(value);
    else if (!this.#isHash || this.entries === this.definition.maxEntries) return false;
    else this.#values.set(hex(key), [Buffer.from(value)]);
    return true;
  }

  delete(key: Uint8Array): void {
    if (this.#isHash) this.#values.delete(hex(key));
  }

  get valueBytes() {
    return this.definition.valueSize * this.#copies;
  }

  /** What `map_read` gives: a value, or the name of the status that refuses it. */
  read(key: Uint8Array): Buffer | string {
    if (key.length !== this.definition.keySize) return 'invalid_argument';
    if (this.valueBytes > MESSAGE_VALUE_BYTES) return 'too_long';
    const values = this.#values.get(hex(key));
    return values ? Buffer.concat(values) : 'no_entry';
  }

  /** What `map_write` does; the name of the status that it answers with. */
  write(key: Uint8Array, value: Uint8Array): string {
    if (key.length !== this.definition.keySize || value.length !== this.valueBytes) return 'invalid_argument';
    if (isReadOnly(this.definition)) return 'access_denied';
    if (this.#isHash) return this.update(key, value) ? 'ok' : 'pool_full';
    const values = this.#values.get(hex(key));
    if (!values) return 'no_entry';
    for (const [core, held] of values.entries())
      held.set(value.subarray(core * held.length, (core + 1) * held.length));
    return 'ok';
  }
}
