/** The emulated fastboot device on USB: interface ff/42/03, two bulk endpoints. */
import type { FastbootDevice } from './fastboot-device.ts';
import { type Fault, FaultPlan, withFaults } from './faults.ts';
import { bulk, Stall, type UsbFunction } from './usb-function.ts';

/** Google's id, which fastboot devices without one of their own use. */
export const FASTBOOT_IDS = { vendor: 0x18d1, product: 0x4ee0 };

export type FastbootUsb = UsbFunction & { readonly plan: FaultPlan };

export const fastbootUsb = (device: FastbootDevice, fault?: Fault, leave?: () => void): FastbootUsb => {
  const plan = new FaultPlan(fault, leave);
  const replies: string[] = [];
  const waiting: (() => void)[] = [];
  const behaviour: UsbFunction = {
    descriptor: {
      ids: FASTBOOT_IDS,
      serialIndex: 1,
      serial: 'velocity0001',
      deviceClass: { code: 0, subclass: 0, protocol: 0 },
      interfaces: [
        {
          number: 0,
          classCode: 0xff,
          subclassCode: 0x42,
          protocolCode: 0x03,
          endpoints: [bulk(1, 'in'), bulk(2, 'out')],
        },
      ],
    },
    controlOut: () => Promise.reject(new Stall()),
    controlIn: () => Promise.reject(new Stall()),
    bulkOut: async (_endpoint, data) => {
      replies.push(...device.input(data));
      for (const wake of waiting.splice(0)) wake();
    },
    bulkIn: async () => {
      while (replies.length === 0) await new Promise<void>((resolve) => waiting.push(resolve));
      return Buffer.from(replies.shift()!, 'latin1');
    },
  };
  return { ...withFaults(behaviour, plan), plan };
};
