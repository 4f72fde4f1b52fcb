/** Numbers that look random and repeat with their seed: mulberry32, a 32-bit counter stirred by multiplications. */
export type Random = {
  /** From 0 up to but not including 1. */
  readonly unit: () => number;
  /** A whole number from 0 up to but not including n. */
  readonly below: (n: number) => number;
  readonly pick: <T>(items: readonly T[]) => T;
};

export const seededRandom = (seed: number): Random => {
  let state = seed >>> 0;
  const unit = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (n: number) => Math.floor(unit() * n);
  return { unit, below, pick: (items) => items[below(items.length)]! };
};
