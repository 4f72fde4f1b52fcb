/** The device's side of USB: what an emulated device implements, whatever carries the transfers. */
import type { UsbIds, UsbInterface, UsbSetup } from '../../flasher/index.ts';

/** The device answers a transfer with a STALL handshake. */
export class Stall extends Error {}

/** The device goes away in the middle of a transfer. */
export class Unplug extends Error {}

/** Nothing on the wire that the host can read: what a plug that is being pulled does first. */
export class Garble extends Error {}

export type UsbDescriptor = {
  readonly ids: UsbIds;
  /** iSerialNumber of the device descriptor. */
  readonly serialIndex: number;
  readonly serial?: string;
  readonly deviceClass: { readonly code: number; readonly subclass: number; readonly protocol: number };
  readonly interfaces: readonly UsbInterface[];
};

/**
 * One attachment. A transfer that the device has nothing to say to yet stays pending (NAK) until it has;
 * throwing Stall, Unplug or Garble ends it accordingly.
 */
export interface UsbFunction {
  readonly descriptor: UsbDescriptor;
  controlOut(setup: UsbSetup, data: Uint8Array): Promise<void>;
  controlIn(setup: UsbSetup, length: number): Promise<Uint8Array>;
  bulkOut(endpoint: number, data: Uint8Array): Promise<void>;
  bulkIn(endpoint: number, length: number): Promise<Uint8Array>;
}

/** Device descriptor, USB 2.0 table 9-8. */
export const deviceDescriptor = ({ ids, serialIndex, deviceClass }: UsbDescriptor): Uint8Array => {
  const bytes = new Uint8Array(18);
  const view = new DataView(bytes.buffer);
  bytes.set([18, 1, 0x00, 0x02, deviceClass.code, deviceClass.subclass, deviceClass.protocol, 64]);
  view.setUint16(8, ids.vendor, true);
  view.setUint16(10, ids.product, true);
  bytes[16] = serialIndex;
  bytes[17] = 1; // bNumConfigurations
  return bytes;
};

/** A device without strings and requests of its own, to build on. */
export const bulk = (number: number, direction: 'in' | 'out') =>
  ({ number, direction, type: 'bulk' }) as const;
