/** Programs of hooks whose every effect is known: on their maps, on the frame, and what they return. */
import { MAP_FLAG_READ_ONLY, mapTypes, verdicts } from '../../../abi/index.ts';
import { assemble, type MapDefinition } from '../../../ebpf/index.ts';
import type { Random } from '../../../ebpf/random.ts';
import type { ModelMap } from './map.ts';

export type Program = {
  readonly code: Uint8Array;
  readonly maps: readonly MapDefinition[];
  /** What a run on core 0 returns and does to its maps and the frame, or the room of a line; `len` is what its context says. */
  readonly run: (frame: Uint8Array, maps: readonly ModelMap[], len: number) => number;
  /** Status by which it is refused, whatever else is right. */
  readonly refusal?: string;
};

/** Few names and shapes, so that versions meet at them. */
const MAP_NAMES = ['a', 'a', 'flows', 'a.b-c_d', 'x'.repeat(31)];
/** Bytes of a value that a program counts in. */
const COUNTER_BYTES = 8;

const constant = (verdict: number): Program => ({
  code: assemble(`r0 = ${verdict}\nexit`),
  maps: [],
  run: () => verdict,
});

/** It lets everything pass. */
export const passingProgram = constant(verdicts.pass);

/** Two that do the same, so that one may stand in for the other in shadow mode. */
const lengthOf = (limit: number, otherWay: boolean): Program => ({
  code: assemble(
    otherWay
      ? `r2 = *(u32 *)(r1 + 24)\nr0 = 1\nif r2 < ${limit} goto end\nr0 = 2\nend: exit`
      : `r2 = *(u32 *)(r1 + 24)\nr0 = 2\nif r2 >= ${limit} goto end\nr0 = 1\nend: exit`,
  ),
  maps: [],
  run: (_frame, _maps, len) => (len < limit ? verdicts.drop : verdicts.pass),
});

const marking = (mark: number): Program => ({
  code: assemble(`
    r2 = *(u64 *)(r1 + 0)
    r3 = *(u64 *)(r1 + 8)
    r0 = ${verdicts.pass}
    r4 = r2
    r4 += 1
    if r4 > r3 goto end
    *(u8 *)(r2 + 0) = ${mark}
  end: exit`),
  maps: [],
  run: (frame) => {
    if (frame.length > 0) frame[0] = mark;
    return verdicts.pass;
  },
});

const increment = (value: Buffer) => value.writeBigUInt64LE(BigInt.asUintN(64, value.readBigUInt64LE() + 1n));

const word = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};

/** One counter of an array, that of core 0 where each core has its own. */
const counting = (map: MapDefinition, index: number): Program => ({
  code: assemble(`
    *(u32 *)(r10 - 4) = ${index}
    r2 = r10
    r2 += -4
    r1 = map 0 ll
    call map_lookup_elem
    if r0 == 0 goto absent
    r1 = *(u64 *)(r0 + 0)
    r1 += 1
    *(u64 *)(r0 + 0) = r1
    r0 = ${verdicts.pass}
    exit
  absent: r0 = ${verdicts.drop}
    exit`),
  maps: [map],
  run: (_, [counters]) => {
    const value = counters!.lookup(word(index));
    if (value) increment(value);
    return value ? verdicts.pass : verdicts.drop;
  },
});

/** Counts frames by their first byte; those with its high bit set end a count. */
const flows = (map: MapDefinition): Program => ({
  code: assemble(`
    r2 = *(u64 *)(r1 + 0)
    r3 = *(u64 *)(r1 + 8)
    r4 = r2
    r4 += 1
    r0 = ${verdicts.pass}
    if r4 > r3 goto end
    r6 = *(u8 *)(r2 + 0)
    r7 = r6
    r7 &= 0x7f
    *(u32 *)(r10 - 4) = w7
    *(u64 *)(r10 - 16) = 1
    r2 = r10
    r2 += -4
    r1 = map 0 ll
    if r6 >= 0x80 goto forget
    call map_lookup_elem
    if r0 == 0 goto first
    r1 = *(u64 *)(r0 + 0)
    r1 += 1
    *(u64 *)(r0 + 0) = r1
    r0 = ${verdicts.pass}
    exit
  first:
    r2 = r10
    r2 += -4
    r3 = r10
    r3 += -16
    r4 = 0
    r1 = map 0 ll
    call map_update_elem
    r1 = r0
    r0 = ${verdicts.pass}
    if r1 == 0 goto end
    r0 = ${verdicts.transmit}
    exit
  forget:
    call map_delete_elem
    r0 = ${verdicts.pass}
  end: exit`),
  maps: [map],
  run: (frame, [counts]) => {
    const [first] = frame;
    if (first === undefined) return verdicts.pass;
    const key = word(first & 0x7f);
    if (first >= 0x80) {
      counts!.delete(key);
      return verdicts.pass;
    }
    const value = counts!.lookup(key);
    if (value) increment(value);
    else {
      const one = Buffer.alloc(COUNTER_BYTES);
      increment(one);
      if (!counts!.update(key, one)) return verdicts.transmit;
    }
    return verdicts.pass;
  },
});

/** Returns what a read-only map holds. */
const constants = (map: MapDefinition): Program => ({
  code: assemble('r1 = map_value 0 + 0 ll\nr0 = *(u32 *)(r1 + 0)\nexit'),
  maps: [map],
  run: (_, [table]) => table!.lookup(word(0))!.readUInt32LE(),
});

/** Holds a map and leaves it alone, so that any hook may. */
const holding = (map: MapDefinition, verdict: number): Program => ({ ...constant(verdict), maps: [map] });

const someMap = (random: Random, type: number): MapDefinition => ({
  name: random.pick(MAP_NAMES),
  type,
  keySize: 4,
  valueSize: random.pick([COUNTER_BYTES, COUNTER_BYTES, COUNTER_BYTES, 24]),
  maxEntries: random.pick([4, 4, 4, 5]),
  flags: 0,
  ...(type === mapTypes.array && random.once(3) ? { init: word(random.next()) } : {}),
});

const someConstants = (random: Random): MapDefinition => ({
  ...someMap(random, mapTypes.array),
  name: random.pick(['a', 'constants']),
  flags: MAP_FLAG_READ_ONLY,
  init: word(random.below(3)),
});

const largeArray = (name: string, valueSize: number, maxEntries: number): MapDefinition => ({
  name,
  type: mapTypes.array,
  keySize: 4,
  valueSize,
  maxEntries,
  flags: 0,
});

/** The i-th of those that hold a piece of the memory for maps. */
export const fillingProgram = (i: number): Program =>
  holding(largeArray(`filling-${i}`, 256 * 1024, 1), verdicts.pass);

/** A map that takes a good part of what all maps may have, beside small ones. */
const largeMap = (random: Random): MapDefinition =>
  largeArray(`large-${random.below(4)}`, 1024 * 1024, 1 + random.below(3));

/** Neither its time nor its core is known: it changes nothing. */
export const someTimerProgram = (random: Random): Program =>
  random.once(3)
    ? holding(random.once(4) ? largeMap(random) : someMap(random, mapTypes.hash), random.below(3))
    : constant(random.below(100));

export const someFrameProgram = (random: Random): Program => {
  const counters = () => someMap(random, random.pick([mapTypes.array, mapTypes.percpu_array]));
  switch (random.below(9)) {
    case 0:
      return constant(random.below(5));
    case 1:
    case 2:
      return lengthOf(random.pick([20, 40]), random.once(2));
    case 3:
      return marking(random.below(2));
    case 4:
      return counting(counters(), random.below(6));
    case 5:
      return flows({ ...someMap(random, mapTypes.hash), valueSize: COUNTER_BYTES });
    case 6:
    case 7:
      return constants(someConstants(random));
    default:
      return holding(random.once(3) ? largeMap(random) : counters(), verdicts.pass);
  }
};

const refused = (refusal: string, text: string): Program => ({
  code: assemble(text),
  maps: [],
  run: () => 0,
  refusal,
});

export const someBadProgram = (random: Random): Program =>
  random.pick([
    refused('context_out_of_bounds', 'r0 = *(u64 *)(r1 + 4096)\nexit'),
    refused('unbounded_loop', 'r0 = 0\nr0 += 1\ngoto -2'),
    refused('over_budget', 'r0 = 0\nr1 = 65535\nr0 += r1\nr1 += -1\nif r1 != 0 goto -3\nexit'),
  ]);
