/** What is kept of a recorded night. */
import type { LoopEvent } from '../../evolve/index.ts';

export type ShiftEvent = { readonly event: 'shift'; readonly module: string; readonly minute: number };

/** What a module cost between two readings, in cycles a call. */
export type Point = { readonly minute: number; readonly cycles: number };
export type Moment = { readonly minute: number; readonly event: LoopEvent | ShiftEvent };

export type Night = {
  readonly minutes: number;
  readonly ticks: number;
  readonly missed: number;
  readonly longestGapNs: number;
  readonly modules: ReadonlyMap<string, readonly Point[]>;
  readonly moments: readonly Moment[];
  /** Wall time from a detection to the swap of the first canary, in ms. */
  readonly detectionToSwapMs: readonly number[];
  /** Load average of this machine, mean over the detections: wall times depend on it. */
  readonly hostLoad: number;
};
