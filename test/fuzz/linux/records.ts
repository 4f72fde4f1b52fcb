/** Cases of the verifier as Linux gets them. */
import { contextNames, isKernelFunction, linuxHelperName, linuxTypes } from '../../../abi/index.ts';
import { readSlot, writeSlot } from '../../../ebpf/slot.ts';
import { type Case, shapesOf } from '../../verifier/request.ts';
import { type Place, placeOf } from './attach.ts';
import type { MapRecord, ProgramRecord } from './file.ts';
import type { KernelTypes } from './kernel-types.ts';
import { isCall, isFunctionAddress, isLocal } from './pieces.ts';
import { LINKAGE, Types } from './types.ts';

type Shape = ReturnType<typeof shapesOf>[number];

/** A case with its code, for Linux. */
export type Sample = Case & { readonly type: NonNullable<Case['type']>; readonly raw: string };

const MAY_SLEEP = 1 << 4;
const NO_PREALLOCATION = 1;
const KERNEL_FUNCTION = 2;
const INT_BYTES = 4;
/** enum bpf_map_type: storages of sockets, inodes, tasks and cgroups, whose maps have types for their keys and values. */
const STORAGES = [24, 28, 29, 32];
/** What stands at the start of values in maps of programs that call these helpers. */
const SPECIALS = {
  bpf_spin_lock: { bytes: 4, helpers: [93, 94] },
  bpf_timer: { bytes: 16, helpers: [169, 170, 171, 172] },
  bpf_wq: { bytes: 16, helpers: [346, 347, 348] },
} as const satisfies Record<string, { readonly bytes: number; readonly helpers: readonly number[] }>;
type Special = keyof typeof SPECIALS;
const SPECIAL_NAMES = Object.keys(SPECIALS) as Special[];
/** Hashes and arrays, whose values may hold such. */
const LOCKABLE = [1, 2];

const bytesOf = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'));
const viewOf = (code: Uint8Array) => new DataView(code.buffer, code.byteOffset, code.byteLength);
const slotsOf = (code: Uint8Array) =>
  Array.from({ length: code.length / 8 }, (_, i) => readSlot(viewOf(code), i));

/** Calls of functions by their numbers in this kernel. Undefined when it has no such. */
const withFunctions = (code: Uint8Array, kernel: KernelTypes): Uint8Array | undefined => {
  const result = code.slice();
  for (const [i, slot] of slotsOf(code).entries()) {
    if (!isCall(slot) || slot.src !== 0 || !isKernelFunction(slot.imm)) continue;
    const id = kernel.get(linuxHelperName(slot.imm) ?? '');
    if (id === undefined) return undefined;
    writeSlot(viewOf(result), i, { ...slot, src: KERNEL_FUNCTION, imm: id });
  }
  return result;
};

/** Slots where functions start, the program's own among them. */
const starts = (code: Uint8Array): number[] => {
  const found = new Set([0]);
  slotsOf(code).forEach((slot, i) => {
    if (isLocal(slot) || isFunctionAddress(slot)) found.add(i + 1 + slot.imm);
  });
  return [...found].sort((a, b) => a - b);
};

/** Names of structs of the kernel. */
const OBJECTS = new Map([
  ['task', 'task_struct'],
  ['cgroup', 'cgroup'],
]);

const parameterOf = (
  types: Types,
  type: Sample['type'],
  word: string,
): { readonly type: number; readonly tags?: readonly string[] } => {
  const [takes, bytes = '0'] = word.split(':');
  const memory = () => types.pointer(types.memory(Number(bytes)));
  if (takes === 'number') return { type: types.int() };
  if (takes === 'context') return { type: types.pointer(types.struct(contextNames(type)[0] ?? 'none', 8)) };
  if (takes === 'memory') return { type: memory(), tags: ['arg:nonnull'] };
  if (takes === 'memory_or_null') return { type: memory() };
  if (takes === 'dynptr') return { type: types.pointer(types.struct('bpf_dynptr', 16)) };
  const object = OBJECTS.get(takes!.replace(/_or_null$/, ''));
  if (!object) return { type: memory(), tags: ['arg:untrusted'] };
  const tags = takes!.endsWith('_or_null') ? ['arg:trusted', 'arg:nullable'] : ['arg:trusted'];
  return { type: types.pointer(types.struct(object, 8)), tags };
};

/** What of the kernel's own a batch of programs needs, each made once. */
export class Records {
  readonly btfs: Uint8Array[] = [];
  readonly maps: MapRecord[] = [];
  readonly programs: ProgramRecord[] = [];
  readonly #known = new Map<string, number>();
  readonly #kernel: KernelTypes;

  constructor(kernel: KernelTypes) {
    this.#kernel = kernel;
  }

  #once<T>(list: T[], key: string, make: () => T): number {
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const made = make(); // may add to the list
    this.#known.set(key, list.push(made) - 1);
    return list.length - 1;
  }

  #valueTypes({ keySize, valueSize }: Shape, special: Special | undefined) {
    const types = new Types();
    const keyType = keySize === INT_BYTES ? types.int() : types.bytes(keySize);
    const bytes = special ? SPECIALS[special].bytes : 0;
    const members = [{ name: 'rest', type: types.bytes(valueSize - bytes), offset: bytes }];
    if (special) {
      const inside = [{ name: 'opaque', type: types.bytes(bytes), offset: 0 }];
      members.unshift({ name: 'special', type: types.struct(special, bytes, inside), offset: 0 });
    }
    const valueType = types.struct('value', valueSize, members);
    const key = `value ${keySize} ${valueSize} ${special}`;
    return { btf: 1 + this.#once(this.btfs, key, () => types.section()), keyType, valueType };
  }

  /** The number of a map of a program; two that are alike are two. */
  #mapOf(shapes: readonly Shape[], i: number, wanted: Special | undefined): number {
    const shape = shapes[i]!;
    const storage = STORAGES.includes(shape.type);
    const room = wanted && LOCKABLE.includes(shape.type) && shape.valueSize > SPECIALS[wanted].bytes;
    const special = room ? wanted : undefined;
    const inner = shape.inner === 0 ? 0 : 1 + this.#mapOf(shapes, shape.inner - 1, wanted);
    const key = ['map', i, ...Object.values({ ...shape, inner }), special].join();
    return this.#once(this.maps, key, () => ({
      ...shape,
      inner,
      flags: shape.flags | (storage ? NO_PREALLOCATION : 0),
      ...(storage || special ? this.#valueTypes(shape, special) : { btf: 0, keyType: 0, valueType: 0 }),
      contents: bytesOf(shape.contents),
    }));
  }

  /** A program of several functions has their types with it, as from a compiler. */
  #functionsOf(sample: Sample, code: Uint8Array) {
    const globals = sample.globals ?? {};
    const slots = starts(code);
    if (slots.length === 1) return { functions: [], btf: 0 };
    const types = new Types();
    const functions = slots.map((slot) => {
      const words = globals[slot];
      const parameters = (words ?? '')
        .split(' ')
        .filter(Boolean)
        .map((word) => parameterOf(types, sample.type, word));
      const linkage = words === undefined ? LINKAGE.static : LINKAGE.global;
      return { slot, type: types.func(`f${slot}`, linkage, parameters) };
    });
    const section = types.section();
    const key = `functions ${Buffer.from(section).toString('latin1')}`;
    return { functions, btf: 1 + this.#once(this.btfs, key, () => section) };
  }

  #attachTypeOf({ at }: Place): number | undefined {
    return at === undefined ? 0 : this.#kernel.get(at);
  }

  /** The numbers of its records, one for each place where such programs attach; none when this kernel lacks what it needs. */
  add(sample: Sample): number[] {
    const place = placeOf(sample.type, linuxTypes[sample.type].id);
    const own = bytesOf(sample.raw);
    const code = withFunctions(own, this.#kernel);
    const attachType = this.#attachTypeOf(place);
    if (!code || attachType === undefined) return [];
    const calls = slotsOf(own).filter((slot) => isCall(slot) && slot.src === 0);
    const wanted = SPECIAL_NAMES.find((name) =>
      calls.some(({ imm }) => (SPECIALS[name].helpers as readonly number[]).includes(imm)),
    );
    const shapes = shapesOf(sample);
    const record = {
      type: place.type,
      flags: sample.sleeps || place.sleeps ? MAY_SLEEP : 0,
      attachType,
      maps: shapes.map((_, i) => this.#mapOf(shapes, i, wanted)),
      ...this.#functionsOf(sample, own),
      code,
    };
    return place.attach.map((attach) => this.programs.push({ ...record, attach }) - 1);
  }
}
