/** Rules that say when a module is worth working on, from its telemetry. */

/** Cumulative counters of one version of a module, as the board reports them. */
export type Sample = {
  readonly name: string;
  readonly version: number;
  readonly timeNs: bigint;
  readonly calls: bigint;
  readonly cycles: bigint;
  readonly max: bigint;
};

export type Detection = {
  readonly rule: string;
  readonly cyclesPerCall: number;
  /** What the rule compares with, in cycles per call. */
  readonly threshold: number;
  /** Calls that the average is over. */
  readonly calls: number;
  /** What the module took over them, where the time is known. */
  readonly cyclesPerSecond?: number;
  readonly reason: string;
};

export type Rule = {
  readonly name: string;
  /** Looks at samples of one version, oldest first, at least one. */
  readonly check: (samples: readonly Sample[]) => Detection | undefined;
};

/** Average over the newest stretch of at least `calls` calls; undefined while there are fewer. */
const recentAverage = (samples: readonly Sample[], calls: number) => {
  const last = samples.at(-1)!;
  const from = samples.findLast((s) => last.calls - s.calls >= BigInt(calls));
  const start = from ?? { calls: 0n, cycles: 0n };
  const count = Number(last.calls - start.calls);
  return count >= calls ? { count, average: Number(last.cycles - start.cycles) / count } : undefined;
};

const detection = (
  rule: string,
  over: { count: number; average: number },
  threshold: number,
  why: string,
): Detection => ({
  rule,
  cyclesPerCall: Math.round(over.average),
  threshold: Math.round(threshold),
  calls: over.count,
  reason: `${Math.round(over.average)} cycles per call over ${over.count} calls, ${why}`,
});

/** Over `cycles` per call on average over the newest `calls` calls. */
export const overBudget = (cycles: number, calls = 32): Rule => ({
  name: 'over-budget',
  check: (samples) => {
    const recent = recentAverage(samples, calls);
    if (!recent || recent.average <= cycles) return undefined;
    return detection('over-budget', recent, cycles, `above its budget of ${cycles}`);
  },
});

/** The threshold of the idea that started this project: an average over 1.5 M cycles in ten calls. */
export const sustainedAverage = (cycles = 1_500_000, calls = 10): Rule => ({
  ...overBudget(cycles, calls),
  name: 'sustained-average',
  check: (samples) => {
    const found = overBudget(cycles, calls).check(samples);
    return found && { ...found, rule: 'sustained-average' };
  },
});

/** Slower than it was over its first `calls` calls by more than `ratio`. */
export const drift = (ratio = 1.1, calls = 64): Rule => ({
  name: 'drift',
  check: (samples) => {
    const first = samples.find((s) => s.calls >= BigInt(calls));
    const last = samples.at(-1)!;
    if (!first || last.calls - first.calls < BigInt(calls)) return undefined;
    const recent = recentAverage(samples, calls)!;
    const baseline = Number(first.cycles) / Number(first.calls);
    if (recent.average <= baseline * ratio) return undefined;
    return detection(
      'drift',
      recent,
      baseline * ratio,
      `against ${Math.round(baseline)} in its first ${first.calls}`,
    );
  },
});

const MAX_SAMPLES = 256;

/** Cycles a second between the first and the newest sample. */
const rateOf = (samples: readonly Sample[]): { cyclesPerSecond?: number } => {
  const [first, last] = [samples[0]!, samples.at(-1)!];
  const seconds = Number(last.timeNs - first.timeNs) / 1e9;
  return seconds > 0 ? { cyclesPerSecond: Math.round(Number(last.cycles - first.cycles) / seconds) } : {};
};

/** Collects samples of all modules and asks the rules. */
export class Detector {
  readonly #rules: readonly Rule[];
  readonly #samples = new Map<string, Sample[]>();

  constructor(rules: readonly Rule[]) {
    this.#rules = rules;
  }

  /** Takes a sample; the first rule that speaks for this module, if any. A new version starts anew. */
  observe(sample: Sample): Detection | undefined {
    let samples = this.#samples.get(sample.name);
    if (!samples || samples[0]!.version !== sample.version) samples = [];
    samples.push(sample);
    if (samples.length > MAX_SAMPLES) samples.splice(1, 1);
    this.#samples.set(sample.name, samples);
    for (const rule of this.#rules) {
      const found = rule.check(samples);
      if (found) return { ...found, ...rateOf(samples) };
    }
    return undefined;
  }
}
