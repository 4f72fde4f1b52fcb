/** What two final states must agree on, as pairs of terms; pairs that are the same term are already proven. */
import { readByte, sameMemory, writtenOffsets } from './memory.ts';
import type { Event, Plain, RegionState, State } from './state.ts';
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

/** Whether the old program wrote a byte that the new one does. */
const storedBefore = ({ algebra }: World, { what, left, right }: Pair): Pair => {
  const one = algebra.const(1, 8);
  return { what, left: algebra.ite(algebra.eq(right, one), left, one), right: one };
};

/**
 * Others may store at any time where the program does not: a byte that is written back as it was, plainly, may undo that. So what
 * the new program writes the old one has to have written, too, since others last looked, and not by atomics.
 */
const compareStored = (world: World, a: RegionState, b: RegionState): Pair[] => {
  const what = `what is written of map${a.region.map}`;
  const { offsets, variable } = writtenOffsets(b.memory);
  const places = variable
    ? [world.algebra.variable(`${a.region.name}.probe`, 64)]
    : [...offsets].map((at) => world.algebra.const(at, 64));
  return places.map((at) => storedBefore(world, comparePlace(world, a, b, at, what)));
};

const compareRegions = (world: World, a: RegionState, b: RegionState): Pair[] => {
  if (a.version === b.version && sameMemory(a.memory, b.memory)) return [];
  if (a.region.kind === 'stored') return compareStored(world, a, b);
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

type Added = { readonly event: Event; readonly plain: Plain; readonly at: number };

/**
 * The new program's events without those that only do at once what it may also do step by step, and these: an atomic whose old
 * value is dropped changes memory as a load, an operation and a store do, which are no events, with nobody else in between. What
 * memory then holds is compared in any case.
 */
const withoutAdded = (b: readonly Event[]) => {
  const added: Added[] = [];
  const kept = b.filter((event, i) => {
    const { plain } = event;
    if (!plain?.isAdded) return true;
    added.push({ event, plain, at: i - added.length });
    return false;
  });
  return { kept, added };
};

/** An atomic may only be added where the old program stores, before others look the next time. */
const storesInstead = (world: World, a: State, { event, plain, at }: Added): Pair[] => {
  const region = world.storedIn(plain.region);
  const next = a.events.slice(at).find(({ regions }) => regions.length > 0);
  const stored = next?.regions.find((r) => r.region === region) ?? (region && stateOf(a, region.name));
  const { algebra } = world;
  if (!stored) return [];
  return Array.from({ length: plain.size }, (_, i) => {
    const offset = algebra.add(event.args[0]!, algebra.const(i, 64));
    const left = readByte(algebra, stored.memory, offset, world.initial(stored.region, stored.version));
    return { what: `what is stored where ${event.what} is`, left, right: algebra.const(1, 8) };
  });
};

const compareEvents = (world: World, before: State, after: State): Obligations => {
  const a = before.events;
  const { kept: b, added } = withoutAdded(after.events);
  if (a.length !== b.length)
    return { pairs: [], mismatch: `${a.length} helper calls or atomics become ${b.length}` };
  const pairs = added.flatMap((one) => storesInstead(world, before, one));
  for (const [i, left] of a.entries()) {
    const right = b[i]!;
    if (left === right) continue;
    if (left.what !== right.what || left.args.some((t, n) => t.width !== right.args[n]?.width))
      return { pairs, mismatch: `${left.what} becomes ${right.what}` };
    left.args.forEach((arg, n) => {
      pairs.push({ what: `argument ${n + 1} of ${left.what}`, left: arg, right: right.args[n]! });
    });
    if (left.plain && right.plain)
      pairs.push({ what: `what ${left.what} leaves`, left: left.plain.left, right: right.plain.left });
    left.regions.forEach((region, n) => {
      pairs.push(...compareRegions(world, region, right.regions[n]!));
    });
  }
  return { pairs };
};

/** What the new program looks at again may have been changed by others since, so that it is two values where the old program has one. */
const looksAgain = (a: State, b: State): boolean =>
  [...b.looks].some(([what, n]) => n > (a.looks.get(what) ?? 0));

export const obligationsOf = (world: World, a: State, b: State): Obligations => {
  const events = compareEvents(world, a, b);
  const pairs: Pair[] = [{ what: 'r0', left: a.register(0), right: b.register(0) }, ...events.pairs];
  if (events.mismatch) return { pairs: [], mismatch: events.mismatch };
  if (looksAgain(a, b)) return { pairs: [], mismatch: 'what others may change is read once more' };
  const names = new Set([...a.memories.keys(), ...b.memories.keys()]);
  for (const name of names) {
    if (world.regionNamed(name).kind === 'stack') continue;
    pairs.push(...compareRegions(world, stateOf(a, name), stateOf(b, name)));
  }
  return { pairs: pairs.filter((p) => p.left !== p.right) };
};
