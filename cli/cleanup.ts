/** What must be undone before the process ends, however it ends: emulators, open ports, temporary files. */
import { setTimeout as sleep } from 'node:timers/promises';

export type Cleanup = {
  /** Aborted by Ctrl-C or a signal; pass it to whatever waits. */
  readonly signal: AbortSignal;
  /** Registers an action; the function returned runs it now and takes it off the list. */
  add(action: () => Promise<unknown> | unknown): () => Promise<void>;
  /** Runs all actions, last first; one that fails does not keep the others from running. */
  run(): Promise<void>;
  abort(): void;
};

const within = async (work: Promise<unknown>, mostMs: number): Promise<void> => {
  const late = new AbortController();
  await Promise.race([work, sleep(mostMs, undefined, { signal: late.signal }).catch(() => {})]);
  late.abort();
};

type Action = () => Promise<unknown> | unknown;

export const makeCleanup = (): Cleanup => {
  const actions = new Set<Action>();
  const underWay = new Set<Promise<void>>();
  const controller = new AbortController();
  const runOne = async (action: Action): Promise<void> => {
    if (!actions.delete(action)) return;
    const work = Promise.resolve()
      .then(action)
      .then(() => {});
    underWay.add(work);
    await work.finally(() => underWay.delete(work));
  };
  return {
    signal: controller.signal,
    add: (action) => {
      const own = () => action(); // the same action may be added twice
      actions.add(own);
      return () => runOne(own);
    },
    run: async () => {
      for (const action of [...actions].reverse()) await runOne(action).catch(() => {});
      await Promise.allSettled(underWay); // what somebody else began
    },
    abort: () => controller.abort(),
  };
};

/**
 * Work that has something to bring in when it is stopped: the process does not end, nor is closed what it began with, before it
 * did, or it took longer than `mostMs`.
 */
export const finished = async <T>(cleanup: Cleanup, work: Promise<T>, mostMs?: number): Promise<T> => {
  const ended = work.catch(() => {}); // whoever awaits the work hears of it
  const forget = cleanup.add(() => (mostMs === undefined ? ended : within(ended, mostMs)));
  try {
    return await work;
  } finally {
    await forget();
  }
};
