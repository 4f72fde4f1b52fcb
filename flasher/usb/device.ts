/** The one shape in which the flasher sees USB devices, real and emulated ones. */

export type UsbIds = { readonly vendor: number; readonly product: number };

/** bmRequestType's type and recipient, and the rest of a setup packet (USB 2.0 §9.3). */
export type UsbSetup = {
  readonly type: 'standard' | 'class' | 'vendor';
  readonly recipient: 'device' | 'interface' | 'endpoint';
  readonly request: number;
  readonly value: number;
  readonly index: number;
};

export type UsbEndpoint = {
  readonly number: number;
  readonly direction: 'in' | 'out';
  readonly type: 'bulk' | 'interrupt' | 'isochronous';
};

export type UsbInterface = {
  readonly number: number;
  readonly classCode: number;
  readonly subclassCode: number;
  readonly protocolCode: number;
  readonly endpoints: readonly UsbEndpoint[];
};

/**
 * One attachment of a device: after it re-enumerates it is another UsbDevice.
 * Transfers throw UnpluggedError, StalledError, TimeoutError or PermissionError; timeouts are in milliseconds.
 */
export interface UsbDevice {
  readonly ids: UsbIds;
  /** Where it is plugged in, e.g. `1-1.2`: bus and ports. Stays the same when it re-enumerates. */
  readonly location: string;
  /** Differs for each attachment. */
  readonly attachment: string;
  /** Text of the serial number string, where it has one and it can be read. */
  readonly serial: string | undefined;
  /** Of its first configuration; none where the system does not tell. */
  readonly interfaces: readonly UsbInterface[];
  /** What a person would call it: ids and location. */
  readonly name: string;
  /** Opens the device and claims an interface. */
  open(interfaceNumber: number): Promise<void>;
  /** Idempotent, never throws. */
  close(): Promise<void>;
  controlOut(setup: UsbSetup, data: Uint8Array, timeoutMs: number): Promise<void>;
  /** May return less than `length` bytes. */
  controlIn(setup: UsbSetup, length: number, timeoutMs: number): Promise<Uint8Array>;
  /** Sends all of `data`. */
  bulkOut(endpoint: number, data: Uint8Array, timeoutMs: number): Promise<void>;
  bulkIn(endpoint: number, length: number, timeoutMs: number): Promise<Uint8Array>;
}

/** The machine's USB, or an emulated one. */
export interface UsbHost {
  list(): Promise<UsbDevice[]>;
}

export const hex4 = (value: number): string => value.toString(16).padStart(4, '0');
export const usbName = (ids: UsbIds, location: string): string =>
  `USB ${hex4(ids.vendor)}:${hex4(ids.product)} on ${location}`;

/** GET_DESCRIPTOR(device), USB 2.0 §9.4.3. */
const getDeviceDescriptor: UsbSetup = {
  type: 'standard',
  recipient: 'device',
  request: 6,
  value: 0x0100,
  index: 0,
};
const DESCRIPTOR_BYTES = 18;
/** iSerialNumber, USB 2.0 table 9-8. */
const SERIAL_INDEX_AT = 16;
const DESCRIPTOR_TIMEOUT_MS = 1000;

/** The descriptor *index* of the serial number, which tells the boot ROM of a Raspberry Pi from its second stage. */
export const serialIndex = async (device: UsbDevice): Promise<number> => {
  const descriptor = await device.controlIn(getDeviceDescriptor, DESCRIPTOR_BYTES, DESCRIPTOR_TIMEOUT_MS);
  return descriptor[SERIAL_INDEX_AT] ?? 0;
};
