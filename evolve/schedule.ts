/** When the loop works, on what first, and when it rests because there is too little to gain. */

/** A time of day in minutes, local time. */
type Minute = number;

/** From one time of day to another, over midnight when the end comes first. */
export type Hours = { readonly from: Minute; readonly to: Minute };

export class ScheduleError extends Error {
  override name = 'ScheduleError';
  readonly exit = 'usage';
}

const minuteOf = (text: string): Minute | undefined => {
  const [, hours, minutes] = /^(\d{1,2}):(\d{2})$/.exec(text) ?? [];
  const minute = Number(hours) * 60 + Number(minutes);
  return Number(hours) < 24 && Number(minutes) < 60 ? minute : undefined;
};

/** @param text e.g. `22:00-06:00` @throws ScheduleError */
export const parseHours = (text: string): Hours => {
  const [from, to, more] = text.split('-').map((t) => minuteOf(t.trim()));
  if (
    from === undefined ||
    to === undefined ||
    more !== undefined ||
    text.split('-').length !== 2 ||
    from === to
  )
    throw new ScheduleError(`"${text}" is no stretch of a day; write it as 22:00-06:00`);
  return { from, to };
};

const within = ({ from, to }: Hours, minute: Minute): boolean =>
  from < to ? minute >= from && minute < to : minute >= from || minute < to;

export type ScheduleOptions = {
  /** The loop works only then. */
  readonly nightly?: Hours;
  /** The loop never works then. */
  readonly quiet?: Hours;
  /** Detections worked on in 24 hours. */
  readonly perDay?: number;
  /**
   * Least cycles a second that an attempt must be expected to save. Default 0: whatever a rule finds slow is worked on.
   */
  readonly leastGain?: number;
};

/** Cycles that a module takes, from two readings of its telemetry. */
export type Load = { readonly module: string; readonly cyclesPerSecond: number };

type Reading = { readonly name: string; readonly timeNs: bigint; readonly cycles: bigint };

/** Where the cycles went between two readings, most first: what is worked on first. */
export const loadsOf = (earlier: readonly Reading[], later: readonly Reading[]): Load[] =>
  later
    .flatMap((now): Load[] => {
      const before = earlier.find((e) => e.name === now.name);
      if (!before || now.timeNs <= before.timeNs || now.cycles < before.cycles) return [];
      const seconds = Number(now.timeNs - before.timeNs) / 1e9;
      return [{ module: now.name, cyclesPerSecond: Number(now.cycles - before.cycles) / seconds }];
    })
    .sort((a, b) => b.cyclesPerSecond - a.cyclesPerSecond);

/** What is expected of a module that nothing was tried on yet: the share of its cycles that a proposal saves. */
const FIRST_GUESS = 0.2;

const DAY_MS = 86_400_000;

export class Schedule {
  readonly #options: ScheduleOptions;
  readonly #now: () => Date;
  readonly #begun: number[] = [];
  /** By module, how its last attempts ended: the share of cycles saved, 0 for none. */
  readonly #gains = new Map<string, number[]>();

  constructor(options: ScheduleOptions = {}, now: () => Date = () => new Date()) {
    this.#options = options;
    this.#now = now;
  }

  /** Notes that a detection is worked on. */
  begin(): void {
    this.#begun.push(this.#now().getTime());
  }

  /** Notes what an attempt gained. @param share of the module's cycles that it saved; 0 when nothing stayed on the board */
  note(module: string, share: number): void {
    this.#gains.set(module, [...(this.#gains.get(module) ?? []), share].slice(-4));
  }

  /** Share of its cycles that the next attempt on a module is expected to save: less with each that gave nothing. */
  expected(module: string): number {
    const gains = this.#gains.get(module) ?? [];
    return gains.reduce((mean, g) => (mean + g) / 2, FIRST_GUESS);
  }

  /** Why the loop rests now; undefined when it may work on this module. */
  rests(module: string, cyclesPerSecond: number): string | undefined {
    const { nightly, quiet, perDay, leastGain = 0 } = this.#options;
    const now = this.#now();
    const minute = now.getHours() * 60 + now.getMinutes();
    const text = (m: Minute) =>
      `${String(Math.floor(m / 60)).padStart(2, '0')}:${String(m % 60).padStart(2, '0')}`;
    if (nightly && !within(nightly, minute))
      return `it works from ${text(nightly.from)} to ${text(nightly.to)}`;
    if (quiet && within(quiet, minute)) return `quiet hours, until ${text(quiet.to)}`;
    const recent = this.#begun.filter((t) => Math.abs(now.getTime() - t) < DAY_MS); // a clock may be set back
    if (perDay !== undefined && recent.length >= perDay)
      return `${recent.length} modules were worked on in 24 hours, as many as it may`;
    const gain = cyclesPerSecond * this.expected(module);
    if (gain < leastGain)
      return `${Math.round(gain)} cycles a second are to be expected, less than the ${leastGain} that an attempt is worth`;
    return undefined;
  }
}
