/** Waits for a device to be plugged in, or to come back after it re-enumerated. */
import { setTimeout as sleep } from 'node:timers/promises';
import { BadDeviceError, CancelledError, TimeoutError } from '../errors.ts';
import type { UsbDevice, UsbHost } from './device.ts';

export type WaitOptions = {
  /** What is waited for, for the error: `the second stage`. */
  readonly what: string;
  readonly timeoutMs: number;
  /** Where it is expected. A device elsewhere is taken when it was not there before and is the only one. */
  readonly location?: string;
  /** Attachments that were there before and do not count. */
  readonly except?: ReadonlySet<string>;
  readonly causes?: readonly string[];
  readonly signal?: AbortSignal;
  readonly pollMs?: number;
};

const POLL_MS = 50;
/** Polls that a device on another port must be seen alone before it is taken for the one that is expected. */
const ELSEWHERE_POLLS = 3;

export const attachments = async (host: UsbHost): Promise<Set<string>> =>
  new Set((await host.list()).map((device) => device.attachment));

const pick = (found: readonly UsbDevice[], location: string | undefined) =>
  location === undefined ? found[0] : found.find((device) => device.location === location);

const ambiguous = (found: readonly UsbDevice[], what: string) =>
  new BadDeviceError(
    found.map((device) => device.name).join(' and '),
    `both could be ${what}, which came back on another port`,
    { hint: 'plug boards in one after the other' },
  );

/** @throws TimeoutError with the causes given, CancelledError */
export const waitForDevice = async (
  host: UsbHost,
  filter: (device: UsbDevice) => boolean,
  options: WaitOptions,
): Promise<UsbDevice> => {
  const { what, timeoutMs, location, except, signal, pollMs = POLL_MS } = options;
  const where = location ? `USB ${location}` : 'USB';
  const deadline = performance.now() + timeoutMs;
  for (let elsewhere = 0; ; ) {
    const found = (await host.list()).filter((device) => filter(device) && !except?.has(device.attachment));
    const device = pick(found, location);
    if (device) return device;
    elsewhere = found.length > 0 ? elsewhere + 1 : 0;
    const late = performance.now() >= deadline;
    const settled = elsewhere >= ELSEWHERE_POLLS || (late && elsewhere > 0);
    if (settled && found.length > 1) throw ambiguous(found, what);
    if (settled) return found[0]!;
    if (signal?.aborted) throw new CancelledError(where, `waiting for ${what}`);
    if (late) throw new TimeoutError(where, what, timeoutMs, options.causes ?? []);
    await sleep(pollMs, undefined, signal ? { signal } : {}).catch(() => {});
  }
};
