/**
 * A browser's USB (WebUSB, wicg.github.io/webusb) behind the flasher's interface. A page sees the devices that a person
 * chose, no ports, and no timeouts: those are kept here. What goes wrong is a DOMException, whose name decides.
 */
import {
  BadDeviceError,
  BusyError,
  type FlashError,
  PermissionError,
  StalledError,
  TimeoutError,
  UnpluggedError,
} from '../errors.ts';
import {
  type UsbDevice,
  type UsbHost,
  type UsbIds,
  type UsbInterface,
  type UsbSetup,
  usbName,
} from './device.ts';
import { whyGarbled } from './garbled.ts';

type Setup = { requestType: string; recipient: string; request: number; value: number; index: number };
type In = { readonly data?: DataView; readonly status?: string };
type Out = { readonly bytesWritten: number; readonly status?: string };
type Alternate = {
  readonly interfaceClass: number;
  readonly interfaceSubclass: number;
  readonly interfaceProtocol: number;
  readonly endpoints: readonly {
    readonly endpointNumber: number;
    readonly direction: 'in' | 'out';
    readonly type: 'bulk' | 'interrupt' | 'isochronous';
  }[];
};

/** What is used of a browser's USBDevice. */
export type WebUsbDevice = {
  readonly vendorId: number;
  readonly productId: number;
  readonly serialNumber?: string | null;
  readonly configuration: unknown;
  readonly configurations: readonly {
    readonly configurationValue: number;
    readonly interfaces: readonly {
      readonly interfaceNumber: number;
      readonly alternates: readonly Alternate[];
    }[];
  }[];
  open(): Promise<void>;
  close(): Promise<void>;
  selectConfiguration(value: number): Promise<void>;
  claimInterface(number: number): Promise<void>;
  controlTransferIn(setup: Setup, length: number): Promise<In>;
  controlTransferOut(setup: Setup, data: Uint8Array): Promise<Out>;
  transferIn(endpoint: number, length: number): Promise<In>;
  transferOut(endpoint: number, data: Uint8Array): Promise<Out>;
};

/** What is used of `navigator.usb`. */
export type WebUsb = { getDevices(): Promise<WebUsbDevice[]> };

const OPEN_TIMEOUT_MS = 10_000;
const CABLE = [
  'the cable carries power only or is damaged',
  'a hub lies between',
  'the board is not powered',
];
/** A page cannot write the rule; the command that serves it can. */
const PERMISSION_HINT =
  'on Linux run `velocity-flash --install-udev` once, on Windows install the WinUSB driver for it; then plug the board in again';

type Failure = { readonly device: string; readonly during: string; readonly cause: Error };
const unplugged = ({ device, during, cause }: Failure) => new UnpluggedError(device, during, { cause });
const busy = ({ device, cause }: Failure) =>
  new BusyError(device, 'another page or program', {
    hint: 'close other pages and programs that use it',
    cause,
  });

/** By the exception's name, as WebUSB and Chromium use them; "NetworkError" is told apart by its text. */
const kinds: Readonly<Record<string, (failure: Failure) => FlashError | undefined>> = {
  NotFoundError: unplugged,
  InvalidStateError: unplugged,
  AbortError: unplugged,
  SecurityError: ({ device, cause }) => new PermissionError(device, { hint: PERMISSION_HINT, cause }),
  NetworkError: (failure) => {
    if (/claim|busy|in use/i.test(failure.cause.message)) return busy(failure);
    return /disconnect/i.test(failure.cause.message) ? unplugged(failure) : undefined;
  },
};

/** @internal pinned by tests: a browser's exception → typed error. */
export const webUsbError = (device: string, during: string, thrown: unknown): FlashError => {
  const cause = thrown instanceof Error ? thrown : new Error(String(thrown));
  const made = kinds[cause.name]?.({ device, during, cause });
  return made ?? new BadDeviceError(device, `USB error while ${during}: ${cause.message}`, { cause });
};

/** Chromium's text for whatever failed on the wire. */
const isGarbled = (thrown: unknown): thrown is Error =>
  thrown instanceof Error && thrown.name === 'NetworkError' && /transfer error/i.test(thrown.message);

const interfaceOf = (number: number, { alternates }: { alternates: readonly Alternate[] }): UsbInterface => ({
  number,
  classCode: alternates[0]?.interfaceClass ?? 0,
  subclassCode: alternates[0]?.interfaceSubclass ?? 0,
  protocolCode: alternates[0]?.interfaceProtocol ?? 0,
  endpoints: (alternates[0]?.endpoints ?? []).map(({ endpointNumber, direction, type }) => ({
    number: endpointNumber,
    direction,
    type,
  })),
});

const toSetup = ({ type, ...rest }: UsbSetup): Setup => ({ ...rest, requestType: type });
const bytesOf = ({ data }: In) =>
  data ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : new Uint8Array();

/** A page is not told the port; every board is "there". */
const LOCATION = 'this computer';

class PageUsbDevice implements UsbDevice {
  readonly ids: UsbIds;
  readonly location = LOCATION;
  readonly attachment: string;
  readonly name: string;
  readonly serial: string | undefined;
  readonly #device: WebUsbDevice;
  readonly #usb: WebUsb;

  constructor(usb: WebUsb, device: WebUsbDevice, attachment: string) {
    this.#usb = usb;
    this.#device = device;
    this.ids = { vendor: device.vendorId, product: device.productId };
    this.attachment = attachment;
    this.name = usbName(this.ids, LOCATION);
    this.serial = device.serialNumber ?? undefined;
  }

  get interfaces(): readonly UsbInterface[] {
    return (this.#device.configurations[0]?.interfaces ?? []).map((one) =>
      interfaceOf(one.interfaceNumber, one),
    );
  }

  open(interfaceNumber: number): Promise<void> {
    return this.#try('opening it', OPEN_TIMEOUT_MS, async () => {
      await this.#device.open();
      const first = this.#device.configurations[0]?.configurationValue ?? 1;
      if (!this.#device.configuration) await this.#device.selectConfiguration(first);
      await this.#device.claimInterface(interfaceNumber);
    });
  }

  async close(): Promise<void> {
    await this.#device.close().catch(() => {}); // gone already is fine
  }

  controlOut(setup: UsbSetup, data: Uint8Array, timeoutMs: number): Promise<void> {
    const during = 'sending a request';
    return this.#try(during, timeoutMs, async () => {
      this.#check(during, await this.#device.controlTransferOut(toSetup(setup), data));
    });
  }

  controlIn(setup: UsbSetup, length: number, timeoutMs: number): Promise<Uint8Array> {
    const during = 'reading an answer';
    return this.#try(during, timeoutMs, async () =>
      bytesOf(this.#check(during, await this.#device.controlTransferIn(toSetup(setup), length))),
    );
  }

  bulkOut(endpoint: number, data: Uint8Array, timeoutMs: number): Promise<void> {
    const during = 'sending data';
    return this.#try(during, timeoutMs, async () => {
      const { bytesWritten } = this.#check(during, await this.#device.transferOut(endpoint, data));
      if (bytesWritten !== data.length) throw new Error(`took ${bytesWritten} of ${data.length} bytes`);
    });
  }

  bulkIn(endpoint: number, length: number, timeoutMs: number): Promise<Uint8Array> {
    const during = 'reading data';
    return this.#try(during, timeoutMs, async () =>
      bytesOf(this.#check(during, await this.#device.transferIn(endpoint, length))),
    );
  }

  #check<T extends In | Out>(during: string, result: T): T {
    if (result.status === 'stall') throw new StalledError(this.name, during);
    return result;
  }

  /** A transfer that is given up stays pending in the browser until the device is closed. */
  async #try<T>(during: string, timeoutMs: number, work: () => Promise<T>): Promise<T> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const limit = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(
        () => reject(new TimeoutError(this.name, `an answer while ${during}`, timeoutMs, CABLE)),
        timeoutMs,
      );
    });
    const working = work();
    working.catch(() => {}); // also where the limit came first
    try {
      return await Promise.race([working, limit]);
    } catch (thrown) {
      const typed = thrown instanceof TimeoutError || thrown instanceof StalledError;
      if (isGarbled(thrown)) throw await whyGarbled(this.name, during, () => this.#isThere(), thrown);
      throw typed ? thrown : webUsbError(this.name, during, thrown);
    } finally {
      clearTimeout(timer);
    }
  }

  async #isThere(): Promise<boolean> {
    return (await this.#usb.getDevices()).includes(this.#device);
  }
}

/** The devices that the person let this page use. A board that re-enumerates may have to be chosen again. */
export const webUsb = (usb: WebUsb): UsbHost => {
  const known = new WeakMap<WebUsbDevice, PageUsbDevice>();
  let next = 1;
  const deviceOf = (device: WebUsbDevice) => {
    const made = known.get(device) ?? new PageUsbDevice(usb, device, String(next++));
    known.set(device, made);
    return made;
  };
  return {
    list: async () => {
      try {
        return (await usb.getDevices()).map(deviceOf);
      } catch (thrown) {
        throw webUsbError('USB', 'listing devices', thrown);
      }
    },
  };
};
