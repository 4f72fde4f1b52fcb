/** The machine's USB through the npm package `usb` 3 (WebUSB shape). Its errors are text; here they become types. */
import {
  BadDeviceError,
  BusyError,
  FlashError,
  PermissionError,
  StalledError,
  TimeoutError,
  UnpluggedError,
  UsbMemoryError,
} from '../errors.ts';
import { sysfsDriver, sysfsInterfaces } from './descriptors.ts';
import {
  type UsbDevice,
  type UsbHost,
  type UsbIds,
  type UsbInterface,
  type UsbSetup,
  usbName,
} from './device.ts';
import { whyGarbled } from './garbled.ts';
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
    /incompatible driver/i, // nusb on Windows
    (device, _d, _t, cause) =>
      new FlashError('missing_tool', device, 'has another driver than programs can use', {
        hint: permissionHint('win32'),
        cause,
      }),
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
    /disconnect|no such device|not found|errno (2|19)\b|invalid state/i,
    (device, during, _t, cause) => new UnpluggedError(device, during, { cause }),
  ],
];

const BUSY = /busy|errno 16\b/i;
const busy = (device: string, holders: readonly string[], cause: Error) =>
  new BusyError(device, holders.join(' and ') || 'another program or a kernel driver', {
    hint: 'end rpiboot, Etcher or another velocity-flash',
    cause,
  });

/** @internal pinned by tests: text of the package (and of nusb below it) → typed error. */
export const usbError = (
  device: string,
  during: string,
  timeoutMs: number,
  cause: unknown,
  holders: () => readonly string[] = () => [],
): FlashError => {
  const error = cause instanceof Error ? cause : new Error(String(cause));
  if (BUSY.test(error.message)) return busy(device, holders(), error);
  const make = kinds.find(([pattern]) => pattern.test(error.message))?.[1];
  if (make) return make(device, during, timeoutMs, error);
  return new BadDeviceError(device, `USB error while ${during}: ${error.message}`, { cause: error });
};

/** EPROTO, EILSEQ, ETIME, EOVERFLOW, ECOMM of a transfer: nusb has one name for them. */
const GARBLED = /fault|protocol violation/i;

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

/** Linux numbers buses, from 001; macOS has the upper byte of a place in hex, where 1a is no 1. */
const busName = (bus: string) => (/^\d+$/.test(bus) ? Number(bus) : bus);

const attachmentOf = ({ bus, address }: PackageDevice) => `${bus}/${address}`;

/** Where Linux shows a device (usbfs). */
const nodeOf = ({ bus, address }: PackageDevice) =>
  `/dev/bus/usb/${bus.padStart(3, '0')}/${String(address).padStart(3, '0')}`;

/** What the adapter asks of its surroundings; passed in by tests. */
export type NodeUsbOptions = {
  /** The package, loaded when it is first needed, since it is native code. */
  readonly load?: () => Promise<PackageUsb>;
  /** Other programs that have a device's file open, as people read them. */
  readonly holdersOf?: (path: string) => readonly string[];
  /** What is bound to an interface. */
  readonly driverOf?: (location: string, interfaceNumber: number) => string | undefined;
};

type Surroundings = Required<Omit<NodeUsbOptions, 'load'>> & {
  readonly list: () => Promise<readonly PackageDevice[]>;
};

/** A program's claim, as the kernel calls it. */
const USBFS = 'usbfs';

class NodeUsbDevice implements UsbDevice {
  readonly ids: UsbIds;
  readonly location: string;
  readonly attachment: string;
  readonly name: string;
  readonly #device: PackageDevice;
  readonly #around: Surroundings;

  constructor(device: PackageDevice, around: Surroundings) {
    this.#device = device;
    this.#around = around;
    this.ids = { vendor: device.vendorId, product: device.productId };
    this.location = `${busName(device.bus)}-${device.ports.join('.')}`;
    this.attachment = attachmentOf(device);
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
      await this.#device
        .claimInterface(interfaceNumber)
        .catch((error) => this.#reclaim(interfaceNumber, error));
    });
  }

  /** From a kernel driver only: detaching would take the interface from another program, too, in the midst of its work. */
  async #reclaim(interfaceNumber: number, error: unknown): Promise<void> {
    const driver = this.#around.driverOf(this.location, interfaceNumber);
    if (driver === undefined || driver === USBFS) throw error;
    await this.#device.detachKernelDriver(interfaceNumber);
    await this.#device.claimInterface(interfaceNumber);
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
      if (cause instanceof Error && GARBLED.test(cause.message))
        throw await whyGarbled(this.name, during, () => this.#isThere(), cause);
      const holders = () => this.#around.holdersOf(nodeOf(this.#device));
      throw usbError(this.name, during, timeoutMs, cause, holders);
    }
  }

  async #isThere(): Promise<boolean> {
    return (await this.#around.list()).some((one) => attachmentOf(one) === this.attachment);
  }
}

/** No USB support where this runs: a container, or a kernel without it. */
const isNoUsb = (error: unknown) => /\/sys\/bus\/usb\/devices/.test((error as Error).message ?? '');

const loadPackage = async (): Promise<PackageUsb> => {
  try {
    return (await import('usb')).usb as unknown as PackageUsb;
  } catch (cause) {
    if (isNoUsb(cause)) throw cause;
    const problem = `cannot be used: the package usb does not load on ${process.platform} ${process.arch}`;
    throw new FlashError('missing_tool', 'USB', problem, {
      hint: 'npm has builds for Linux, macOS and Windows, which `npm install --omit=optional` leaves out; `--to DISK` needs none',
      cause,
    });
  }
};

export const nodeUsb = ({
  load = loadPackage,
  holdersOf = () => [],
  driverOf = sysfsDriver,
}: NodeUsbOptions = {}): UsbHost => ({
  list: async () => {
    try {
      const list = async () => (await load()).getDevices();
      return (await list()).map((device) => new NodeUsbDevice(device, { list, holdersOf, driverOf }));
    } catch (cause) {
      if (isNoUsb(cause)) return [];
      if (cause instanceof FlashError) throw cause;
      throw usbError('USB', 'listing devices', OPEN_TIMEOUT_MS, cause);
    }
  },
});
