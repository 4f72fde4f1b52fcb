/** A USB/IP client for tests: what `usbip attach` and vhci-hcd do (usbip_protocol.rst), as the flasher's USB. */
import { connect, type Socket } from 'node:net';
import {
  StalledError,
  TimeoutError,
  UnpluggedError,
  type UsbDevice,
  type UsbHost,
  type UsbIds,
  type UsbInterface,
  type UsbSetup,
  usbName,
} from '../../flasher/index.ts';

const VERSION = 0x0111;
const DEVICE_BYTES = 312;
const URB_BYTES = 48;
const STALLED = -32;

const opRequest = (code: number, busid?: string) => {
  const bytes = Buffer.alloc(busid === undefined ? 8 : 40);
  bytes.writeUInt16BE(VERSION, 0);
  bytes.writeUInt16BE(code, 2);
  if (busid !== undefined) bytes.write(busid, 8, 31, 'latin1');
  return bytes;
};

/** Reads exactly what is asked for; undefined at the end. */
class Reader {
  #held: Buffer = Buffer.alloc(0);
  #wanted: { bytes: number; give: (data: Buffer | undefined) => void } | undefined;
  #ended = false;

  constructor(socket: Socket) {
    socket.on('data', (data) => {
      this.#held = Buffer.concat([this.#held, data]);
      this.#look();
    });
    socket.on('error', () => {});
    socket.once('close', () => {
      this.#ended = true;
      this.#look();
    });
  }

  take(bytes: number): Promise<Buffer | undefined> {
    return new Promise((give) => {
      this.#wanted = { bytes, give };
      this.#look();
    });
  }

  #look(): void {
    const wanted = this.#wanted;
    if (!wanted || (this.#held.length < wanted.bytes && !this.#ended)) return;
    this.#wanted = undefined;
    const whole = this.#held.length >= wanted.bytes;
    const taken = this.#held.subarray(0, wanted.bytes);
    if (whole) this.#held = this.#held.subarray(wanted.bytes);
    wanted.give(whole ? taken : undefined);
  }
}

type Listed = {
  readonly busid: string;
  readonly number: number;
  readonly ids: UsbIds;
  readonly faces: Buffer;
};

const list = async (port: number): Promise<Listed[]> => {
  const socket = connect(port, '127.0.0.1');
  const reader = new Reader(socket);
  socket.write(opRequest(0x8005));
  const header = (await reader.take(12))!;
  const found: Listed[] = [];
  for (let left = header.readUInt32BE(8); left > 0; left--) {
    const device = (await reader.take(DEVICE_BYTES))!;
    found.push({
      busid: device.subarray(256, 288).toString('latin1').replace(/\0.*$/s, ''),
      number: device.readUInt32BE(292),
      ids: { vendor: device.readUInt16BE(300), product: device.readUInt16BE(302) },
      faces: (await reader.take(4 * device[311]!))!,
    });
  }
  socket.destroy();
  return found;
};

type Answer = { readonly status: number; readonly data: Buffer };

class Imported implements UsbDevice {
  readonly ids: UsbIds;
  readonly location: string;
  readonly attachment: string;
  readonly name: string;
  readonly serial = undefined;
  readonly #port: number;
  readonly #listed: Listed;
  readonly #waiting = new Map<number, { isIn: boolean; give: (answer: Answer | undefined) => void }>();
  #socket: Socket | undefined;
  #sequence = 0;

  constructor(port: number, listed: Listed) {
    this.#port = port;
    this.#listed = listed;
    this.ids = listed.ids;
    this.location = listed.busid;
    this.attachment = String(listed.number);
    this.name = usbName(this.ids, this.location);
  }

  get interfaces(): readonly UsbInterface[] {
    const { faces } = this.#listed;
    return Array.from({ length: faces.length / 4 }, (_, number) => ({
      number,
      classCode: faces[4 * number]!,
      subclassCode: faces[4 * number + 1]!,
      protocolCode: faces[4 * number + 2]!,
      endpoints: [],
    }));
  }

  async open(): Promise<void> {
    const socket = connect(this.#port, '127.0.0.1');
    const reader = new Reader(socket);
    socket.write(opRequest(0x8003, this.location));
    const header = await reader.take(8);
    if (header?.readUInt32BE(4) !== 0) throw new UnpluggedError(this.name, 'importing it');
    await reader.take(DEVICE_BYTES);
    this.#socket = socket;
    void this.#read(reader);
  }

  async close(): Promise<void> {
    this.#socket?.destroy();
    this.#socket = undefined;
  }

  async #read(reader: Reader): Promise<void> {
    for (;;) {
      const header = await reader.take(URB_BYTES);
      if (!header) break;
      const waiting = this.#waiting.get(header.readUInt32BE(4));
      const moved = waiting?.isIn ? header.readUInt32BE(24) : 0;
      const data = (await reader.take(moved)) ?? Buffer.alloc(0);
      waiting?.give({ status: header.readInt32BE(20), data });
    }
    for (const { give } of this.#waiting.values()) give(undefined);
  }

  async #urb(endpoint: number, isIn: boolean, setup: Buffer, data: Uint8Array, length: number, ms: number) {
    const sequence = ++this.#sequence;
    const header = Buffer.alloc(URB_BYTES);
    for (const [at, value] of [
      1,
      sequence,
      (1 << 16) | this.#listed.number,
      isIn ? 1 : 0,
      endpoint,
    ].entries())
      header.writeUInt32BE(value, 4 * at);
    header.writeUInt32BE(length, 24);
    header.set(setup, 40);
    if (!this.#socket || this.#socket.destroyed) throw new UnpluggedError(this.name, 'a transfer');
    this.#socket.write(Buffer.concat([header, data]));
    let timer: NodeJS.Timeout | undefined;
    try {
      const answer = await new Promise<Answer | undefined>((give, reject) => {
        this.#waiting.set(sequence, { isIn, give });
        timer = setTimeout(() => reject(new TimeoutError(this.name, 'an answer', ms, [])), ms);
      });
      if (!answer || (answer.status !== 0 && answer.status !== STALLED))
        throw new UnpluggedError(this.name, 'a transfer');
      if (answer.status === STALLED) throw new StalledError(this.name, 'a transfer');
      return Uint8Array.from(answer.data);
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(sequence);
    }
  }

  #setup({ type, recipient, request, value, index }: UsbSetup, isIn: boolean, length: number): Buffer {
    const bytes = Buffer.alloc(8);
    const kind = ['standard', 'class', 'vendor'].indexOf(type);
    bytes[0] = (isIn ? 0x80 : 0) | (kind << 5) | ['device', 'interface', 'endpoint'].indexOf(recipient);
    bytes[1] = request;
    bytes.writeUInt16LE(value, 2);
    bytes.writeUInt16LE(index, 4);
    bytes.writeUInt16LE(length, 6);
    return bytes;
  }

  async controlOut(setup: UsbSetup, data: Uint8Array, timeoutMs: number): Promise<void> {
    await this.#urb(0, false, this.#setup(setup, false, data.length), data, data.length, timeoutMs);
  }

  controlIn(setup: UsbSetup, length: number, timeoutMs: number): Promise<Uint8Array> {
    return this.#urb(0, true, this.#setup(setup, true, length), new Uint8Array(), length, timeoutMs);
  }

  async bulkOut(endpoint: number, data: Uint8Array, timeoutMs: number): Promise<void> {
    await this.#urb(endpoint, false, Buffer.alloc(8), data, data.length, timeoutMs);
  }

  bulkIn(endpoint: number, length: number, timeoutMs: number): Promise<Uint8Array> {
    return this.#urb(endpoint, true, Buffer.alloc(8), new Uint8Array(), length, timeoutMs);
  }
}

/** Every device that the server lists; opening one imports it. */
export const usbIpHost = (port: number): UsbHost => ({
  list: async () => (await list(port)).map((one) => new Imported(port, one)),
});
