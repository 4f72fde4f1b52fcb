/** What helper calls do, as the prover sees them: a result, and what of the outside they show or change. */
import { helpers } from '../../abi/index.ts';
import type { State } from './state.ts';
import { place, read } from './step.ts';
import { ProofLimit, type Term } from './term.ts';
import { callVector, isVector } from './vector.ts';
import { helperNames } from './world.ts';

/** States after the call: two where a lookup may fail. The calls themselves stay in order and number. */
export const callHelper = (s: State, id: number): State[] => {
  if (isVector(id)) {
    callVector(s, id);
    return [returned(s)];
  }
  const name = helperNames.get(id);
  if (!name) throw new ProofLimit(`helper ${id} is not understood`);
  const states = name === 'map_lookup_elem' ? lookup(s) : [effect(s, name)];
  return states.map(returned);
};

/** r1 to r5 hold nothing after a call. */
const returned = (s: State): State => {
  for (let r = 1; r <= 5; r++) s.regs[r] = undefined;
  s.slot++;
  return s;
};

const mapOf = (s: State): number => {
  const handle = s.register(1);
  const index = s.world.setting.maps.findIndex((_, i) => handle.name === `map${i}.handle`);
  if (index < 0) throw new ProofLimit('a helper is given a map that is not known');
  return index;
};

const bytesAt = (s: State, register: number, size: number): Term =>
  read(s, place(s, s.register(register), 0), size);

const lookup = (s: State): State[] => {
  const map = mapOf(s);
  const region = s.world.regionNamed(`map${map}`);
  const key = bytesAt(s, 2, s.world.setting.maps[map]!.keySize);
  const { present, address } = s.world.lookup(map, key, s.version(region));
  if (present.op === 'select') s.look(`key ${key.id} of map${map}@${s.version(region)}`);
  const found = s.facts.decide(present);
  const miss = s.world.algebra.const(0, 64);
  if (found !== undefined) {
    s.regs[0] = found ? address : miss;
    return [s];
  }
  const absent = s.clone();
  absent.assume(s.world.algebra.not(present));
  absent.regs[0] = miss;
  const hit = s.clone();
  hit.assume(present);
  hit.regs[0] = address;
  return [hit, absent];
};

/** What tells the outside nothing: all else is told when it is over, and what was stored before with it. */
const asks: ReadonlySet<keyof typeof helpers> = new Set(['ktime_get_ns', 'get_prandom_u32']);

/** A helper whose result depends on, or changes, the outside: the k-th one gives the same in both programs. */
const effect = (s: State, name: keyof typeof helpers): State => {
  const a = s.world.algebra;
  if (name === 'get_smp_processor_id') {
    s.regs[0] = a.zext(a.variable('core', 32), 64);
    return s;
  }
  const isChange = name === 'map_update_elem' || name === 'map_delete_elem';
  const { args, what } = argumentsOf(s, name);
  const changed = isChange ? [s.world.regionNamed(`map${mapOf(s)}`)] : [];
  s.emit(what, args, { publishes: !asks.has(name), changed });
  const result = a.variable(`${name}.result${s.compared}`, name === 'get_prandom_u32' ? 32 : 64);
  s.regs[0] = a.zext(result, 64);
  return s;
};

const argumentsOf = (s: State, name: keyof typeof helpers): { what: string; args: Term[] } => {
  const args: Term[] = [];
  let what: string = name;
  const types: readonly string[] = helpers[name].args;
  types.forEach((type, i) => {
    const r = i + 1;
    if (type === 'scalar') args.push(s.register(r));
    if (type === 'map') what += ` map${mapOf(s)}`;
    if (type === 'map_key') args.push(bytesAt(s, r, s.world.setting.maps[mapOf(s)]!.keySize));
    if (type === 'map_value') args.push(bytesAt(s, r, s.world.setting.maps[mapOf(s)]!.valueSize));
    if (type === 'memory') args.push(bytesAt(s, r, constantSize(s, r + 1)));
  });
  return { what, args };
};

const constantSize = (s: State, register: number): number => {
  const size = s.register(register);
  if (size.op !== 'const' || size.value === 0n || size.value > 4096n)
    throw new ProofLimit('a helper is given memory whose size is not constant');
  return Number(size.value);
};
