/** Runs two programs on the same inputs in the kernel's interpreter: finds most wrong proposals in milliseconds. */
import { mapTypes } from '../abi/index.ts';
import { arrayKey, loadHost, type MapState, type ModuleProgram, type RunInput } from '../ebpf/index.ts';

/** A deterministic generator (xorshift32): the same programs are always tested on the same inputs. */
const generator = (seed: number) => {
  let x = seed | 1;
  return (below: number): number => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return (x >>> 0) % below;
  };
};

type Random = ReturnType<typeof generator>;

const EDGES = [0, 1, 0x7f, 0x80, 0xff] as const;

/** Bytes, some runs of them small or at the edges of their range, where programs decide. */
const bytes = (size: number, random: Random): Uint8Array => {
  const style = random(4);
  return Uint8Array.from({ length: size }, (_, i) => {
    if (style === 0) return i % 8 === 0 ? random(100) : 0;
    return style === 1 ? EDGES[random(EDGES.length)]! : random(256);
  });
};

/** An Ethernet frame with IPv4 and UDP, some of its fields wrong at times. */
const frame = (random: Random): Uint8Array => {
  const out = bytes(14 + 20 + 8 + random(64), random);
  if (random(8) === 0) return out.slice(0, random(out.length));
  out.set(random(6) === 0 ? [0x86, 0xdd] : [0x08, 0x00], 12);
  out[14] = random(6) === 0 ? random(256) : 0x45;
  out[23] = random(6) === 0 ? random(256) : 17;
  if (random(2) === 0) out[36] = 0;
  return out;
};

const MAX_ENTRIES = 8;

const contents = (map: ModuleProgram['maps'][number], random: Random): MapState | undefined => {
  if (map.init || random(4) === 0) return undefined;
  const isHash = map.type === mapTypes.hash;
  const count = Math.min(map.maxEntries, MAX_ENTRIES);
  const key = (i: number) => (isHash ? Buffer.from(bytes(map.keySize, random)).toString('hex') : arrayKey(i));
  return new Map(Array.from({ length: count }, (_, i) => [key(i), bytes(map.valueSize, random)]));
};

const inputFor = (program: ModuleProgram, random: Random): RunInput => {
  const word = () => (BigInt(random(2 ** 32)) << BigInt(random(32))) & 0xffffffffffffffffn;
  const names = ['tick', 'time_ns', 'period_ns', 'core', 'missed', 'port'] as const;
  return {
    ...(program.hook === 'packet' ? { memory: frame(random) } : {}),
    context: Object.fromEntries(names.map((n) => [n, n === 'core' || n === 'port' ? random(4) : word()])),
    maps: program.maps.map((m) => contents(m, random)),
  };
};

const show = (value: unknown): string =>
  JSON.stringify(value, (_, v: unknown) => {
    if (typeof v === 'bigint') return `0x${v.toString(16)}`;
    if (v instanceof Uint8Array) return Buffer.from(v).toString('hex');
    return v instanceof Map ? [...v].sort() : v;
  });

/** One sentence on the first input on which the two do not do the same; undefined when none of `runs` inputs shows it. */
export const firstDifference = async (
  before: ModuleProgram,
  after: ModuleProgram,
  runs: number,
): Promise<string | undefined> => {
  const host = await loadHost();
  const random = generator(0x51ed27);
  for (let run = 0; run < runs; run++) {
    const input = inputFor(before, random);
    const a = host.run(before, input);
    const b = host.run(after, input);
    if (!a.ok) continue;
    if (!b.ok) return `run ${run}: it ends with ${b.error.code}`;
    const parts = {
      r0: [a.r0, b.r0],
      memory: [a.memory, b.memory],
      maps: [a.maps, b.maps],
      log: [a.log, b.log],
    };
    for (const [what, [x, y]] of Object.entries(parts))
      if (show(x) !== show(y))
        return `run ${run}: ${what} differs, ${show(x).slice(0, 60)} against ${show(y).slice(0, 60)}`;
  }
  return undefined;
};
