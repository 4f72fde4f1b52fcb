/** What two final states must agree on, as pairs of terms; pairs that are the same term are already proven. */
import { readByte, sameMemory, writtenOffsets } from './memory.ts';
import type { Event, RegionState, State } from './state.ts';
import type { Term } from './term.ts';
import type { World } from './world.ts';

export type Pair = { readonly what: string; readonly left: Term; readonly right: Term };

/** Pairs that remain to be shown equal, or why these states can't agree at all. */
export type Obligations = { readonly pairs: readonly Pair[]; readonly mismatch?: string };

const stateOf = (s: State, name: string): RegionState => {
  const region = s.world.regionNamed(name);
  return { region, version: s.version(region), memory: s.memory(region) };
};

const comparePlace = (world: World, a: RegionState, b: RegionState, offset: Term, what: string): Pair => ({
  what,
  left: readByte(world.algebra, a.memory, offset, world.initial(a.region, a.version)),
  right: readByte(world.algebra, b.memory, offset, world.initial(b.region, b.version)),
});

const compareRegions = (world: World, a: RegionState, b: RegionState): Pair[] => {
  if (a.version === b.version && sameMemory(a.memory, b.memory)) return [];
  const { name } = a.region;
  const x = writtenOffsets(a.memory);
  const y = writtenOffsets(b.memory);
  if (x.variable || y.variable) {
    const probe = world.algebra.variable(`${name}.probe`, 64);
    return [comparePlace(world, a, b, probe, `${name} at some offset`)];
  }
  return [...new Set([...x.offsets, ...y.offsets])].map((at) =>
    comparePlace(world, a, b, world.algebra.const(at, 64), `${name}[${at}]`),
  );
};

const sameEvent = (a: Event | undefined, b: Event) =>
  a?.what === b.what && a.args.every((arg, i) => arg === b.args[i]);

/**
 * The new program's events without those that only do at once what it may also do step by step: an atomic whose old value is
 * dropped changes memory as a load, an operation and a store do, which are no events, with nobody else in between. What memory
 * then holds is compared in any case.
 */
const withoutAdded = (a: readonly Event[], b: readonly Event[]): readonly Event[] => {
  let added = b.length - a.length;
  let at = 0;
  return b.filter((event) => {
    if (added > 0 && event.isPlain && !sameEvent(a[at], event)) {
      added--;
      return false;
    }
    at++;
    return true;
  });
};

const compareEvents = (world: World, a: readonly Event[], all: readonly Event[]): Obligations => {
  const b = withoutAdded(a, all);
  if (a.length !== b.length)
    return { pairs: [], mismatch: `${a.length} helper calls or atomics become ${b.length}` };
  const pairs: Pair[] = [];
  for (const [i, left] of a.entries()) {
    const right = b[i]!;
    if (left === right) continue;
    if (left.what !== right.what || left.args.some((t, n) => t.width !== right.args[n]?.width))
      return { pairs, mismatch: `${left.what} becomes ${right.what}` };
    left.args.forEach((arg, n) => {
      pairs.push({ what: `argument ${n + 1} of ${left.what}`, left: arg, right: right.args[n]! });
    });
    left.regions.forEach((region, n) => {
      pairs.push(...compareRegions(world, region, right.regions[n]!));
    });
  }
  return { pairs };
};

export const obligationsOf = (world: World, a: State, b: State): Obligations => {
  const events = compareEvents(world, a.events, b.events);
  const pairs: Pair[] = [{ what: 'r0', left: a.register(0), right: b.register(0) }, ...events.pairs];
  if (events.mismatch) return { pairs: [], mismatch: events.mismatch };
  const names = new Set([...a.memories.keys(), ...b.memories.keys()]);
  for (const name of names) {
    if (world.regionNamed(name).kind === 'stack') continue;
    pairs.push(...compareRegions(world, stateOf(a, name), stateOf(b, name)));
  }
  return { pairs: pairs.filter((p) => p.left !== p.right) };
};
