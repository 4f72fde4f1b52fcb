/** What the prover's free variables and unknown functions are in one run, as seen from one way through the program. */
import { mapTypes } from '../../../abi/index.ts';
import type { ModuleProgram } from '../../../ebpf/index.ts';
import { type Assignment, Evaluator } from '../../../ebpf/prover/evaluate.ts';
import { type Memory, readByte } from '../../../ebpf/prover/memory.ts';
import { CRC } from '../../../ebpf/prover/parity.ts';
import type { Event, State } from '../../../ebpf/prover/state.ts';
import { OPEN_CRC } from '../../../ebpf/prover/vector.ts';
import { arrayKey, type MapState, type RunInput } from '../../../ebpf/wasm/index.ts';

const littleEndian = (value: bigint, size: number): Uint8Array =>
  Uint8Array.from({ length: size }, (_, i) => Number((value >> BigInt(8 * i)) & 0xffn));
const hexOf = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

/** bpf_ringbuf_output() found no room (-EAGAIN). */
const NO_ROOM = BigInt.asUintN(64, -11n);

/** IEEE 802.3; the bytes, the first one highest, and behind them what they follow. */
const crcOf = (input: bigint, count: number): bigint => {
  let crc = ~Number(input & 0xffff_ffffn);
  for (let at = count - 1; at >= 0; at--) {
    crc ^= Number((input >> BigInt(32 + 8 * at)) & 0xffn);
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return BigInt(~crc >>> 0);
};

/** Of the first of so many bytes: how many these are stands above them. */
const openCrcOf = (input: bigint, most: number): bigint => {
  const count = input >> BigInt(32 + 8 * most);
  const bytes = BigInt.asUintN(8 * most, input >> 32n) >> (8n * (BigInt(most) - count));
  return crcOf((bytes << 32n) | BigInt.asUintN(32, input), Number(count));
};

/** What it answers is no term of its own. */
const hasResult = ({ plain }: Event) => !plain;

/** RFC 9669 §5.3: what an atomic that found `old` leaves. */
const exchanged = (op: string, old: bigint, value: bigint, expected: bigint): bigint => {
  switch (op) {
    case 'add':
      return old + value;
    case 'or':
      return old | value;
    case 'and':
      return old & value;
    case 'xor':
      return old ^ value;
    case 'xchg':
      return value;
    default:
      return old === expected ? value : old;
  }
};

export class Inputs implements Assignment {
  readonly #program: ModuleProgram;
  readonly #state: State;
  readonly #input: RunInput;
  /** What events gave, one after the other: helpers, and atomics that return the old value. */
  readonly #results: readonly bigint[];
  readonly #evaluator = new Evaluator(this);
  readonly #contents = new Map<string, MapState>();
  /** Keys of hashes by the number of their slot. */
  readonly #slots: string[] = [];

  constructor(program: ModuleProgram, state: State, input: RunInput, results: readonly bigint[]) {
    this.#program = program;
    this.#state = state;
    this.#input = input;
    this.#results = results;
  }

  get value(): Evaluator {
    return this.#evaluator;
  }

  variable(name: string, width: number): bigint {
    const { context = {}, memory = [], core = 0 } = this.#input;
    const [what, of] = name.split('.');
    if (of?.startsWith('result')) {
      return BigInt.asUintN(width, this.#results[Number(of.slice(6)) - 1] ?? 0n);
    }
    if (of?.startsWith('left')) return this.value.value(this.#state.events[Number(of.slice(4))]!.plain!.left);
    if (name === 'core') return BigInt(core);
    if (name === 'packet.length') return BigInt(memory.length);
    if (what === 'context') return BigInt.asUintN(width, BigInt(context[of!] ?? 0));
    if (of === 'address' || of === 'handle') return 0x5000_0000n;
    throw new Error(`the prover names ${name}`);
  }

  select(name: string, index: bigint, width: number): bigint {
    const at = Number(BigInt.asIntN(64, index));
    if (name === 'memory' || name === 'packet') return BigInt(this.#input.memory?.[at] ?? 0);
    if (name.endsWith('.unwritten')) return 0xa5n;
    if (name.startsWith(CRC)) return crcOf(index, Number(name.slice(CRC.length)));
    if (name.startsWith(OPEN_CRC)) return openCrcOf(index, Number(name.slice(OPEN_CRC.length)));
    const [, map, version = 0, what] = name.match(/^map(\d+)(?:@(\d+))?(?:\.(\w+))?$/) ?? [];
    if (map === undefined) throw new Error(`the prover names ${name}`);
    const i = Number(map);
    const contents = this.#mapAt(i, Number(version));
    if (what !== undefined) {
      const key = hexOf(littleEndian(index, this.#program.maps[i]!.keySize));
      return what === 'present' ? BigInt(contents.has(key)) : BigInt.asUintN(width, this.#slot(key));
    }
    const { key, offset } = this.#entryAt(i, index);
    return BigInt(contents.get(key)?.[offset] ?? 0);
  }

  #slot(key: string): bigint {
    if (!this.#slots.includes(key)) this.#slots.push(key);
    return BigInt(this.#slots.indexOf(key));
  }

  #isHash(i: number): boolean {
    return this.#program.maps[i]!.type === mapTypes.hash;
  }

  /** Distance of entries. */
  #unit(i: number): bigint {
    const { valueSize } = this.#program.maps[i]!;
    return this.#isHash(i)
      ? 1n << BigInt(Math.ceil(Math.log2(Math.max(8, valueSize))))
      : BigInt(this.#state.world.stride(i));
  }

  #entryAt(i: number, index: bigint): { readonly key: string; readonly offset: number } {
    const [entry, offset] = [Number(index / this.#unit(i)), Number(index % this.#unit(i))];
    return { key: this.#isHash(i) ? (this.#slots[entry] ?? '') : arrayKey(entry >>> 0), offset };
  }

  #offsetOf(i: number, key: string): bigint {
    const entry = this.#isHash(i) ? this.#slot(key) : BigInt(Buffer.from(key, 'hex').readUInt32LE());
    return entry * this.#unit(i);
  }

  /** What calls left in a ring buffer, as runs show it (ebpf/wasm/map-state.ts): it began empty. */
  #records(i: number): MapState {
    const state = new Map<string, Uint8Array>();
    let [position, lost] = [0n, 0n];
    const put = (data: Uint8Array) =>
      state.set(hexOf(littleEndian(position, 8)), Uint8Array.from([...littleEndian(lost, 4), ...data]));
    for (const [n, { what, args }] of this.#state.events.filter(hasResult).entries()) {
      if (what !== `ringbuf_output map${i}`) continue;
      if (this.#results[n] === NO_ROOM) lost += 1n;
      if (this.#results[n] !== 0n) continue;
      const record = args[0]!;
      put(littleEndian(this.value.value(record), record.width / 8));
      position += BigInt(8 + 8 * Math.ceil(record.width / 64)); // behind its header
      lost = 0n;
    }
    put(new Uint8Array());
    return state;
  }

  /** Contents after `version` changes by helpers, and what the program wrote since. */
  written(i: number, version: number, memory: Memory): MapState {
    if (this.#program.maps[i]!.type === mapTypes.ringbuf) return this.#records(i);
    const { world } = this.#state;
    const initial = world.initial(world.regionNamed(`map${i}`), version);
    const byteAt = (at: bigint) =>
      Number(this.value.value(readByte(world.algebra, memory, world.algebra.const(at, 64), initial)));
    return new Map(
      [...this.#mapAt(i, version)].map(([key, value]) => {
        const from = this.#offsetOf(i, key);
        return [key, value.map((_, n) => byteAt(from + BigInt(n)))];
      }),
    );
  }

  #exchanged(i: number, { what, args }: Event, contents: Map<string, Uint8Array>, old: bigint): MapState {
    const [, , op, size, name] = what.split(' ');
    if (name !== `map${i}`) return contents;
    const [place, value, expected] = args.map((t) => this.value.value(t));
    const { key, offset } = this.#entryAt(i, place!);
    const bytes = Uint8Array.from(contents.get(key) ?? []);
    bytes.set(littleEndian(exchanged(op!, old, value!, expected!), Number(size)), offset);
    return contents.set(key, bytes);
  }

  #mapAt(i: number, version: number): MapState {
    const known = this.#contents.get(`${i}@${version}`);
    if (known) return known;
    const made = version === 0 ? this.#first(i) : this.#changed(i, version);
    this.#contents.set(`${i}@${version}`, made);
    return made;
  }

  #first(i: number): MapState {
    const { valueSize, maxEntries, init } = this.#program.maps[i]!;
    const given = this.#input.maps?.[i];
    if (this.#isHash(i)) return new Map(given);
    const fresh = (index: number) =>
      index === 0 && init ? Uint8Array.from(init) : new Uint8Array(valueSize);
    return new Map(
      Array.from({ length: maxEntries }, (_, index) => {
        const key = arrayKey(index);
        return [key, given?.get(key) ?? fresh(index)];
      }),
    );
  }

  #changed(i: number, version: number): MapState {
    const { events } = this.#state;
    const changes = events.filter(({ changed }) => changed.some(({ map }) => map === i));
    const event = changes[version - 1]!;
    const { memory } = event.regions.find(({ region }) => region.map === i)!;
    const contents = new Map(this.written(i, version - 1, memory));
    const result = this.#results[events.filter(hasResult).indexOf(event)] ?? 0n;
    if (event.what.startsWith('atomic')) return this.#exchanged(i, event, contents, result);
    if (result !== 0n) return contents;
    const { keySize, valueSize } = this.#program.maps[i]!;
    const [key, value] = event.args.map((t) => this.value.value(t));
    const name = hexOf(littleEndian(key!, keySize));
    if (event.what.startsWith('map_delete')) contents.delete(name);
    else contents.set(name, littleEndian(value!, valueSize));
    return contents;
  }
}
