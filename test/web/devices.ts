/** The test's end of the shim: a page's USB and serial calls, carried out on emulated devices in this process. */
import { readFileSync } from 'node:fs';
import {
  StalledError,
  TimeoutError,
  UnpluggedError,
  type UsbDevice,
  type UsbSetup,
} from '../../flasher/index.ts';
import type { Transport } from '../../link/index.ts';
import type { EmulatedBus } from '../../rig/emulated/index.ts';
import type { Page } from './page.ts';

type Call = { readonly id: number; readonly method: string; readonly args: readonly unknown[] };
type WebSetup = Omit<UsbSetup, 'type'> & { readonly requestType: UsbSetup['type'] };

/** A browser's exception. */
class Exception extends Error {
  constructor(name: string, message: string) {
    super(message);
    this.name = name;
  }
}

/** The page keeps the time limits; here only what never ends is ended. */
const FOREVER_MS = 600_000;
const WATCH_MS = 20;

/** Opens a serial line anew each time, as a port is. */
export type OpenPort = () => Promise<Transport> | Transport;

export class Devices {
  readonly #page: Page;
  readonly #bus: EmulatedBus;
  readonly #ports: readonly OpenPort[];
  readonly #open = new Map<number, Transport>();
  readonly #allowed = new Set<string>();
  readonly #allowedPorts = new Set<number>();
  readonly #watch: NodeJS.Timeout;
  #seen = '';
  /** Which of the devices that fit a person chooses; none closes the browser's list. */
  chooses: (fitting: readonly UsbDevice[]) => UsbDevice | undefined = ([first]) => first;
  choosesPort = 0;
  /** Speeds that ports were opened with. */
  readonly speeds: number[] = [];

  constructor(page: Page, bus: EmulatedBus, ports: readonly OpenPort[] = []) {
    this.#page = page;
    this.#bus = bus;
    this.#ports = ports;
    this.#watch = setInterval(() => void this.#look(), WATCH_MS);
  }

  async attach(): Promise<void> {
    await this.#page.bind('velocityTest', (payload) => void this.#take(JSON.parse(payload) as Call));
    await this.#page.beforeLoad(readFileSync(new URL('shim.mjs', import.meta.url), 'utf8'));
  }

  async close(): Promise<void> {
    clearInterval(this.#watch);
    for (const transport of this.#open.values()) await transport.close();
  }

  /** Pulls the adapter; it can be opened again. */
  unplugPort(index: number): void {
    this.#tell(`lost(${index})`);
  }

  #tell(expression: string): void {
    void this.#page.evaluate(`velocityShim.${expression}`).catch(() => {}); // the page may be gone
  }

  async #look(): Promise<void> {
    const now = (await this.#bus.list()).map(({ attachment }) => attachment).join();
    if (now === this.#seen) return;
    const kind = now.length > this.#seen.length ? 'connect' : 'disconnect';
    this.#seen = now;
    this.#tell(`event('usb', '${kind}')`);
  }

  async #take({ id, method, args }: Call): Promise<void> {
    const works = this.#methods as Readonly<Record<string, (...args: never[]) => unknown>>;
    try {
      const value = await works[method]!(...(args as never[]));
      this.#tell(`answer(${id}, ${JSON.stringify(value) ?? 'undefined'})`);
    } catch (error) {
      const { name, message } = error as Error;
      this.#tell(`fail(${id}, ${JSON.stringify(name)}, ${JSON.stringify(message)})`);
    }
  }

  async #device(handle: string): Promise<UsbDevice> {
    const found = (await this.#bus.list()).find(({ attachment }) => attachment === handle);
    if (!found) throw new Exception('NotFoundError', 'The device was disconnected.');
    return this.#opened.get(handle) ?? found;
  }
  readonly #opened = new Map<string, UsbDevice>();

  /** What the emulated device's end of a transfer is in WebUSB. */
  async #transfer<T>(work: () => Promise<T>): Promise<T | { status: 'stall'; bytesWritten: 0 }> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof StalledError) return { status: 'stall', bytesWritten: 0 };
      if (error instanceof UnpluggedError)
        throw new Exception('NotFoundError', 'The device was disconnected.');
      throw error instanceof TimeoutError
        ? new Exception('AbortError', 'The transfer was cancelled.')
        : error;
    }
  }

  readonly #methods = {
    devices: async () =>
      (await this.#bus.list()).filter((device) => this.#allowed.has(device.attachment)).map(factsOf),
    requestDevice: async (filters: readonly Filter[]) => {
      const all = await this.#bus.list();
      const chosen = this.chooses(all.filter((device) => filters.some((filter) => fits(device, filter))));
      if (!chosen) throw new Exception('NotFoundError', 'No device selected.');
      this.#allowed.add(chosen.attachment);
      return factsOf(chosen);
    },
    open: async (handle: string) => {
      const device = await this.#device(handle);
      this.#opened.set(handle, device);
    },
    claim: async (handle: string, number: number) => (await this.#device(handle)).open(number),
    close: async (handle: string) => {
      await this.#opened.get(handle)?.close();
      this.#opened.delete(handle);
    },
    controlIn: async (handle: string, setup: WebSetup, length: number) => {
      const device = await this.#device(handle);
      return this.#transfer(async () => answer(await device.controlIn(setupOf(setup), length, FOREVER_MS)));
    },
    controlOut: async (handle: string, setup: WebSetup, data: string) => {
      const device = await this.#device(handle);
      const bytes = Buffer.from(data, 'base64');
      return this.#transfer(async () => {
        await device.controlOut(setupOf(setup), bytes, FOREVER_MS);
        return { status: 'ok', bytesWritten: bytes.length };
      });
    },
    bulkIn: async (handle: string, endpoint: number, length: number) => {
      const device = await this.#device(handle);
      return this.#transfer(async () => answer(await device.bulkIn(endpoint, length, FOREVER_MS)));
    },
    bulkOut: async (handle: string, endpoint: number, data: string) => {
      const device = await this.#device(handle);
      const bytes = Buffer.from(data, 'base64');
      return this.#transfer(async () => {
        await device.bulkOut(endpoint, bytes, FOREVER_MS);
        return { status: 'ok', bytesWritten: bytes.length };
      });
    },
    ports: () => [...this.#allowedPorts],
    requestPort: () => {
      if (!this.#ports[this.choosesPort]) throw new Exception('NotFoundError', 'No port selected.');
      this.#allowedPorts.add(this.choosesPort);
      return this.choosesPort;
    },
    portOpen: async (index: number, baudRate: number) => {
      if (this.#open.has(index)) throw new Exception('InvalidStateError', 'The port is already open.');
      this.speeds.push(baudRate);
      const transport = await this.#ports[index]!();
      this.#open.set(index, transport);
      transport.onData((data) => this.#tell(`data(${index}, '${Buffer.from(data).toString('base64')}')`));
      transport.onClose((cause) => {
        this.#open.delete(index);
        if (cause) this.#tell(`lost(${index})`);
      });
    },
    portWrite: (index: number, data: string) => this.#open.get(index)?.write(Buffer.from(data, 'base64')),
    portClose: async (index: number) => {
      const transport = this.#open.get(index);
      this.#open.delete(index);
      await transport?.close();
    },
  };
}

type Filter = { vendorId?: number; productId?: number; classCode?: number; subclassCode?: number };

const fits = ({ ids, interfaces }: UsbDevice, filter: Filter): boolean =>
  (filter.vendorId === undefined || filter.vendorId === ids.vendor) &&
  (filter.productId === undefined || filter.productId === ids.product) &&
  (filter.classCode === undefined ||
    interfaces.some(
      (face) => face.classCode === filter.classCode && face.subclassCode === filter.subclassCode,
    ));

const setupOf = ({ requestType, ...rest }: WebSetup): UsbSetup => ({ ...rest, type: requestType });
const answer = (bytes: Uint8Array) => ({ status: 'ok', data: Buffer.from(bytes).toString('base64') });

/** As WebUSB describes a device. */
const factsOf = ({ attachment, ids, serial, interfaces }: UsbDevice) => ({
  handle: attachment,
  vendorId: ids.vendor,
  productId: ids.product,
  serialNumber: serial,
  configurations: [
    {
      configurationValue: 1,
      interfaces: interfaces.map((face) => ({
        interfaceNumber: face.number,
        alternates: [
          {
            interfaceClass: face.classCode,
            interfaceSubclass: face.subclassCode,
            interfaceProtocol: face.protocolCode,
            endpoints: face.endpoints.map(({ number, direction, type }) => ({
              endpointNumber: number,
              direction,
              type,
            })),
          },
        ],
      })),
    },
  ],
});
