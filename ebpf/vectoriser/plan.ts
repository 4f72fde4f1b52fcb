/** What takes a loop's place: calls of vector helpers, and what registers hold behind them. */
import type { Value } from './value.ts';

/** Argument of a call, over registers as they are when the loop is entered. */
export type Argument = Value;

/** `helper` may also be one that two calls of others stand for (pairs.ts). */
export type HelperCall = { readonly helper: string; readonly args: readonly Argument[] };

/** What a register holds behind the calls. */
export type Result =
  | { readonly kind: 'value'; readonly value: Value }
  /** What it started with, and r0, together. */
  | { readonly kind: 'sum'; readonly start: Value; readonly width: 32 | 64 }
  | { readonly kind: 'best'; readonly start: Value; readonly most: boolean; readonly signed: boolean }
  /** r0 times a number, plus a value. */
  | { readonly kind: 'place'; readonly by: bigint; readonly plus: Value }
  /** r0 with its low 32 bits inverted. */
  | { readonly kind: 'inverted' }
  /** What was gathered from all elements. */
  | { readonly kind: 'gathered' }
  /** What is read at the element that r0 is the index of. */
  | { readonly kind: 'element'; readonly first: Value; readonly size: 1 | 2 | 4; readonly signed: boolean };

/** Where it goes on. */
export type Outcome = { readonly to: number; readonly results: ReadonlyMap<number, Result> };

export type Plan = {
  readonly head: number;
  readonly body: ReadonlySet<number>;
  readonly calls: readonly HelperCall[];
  /** When r0 is below `below`, or not 0; `otherwise` in any other case. */
  readonly special?: { readonly when: 'negative' | 'not zero'; readonly outcome: Outcome } | undefined;
  readonly otherwise: Outcome;
};
