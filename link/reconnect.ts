/** Keeps working with a board that is unplugged, reset or power-cycled in the meantime. */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  BadReplyError,
  CancelledError,
  LinkTimeoutError,
  PortBusyError,
  RestartedError,
  UnpluggedError,
} from './errors.ts';
import type { VelocityLink } from './velocity.ts';

export type ReconnectOptions = {
  readonly signal?: AbortSignal;
  /** Also wait for a board that was never there. Default false: the first attempt must succeed. */
  readonly waitForFirst?: boolean;
  /** First and longest pause between attempts; it doubles. */
  readonly firstDelayMs?: number;
  readonly maxDelayMs?: number;
  /** Told why the connection is down, and when the next attempt comes. */
  readonly onDown?: (cause: Error, delayMs: number) => void;
  readonly onUp?: (link: VelocityLink) => void;
};

/** Errors that go away when the board comes back, or to its senses. */
const isTransient = (error: unknown): error is Error =>
  error instanceof UnpluggedError ||
  error instanceof LinkTimeoutError ||
  error instanceof RestartedError ||
  error instanceof PortBusyError ||
  error instanceof BadReplyError;

const pause = async (delayMs: number, signal?: AbortSignal) => {
  try {
    await sleep(delayMs, undefined, signal ? { signal } : {});
  } catch (cause) {
    throw new CancelledError('waiting for the board', { cause });
  }
};

/**
 * Calls `use` with an open link; when the link is lost meanwhile, opens it again and calls `use` anew.
 * Returns what `use` returns. @throws CancelledError after the signal, and whatever is not a lost link
 */
export const withReconnect = async <T>(
  open: () => Promise<VelocityLink>,
  use: (link: VelocityLink) => Promise<T>,
  options: ReconnectOptions = {},
): Promise<T> => {
  const { signal, firstDelayMs = 200, maxDelayMs = 5000 } = options;
  let delayMs = firstDelayMs;
  let wait = options.waitForFirst ?? false;
  for (;;) {
    if (signal?.aborted) throw new CancelledError('waiting for the board');
    let link: VelocityLink | undefined;
    try {
      link = await open();
      wait = true;
      options.onUp?.(link);
      delayMs = firstDelayMs;
      return await use(link);
    } catch (error) {
      if (!isTransient(error) || !wait) throw error;
      options.onDown?.(error, delayMs);
      await pause(delayMs, signal);
      delayMs = Math.min(delayMs * 2, maxDelayMs);
    } finally {
      await link?.close();
    }
  }
};
