/** Samples of a board become stacks with the time that they stand for. Pure: names of places are looked up by the caller. */
import type { ProfileSample } from '../../abi/index.ts';

/** From the root to the leaf. */
export type Stack = { readonly frames: readonly string[]; readonly ns: number };

export type Places = {
  /** Name and version of a module by its number. */
  readonly module: (id: number, version: number) => string;
  /** What stands at an eBPF instruction of it. */
  readonly insn: (id: number, version: number, insn: number) => string;
  /** Functions at an offset from the image's base, those that are inlined too, the outermost first. */
  readonly kernel: (offset: number) => readonly string[];
};

const NO_INSN = 0xffff_ffff;
/** A core that sleeps is found where it unmasks interrupts after having been woken. */
const IDLE = ['sleep_after', 'secondary_main', 'core_idle'];

/** A return address belongs to the call before it. */
const kernelFrames = (frames: readonly number[], { kernel }: Places): string[] =>
  [...frames.entries()].reverse().flatMap(([i, offset]) => kernel(i === 0 ? offset : offset - 4));

const framesOf = (sample: ProfileSample, places: Places): string[] => {
  const below = kernelFrames(sample.frames, places); // for a module: the helper that it was in
  if (sample.module === 0) return below.some((name) => IDLE.includes(name)) ? ['idle'] : ['kernel', ...below];
  const { module: id, version, insn } = sample;
  const where = insn === NO_INSN ? [] : [places.insn(id, version, insn)];
  return ['modules', places.module(id, version), ...where, ...below];
};

const sum = (samples: readonly ProfileSample[]) => samples.reduce((ns, { weight_ns }) => ns + weight_ns, 0);

/**
 * A sample of a module stands for its weight. Those of kernel code share what is left of their core's time: they are taken
 * as often as interrupts come, on a core that sleeps hardly ever.
 */
const weigh = (
  samples: readonly ProfileSample[],
  elapsed_ns: number,
): ((sample: ProfileSample) => number) => {
  const cores = new Map<number, number>();
  for (const core of new Set(samples.map((s) => s.core))) {
    const own = samples.filter((s) => s.core === core);
    const plain = own.filter((s) => s.module === 0).length;
    cores.set(core, plain === 0 ? 0 : Math.max(0, elapsed_ns - sum(own)) / plain);
  }
  return (sample) => (sample.module === 0 ? (cores.get(sample.core) ?? 0) : sample.weight_ns);
};

/** Equal stacks are one; the heaviest is the first. */
export const stacksOf = (samples: readonly ProfileSample[], elapsed_ns: number, places: Places): Stack[] => {
  const weightOf = weigh(samples, elapsed_ns);
  const found = new Map<string, { frames: string[]; ns: number }>();
  for (const sample of samples) {
    const frames = framesOf(sample, places);
    const key = JSON.stringify(frames);
    const stack = found.get(key) ?? { frames, ns: 0 };
    stack.ns += weightOf(sample);
    found.set(key, stack);
  }
  return [...found.values()].sort((a, b) => b.ns - a.ns);
};

/** One line a stack, as flamegraph.pl and speedscope read it: frames with `;` in between, then nanoseconds. */
export const folded = (stacks: readonly Stack[]): string =>
  stacks
    .filter(({ ns }) => ns >= 1)
    .map(
      ({ frames, ns }) =>
        `${frames.map((name) => name.replaceAll(/[;\n]/g, ',')).join(';')} ${Math.round(ns)}\n`,
    )
    .join('');
