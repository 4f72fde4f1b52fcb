/** A transfer that fails on the wire: the device left, and the system does not know it yet, or the wire is bad. */
import { setTimeout as sleep } from 'node:timers/promises';
import { BadDeviceError, type FlashError, UnpluggedError } from '../errors.ts';

/** Hubs are asked a few times a second what was pulled (USB 2.0 §11.12.2: an interrupt endpoint, 255 ms at most). */
const NOTICED_MS = 1000;
const POLL_MS = 50;

const HINT =
  'the wire garbles: take a short cable without a hub, straight into the computer, then put the board into its boot mode again and repeat';

/** `isThere`: whether it is still listed under this attachment. */
export const whyGarbled = async (
  device: string,
  during: string,
  isThere: () => Promise<boolean>,
  cause: Error,
): Promise<FlashError> => {
  const deadline = performance.now() + NOTICED_MS;
  for (;;) {
    if (!(await isThere())) return new UnpluggedError(device, during, { cause });
    if (performance.now() >= deadline) break;
    await sleep(POLL_MS);
  }
  return new BadDeviceError(device, `USB error while ${during}: ${cause.message}`, { hint: HINT, cause });
};
