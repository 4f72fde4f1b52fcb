/** An emulated USB in this process: devices are attached to ports, and the flasher's adapter interface reaches them. */
import {
  StalledError,
  TimeoutError,
  UnpluggedError,
  type UsbDevice,
  type UsbHost,
  type UsbIds,
  type UsbSetup,
  usbName,
  whyGarbled,
} from '../../flasher/index.ts';
import { deviceDescriptor, Garble, Stall, Unplug, type UsbFunction } from './usb-function.ts';

/** Where an emulated device is plugged in, and how it leaves and comes back. */
export interface UsbSocket {
  attach(device: UsbFunction, location: string): void;
  detach(device: UsbFunction): void;
}

type Attachment = {
  readonly device: UsbFunction;
  readonly location: string;
  readonly id: number;
  readonly gone: Gone;
};

class Gone {
  readonly promise: Promise<void>;
  is = false;
  #resolve!: () => void;
  constructor() {
    this.promise = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }
  now(): void {
    this.is = true;
    this.#resolve();
  }
}

export class EmulatedBus implements UsbHost, UsbSocket {
  #attachments: Attachment[] = [];
  #next = 1;

  attach(device: UsbFunction, location: string): void {
    this.#attachments.push({ device, location, id: this.#next++, gone: new Gone() });
  }

  detach(device: UsbFunction): void {
    this.#attachments.find((one) => one.device === device)?.gone.now();
    this.#attachments = this.#attachments.filter((one) => one.device !== device);
  }

  async list(): Promise<UsbDevice[]> {
    return this.#attachments.map((one) => new BusDevice(one, () => this.detach(one.device)));
  }
}

/** One transfer's end: the device's answer, its refusal, its absence, or the limit. */
class BusDevice implements UsbDevice {
  readonly ids: UsbIds;
  readonly location: string;
  readonly attachment: string;
  readonly name: string;
  readonly serial: string | undefined;
  readonly #at: Attachment;
  readonly #detach: () => void;
  #opened = false;

  constructor(at: Attachment, detach: () => void) {
    this.#at = at;
    this.#detach = detach;
    const { ids, serial } = at.device.descriptor;
    this.ids = ids;
    this.serial = serial;
    this.location = at.location;
    this.attachment = String(at.id);
    this.name = usbName(ids, at.location);
  }

  get interfaces() {
    return this.#at.device.descriptor.interfaces;
  }

  async open(): Promise<void> {
    if (this.#at.gone.is) throw new UnpluggedError(this.name, 'opening it');
    this.#opened = true;
  }

  async close(): Promise<void> {
    this.#opened = false;
  }

  controlOut(setup: UsbSetup, data: Uint8Array, timeoutMs: number): Promise<void> {
    return this.#transfer('sending a request', timeoutMs, () => this.#at.device.controlOut(setup, data));
  }

  async controlIn(setup: UsbSetup, length: number, timeoutMs: number): Promise<Uint8Array> {
    const answer = await this.#transfer('reading an answer', timeoutMs, async () =>
      setup.type === 'standard'
        ? deviceDescriptor(this.#at.device.descriptor)
        : this.#at.device.controlIn(setup, length),
    );
    return answer.subarray(0, length);
  }

  bulkOut(endpoint: number, data: Uint8Array, timeoutMs: number): Promise<void> {
    return this.#transfer('sending data', timeoutMs, () => this.#at.device.bulkOut(endpoint, data));
  }

  bulkIn(endpoint: number, length: number, timeoutMs: number): Promise<Uint8Array> {
    return this.#transfer('reading data', timeoutMs, () => this.#at.device.bulkIn(endpoint, length));
  }

  async #transfer<T>(during: string, timeoutMs: number, work: () => Promise<T>): Promise<T> {
    if (!this.#opened || this.#at.gone.is) throw new UnpluggedError(this.name, during);
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(
        () => reject(new TimeoutError(this.name, `an answer while ${during}`, timeoutMs, [])),
        timeoutMs,
      );
    });
    const left = this.#at.gone.promise.then(() => Promise.reject(new UnpluggedError(this.name, during)));
    left.catch(() => {});
    try {
      return await Promise.race([work(), limit, left]);
    } catch (error) {
      if (error instanceof Unplug) this.#detach();
      if (error instanceof Unplug) throw new UnpluggedError(this.name, during, { cause: error });
      if (error instanceof Garble)
        throw await whyGarbled(this.name, during, async () => !this.#at.gone.is, error);
      throw error instanceof Stall ? new StalledError(this.name, during, { cause: error }) : error;
    } finally {
      clearTimeout(timer);
    }
  }
}
