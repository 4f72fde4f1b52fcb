/** Faults on demand: what goes wrong, and at which transfer. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Garble, Stall, Unplug, type UsbFunction } from './usb-function.ts';

export type Fault =
  /** The device vanishes at this transfer. */
  | { readonly kind: 'unplug'; readonly at: number }
  /** What is pulled slowly: the wire garbles from this transfer on, and a moment later the device is gone. */
  | { readonly kind: 'pull'; readonly at: number }
  | { readonly kind: 'stall'; readonly at: number }
  /** The wire garbles at this transfer. */
  | { readonly kind: 'garble'; readonly at: number }
  /** An answer lacks its last byte. */
  | { readonly kind: 'short'; readonly at: number }
  /** The device is silent from this transfer on. */
  | { readonly kind: 'silent'; readonly at: number }
  /** Each transfer takes this long. */
  | { readonly kind: 'slow'; readonly ms: number };

/** As long as a hub takes to tell that a plug was pulled. */
const NOTICED_MS = 100;

const never = () => new Promise<never>(() => {});

/** Counts transfers over the device's whole life, so that `at` reaches every step, also after it re-enumerated. */
export class FaultPlan {
  readonly #fault: Fault | undefined;
  readonly #leave: () => void;
  transfers = 0;

  /** `leave` takes the device off its bus. */
  constructor(fault?: Fault, leave = () => {}) {
    this.#fault = fault;
    this.#leave = leave;
  }

  /** What happens before the transfer. */
  async before(): Promise<void> {
    const fault = this.#fault;
    const at = this.transfers++;
    if (!fault) return;
    if (fault.kind === 'slow') return void (await sleep(fault.ms));
    if (fault.kind === 'silent' && at >= fault.at) return never();
    if (fault.kind === 'pull' && at > fault.at) throw new Garble();
    if (at !== fault.at) return;
    if (fault.kind === 'pull') setTimeout(this.#leave, NOTICED_MS);
    if (fault.kind === 'pull' || fault.kind === 'garble') throw new Garble();
    if (fault.kind === 'unplug') throw new Unplug();
    if (fault.kind === 'stall') throw new Stall();
  }

  answer(bytes: Uint8Array): Uint8Array {
    const fault = this.#fault;
    return fault?.kind === 'short' && this.transfers - 1 === fault.at ? bytes.subarray(0, -1) : bytes;
  }
}

/** The same device, with the plan's faults in its transfers. */
export const withFaults = (device: UsbFunction, plan: FaultPlan): UsbFunction => ({
  descriptor: device.descriptor,
  controlOut: async (setup, data) => {
    await plan.before();
    await device.controlOut(setup, data);
  },
  controlIn: async (setup, length) => {
    await plan.before();
    return plan.answer(await device.controlIn(setup, length));
  },
  bulkOut: async (endpoint, data) => {
    await plan.before();
    await device.bulkOut(endpoint, data);
  },
  bulkIn: async (endpoint, length) => {
    await plan.before();
    return plan.answer(await device.bulkIn(endpoint, length));
  },
});
