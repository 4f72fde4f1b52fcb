/** Programs that the suites install, in eBPF assembly: no compiler is needed where the rig runs. */
import { hooks, mapTypes } from '../../abi/index.ts';
import { assemble, type ModuleProgram } from '../../ebpf/index.ts';

type MapOf = ModuleProgram['maps'][number];

const program = (
  hook: 'timer' | 'packet',
  name: string,
  text: string,
  maps: readonly MapOf[] = [],
): ModuleProgram => ({
  name,
  section: hook,
  hook,
  hookId: hooks[hook].id,
  code: assemble(text),
  maps,
});

export const arrayMap = (name: string, valueSize: number): MapOf => ({
  name,
  type: mapTypes.array,
  keySize: 4,
  valueSize,
  maxEntries: 1,
  flags: 0,
});

export const hashMap = (name: string, maxEntries: number): MapOf => ({
  name,
  type: mapTypes.hash,
  keySize: 4,
  valueSize: 8,
  maxEntries,
  flags: 0,
});

/** Does nothing but return a number. */
export const returning = (name: string, result: number): ModuleProgram =>
  program('timer', name, `r0 = ${result}\nexit`);

/** Takes about twice as many instructions as `turns`. */
export const looping = (name: string, turns: number, result = 7): ModuleProgram =>
  program('timer', name, `r2 = ${turns}\nr2 += -1\nif r2 != 0 goto -2\nr0 = ${result}\nexit`);

/** Drops frames whose first byte is odd, passes the others and those that are empty. */
export const oddFilter = (name: string): ModuleProgram =>
  program(
    'packet',
    name,
    `r2 = *(u64 *)(r1 + 0)
r3 = *(u64 *)(r1 + 8)
r4 = r2
r4 += 1
r0 = 2
if r4 > r3 goto +4
r5 = *(u8 *)(r2 + 0)
r5 &= 1
if r5 == 0 goto +1
r0 = 1
exit`,
  );

/** Passes frames whose bytes 12 to 14 are those of IPv4, drops others, and ends with 0 on those that have less (RFC 9669 §5.6). */
export const ipv4Filter = (name: string): ModuleProgram =>
  program(
    'packet',
    name,
    `r6 = r1
r7 = 10
r0 = *(u16 *)skb[12]
if r0 != 0x800 goto drop
r0 = *(u8 *)skb[r7 + 4]
if r0 != 0x45 goto drop
r0 = *(u32 *)skb[r7 + 1]
if r0 != 0x00080045 goto drop
r0 = 2
exit
drop: r0 = 1
exit`,
  );

/** Where tickCounter() keeps what it saw, and how long that is. */
export const TICK_MAP_BYTES = 40;

/**
 * Sees every tick once: adds one to `count`, and compares the tick's number with the last one. A number that is skipped adds to
 * `gaps`, one that comes again to `doubles`. Versions differ in their result only, so that the map goes on from one to the next.
 */
export const tickCounter = (name: string, version: number): ModuleProgram =>
  program(
    'timer',
    name,
    `r6 = *(u64 *)(r1 + 0)
r7 = map_value 0+0 ll
r1 = *(u64 *)(r7 + 0)
r1 += 1
*(u64 *)(r7 + 0) = r1
r2 = *(u64 *)(r7 + 8)
*(u64 *)(r7 + 8) = r6
if r1 == 1 goto +12
r3 = r6
r3 -= r2
if r3 == 1 goto +9
if r3 s> 1 goto +4
r4 = *(u64 *)(r7 + 24)
r4 += 1
*(u64 *)(r7 + 24) = r4
goto +4
r4 = *(u64 *)(r7 + 16)
r3 += -1
r4 += r3
*(u64 *)(r7 + 16) = r4
r0 = ${version}
exit`,
    [arrayMap(`${name}_ticks`, TICK_MAP_BYTES)],
  );

export type TickCount = {
  readonly count: bigint;
  readonly last: bigint;
  readonly gaps: bigint;
  readonly doubles: bigint;
  /** A number that only the host writes. */
  readonly mark: bigint;
};

export const tickCountOf = (value: Uint8Array): TickCount => {
  const bytes = Buffer.from(value);
  const [count, last, gaps, doubles, mark] = [0, 8, 16, 24, 32].map((at) => bytes.readBigUInt64LE(at));
  return { count: count!, last: last!, gaps: gaps!, doubles: doubles!, mark: mark! };
};

/** The value that a count starts from. */
export const freshTickCount = (mark: bigint): Uint8Array => {
  const bytes = Buffer.alloc(TICK_MAP_BYTES);
  bytes.writeBigUInt64LE(mark, 32);
  return bytes;
};

/** Holds a map and does not use it. */
export const holding = (name: string, map: string, result: number): ModuleProgram =>
  program('timer', name, `r1 = map 0 ll\nr0 = ${result}\nexit`, [hashMap(map, 64)]);
