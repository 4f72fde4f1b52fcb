/** The machine's USB through the npm package `usb` 3 (WebUSB shape). Its errors are text; here they become types. */
import {
  BadDeviceError,
  BusyError,
  type FlashError,
  PermissionError,
  StalledError,
  TimeoutError,
  UnpluggedError,
  UsbMemoryError,
} from '../errors.ts';
import { sysfsInterfaces } from './descriptors.ts';
import {
  type UsbDevice,
  type UsbHost,
  type UsbIds,
  type UsbInterface,
  type UsbSetup,
  usbName,
} from './device.ts';
import { permissionHint } from './udev.ts';

type Setup = { requestType: string; recipient: string; request: number; value: number; index: number };
type In = { readonly data?: DataView; readonly status?: string };
type Out = { readonly bytesWritten: number; readonly status?: string };

/** What is used of the package's device; each transfer takes its timeout as an extra last argument, default 1000 ms. */
export type PackageDevice = {
  readonly vendorId: number;
  readonly productId: number;
  readonly bus: string;
  readonly address: number;
  readonly ports: readonly number[];
  readonly serialNumber: string | null;
  readonly configurations: readonly PackageConfiguration[];
  open(): Promise<void>;
  close(): Promise<void>;
  claimInterface(number: number): Promise<void>;
  detachKernelDriver(number: number): Promise<void>;
  controlTransferIn(setup: Setup, length: number, timeoutMs: number): Promise<In>;
  controlTransferOut(setup: Setup, data: Uint8Array, timeoutMs: number): Promise<Out>;
  transferIn(endpoint: number, length: number, timeoutMs: number): Promise<In>;
  transferOut(endpoint: number, data: Uint8Array, timeoutMs: number): Promise<Out>;
};

type PackageConfiguration = {
  readonly interfaces: readonly {
    readonly interfaceNumber: number;
    readonly alternate: {
      readonly interfaceClass: number;
      readonly interfaceSubclass: number;
      readonly interfaceProtocol: number;
      readonly endpoints: readonly {
        readonly endpointNumber: number;
        readonly direction: string;
        readonly type: string;
      }[];
    };
  }[];
};

export type PackageUsb = { getDevices(): Promise<PackageDevice[]> };

const CABLE = [
  'the cable carries power only or is damaged',
  'a hub lies between',
  'the board is not powered',
];

const kinds: readonly [
  RegExp,
  (device: string, during: string, timeoutMs: number, cause: Error) => FlashError,
][] = [
  [
    /permission|errno 13\b|errno 1\b|access denied/i,
    (device, _d, _t, cause) => new PermissionError(device, { hint: permissionHint(), cause }),
  ],
  [
    /errno 12\b|Unknown\(12\)/, // ENOMEM: usbfs has a limit over all transfers of all programs
    (device, during, _t, cause) => new UsbMemoryError(device, during, { cause }),
  ],
  [/stall/i, (device, during, _t, cause) => new StalledError(device, during, { cause })],
  [
    /cancelled|timed? ?out/i,
    (device, during, ms, cause) =>
      new TimeoutError(device, `an answer while ${during}`, ms, CABLE, { cause }),
  ],
  [
    /busy|errno 16\b/i,
    (device, _d, _t, cause) =>
      new BusyError(device, 'another program or a kernel driver', {
        hint: 'end rpiboot, Etcher or another velocity-flash',
        cause,
      }),
  ],
  [
    /disconnect|no such device|not found|errno (2|19)\b|invalid state/i,
    (device, during, _t, cause) => new UnpluggedError(device, during, { cause }),
  ],
];

/** @internal pinned by tests: text of the package (and of nusb below it) → typed error. */
export const usbError = (device: string, during: string, timeoutMs: number, cause: unknown): FlashError => {
  const error = cause instanceof Error ? cause : new Error(String(cause));
  const make = kinds.find(([pattern]) => pattern.test(error.message))?.[1];
  if (make) return make(device, during, timeoutMs, error);
  return new BadDeviceError(device, `USB error while ${during}: ${error.message}`, { cause: error });
};

const OPEN_TIMEOUT_MS = 5000;

const interfacesOf = (device: PackageDevice): UsbInterface[] =>
  (device.configurations[0]?.interfaces ?? []).map(({ interfaceNumber, alternate }) => ({
    number: interfaceNumber,
    classCode: alternate.interfaceClass,
    subclassCode: alternate.interfaceSubclass,
    protocolCode: alternate.interfaceProtocol,
    endpoints: alternate.endpoints.map(({ endpointNumber, direction, type }) => ({
      number: endpointNumber,
      direction: direction === 'in' ? 'in' : 'out',
      type: type as 'bulk' | 'interrupt' | 'isochronous',
    })),
  }));

const toSetup = ({ type, ...rest }: UsbSetup): Setup => ({ ...rest, requestType: type });
const bytesOf = ({ data }: In) =>
  data ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : new Uint8Array();

/** What the package opens the device for: one that left, or that this user may not open, does not say it. */
const asked = <T>(question: () => T): T | undefined => {
  try {
    return question();
  } catch {
    return undefined;
  }
};

class NodeUsbDevice implements UsbDevice {
  readonly ids: UsbIds;
  readonly location: string;
  readonly attachment: string;
  readonly name: string;
  readonly #device: PackageDevice;

  constructor(device: PackageDevice) {
    this.#device = device;
    this.ids = { vendor: device.vendorId, product: device.productId };
    this.location = `${Number.parseInt(device.bus, 10) || device.bus}-${device.ports.join('.')}`;
    this.attachment = `${device.bus}/${device.address}`;
    this.name = usbName(this.ids, this.location);
  }

  get serial(): string | undefined {
    return asked(() => this.#device.serialNumber) ?? undefined;
  }

  get interfaces(): readonly UsbInterface[] {
    return sysfsInterfaces(this.location, this.ids) ?? asked(() => interfacesOf(this.#device)) ?? [];
  }

  open(interfaceNumber: number): Promise<void> {
    return this.#try('opening it', OPEN_TIMEOUT_MS, async () => {
      await this.#device.open();
      await this.#device.detachKernelDriver(interfaceNumber).catch(() => {}); // none bound is the usual case
      await this.#device.claimInterface(interfaceNumber);
    });
  }

  async close(): Promise<void> {
    await this.#device.close().catch(() => {}); // gone already is fine
  }

  controlOut(setup: UsbSetup, data: Uint8Array, timeoutMs: number): Promise<void> {
    return this.#try('sending a request', timeoutMs, async () => {
      await this.#device.controlTransferOut(toSetup(setup), data, timeoutMs);
    });
  }

  controlIn(setup: UsbSetup, length: number, timeoutMs: number): Promise<Uint8Array> {
    return this.#try('reading an answer', timeoutMs, async () =>
      bytesOf(await this.#device.controlTransferIn(toSetup(setup), length, timeoutMs)),
    );
  }

  bulkOut(endpoint: number, data: Uint8Array, timeoutMs: number): Promise<void> {
    return this.#try('sending data', timeoutMs, async () => {
      const { bytesWritten } = await this.#device.transferOut(endpoint, data, timeoutMs);
      if (bytesWritten !== data.length) throw new Error(`took ${bytesWritten} of ${data.length} bytes`);
    });
  }

  bulkIn(endpoint: number, length: number, timeoutMs: number): Promise<Uint8Array> {
    return this.#try('reading data', timeoutMs, async () =>
      bytesOf(await this.#device.transferIn(endpoint, length, timeoutMs)),
    );
  }

  async #try<T>(during: string, timeoutMs: number, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (cause) {
      throw usbError(this.name, during, timeoutMs, cause);
    }
  }
}

/** No USB support where this runs: a container, or a kernel without it. */
const isNoUsb = (error: unknown) => /\/sys\/bus\/usb\/devices/.test((error as Error).message ?? '');

/** `load` is passed in by tests; the package is loaded when it is first needed, since it is native code. */
export const nodeUsb = (
  load: () => Promise<PackageUsb> = async () => (await import('usb')).usb as unknown as PackageUsb,
): UsbHost => ({
  list: async () => {
    try {
      return (await (await load()).getDevices()).map((device) => new NodeUsbDevice(device));
    } catch (cause) {
      if (isNoUsb(cause)) return [];
      throw usbError('USB', 'listing devices', OPEN_TIMEOUT_MS, cause);
    }
  },
});
