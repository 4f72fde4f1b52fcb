/**
 * Carries emulated devices to a developer's own machine: a USB/IP server, from which `usbip attach` plugs them into the
 * kernel of Linux. Source: Linux, Documentation/usb/usbip_protocol.rst, version 1.1.1. Big endian.
 */
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { UsbSetup } from '../../flasher/index.ts';
import { ByteQueue } from './byte-queue.ts';
import { recipients, standardIn, types } from './descriptors.ts';
import type { UsbSocket } from './usb-bus.ts';
import { Garble, Stall, Unplug, type UsbFunction } from './usb-function.ts';

export const USBIP_PORT = 3240;
const VERSION = 0x0111;
const op = { listRequest: 0x8005, listReply: 0x0005, importRequest: 0x8003, importReply: 0x0003 } as const;
const urb = { submit: 1, unlink: 2, submitReply: 3, unlinkReply: 4 } as const;
const OP_BYTES = 8;
const BUSID_BYTES = 32;
const PATH_BYTES = 256;
const DEVICE_BYTES = 312;
const URB_BYTES = 48;
const HIGH_SPEED = 3;
/** Negative numbers of errno.h, as Linux ends a transfer. */
const status = { ok: 0, failed: 1, stall: -32, garbled: -71, reset: -104, gone: -108 } as const;
const statusOf = (error: unknown): number => {
  if (error instanceof Stall) return status.stall;
  return error instanceof Garble ? status.garbled : status.gone;
};
/** More than any transfer here; a client that announces more is cut off. */
const TRANSFER_LIMIT = 16 << 20;

type Attachment = { readonly device: UsbFunction; readonly location: string; readonly number: number };

/** `struct usbip_usb_device`. */
const describeDevice = ({ device: { descriptor }, location, number }: Attachment): Buffer => {
  const bytes = Buffer.alloc(DEVICE_BYTES);
  bytes.write(`/sys/devices/emulated/${location}`, 0, PATH_BYTES - 1, 'latin1');
  bytes.write(location, PATH_BYTES, BUSID_BYTES - 1, 'latin1');
  const at = PATH_BYTES + BUSID_BYTES;
  bytes.writeUInt32BE(1, at);
  bytes.writeUInt32BE(number, at + 4);
  bytes.writeUInt32BE(HIGH_SPEED, at + 8);
  bytes.writeUInt16BE(descriptor.ids.vendor, at + 12);
  bytes.writeUInt16BE(descriptor.ids.product, at + 14);
  bytes.writeUInt16BE(0x0100, at + 16);
  const { code, subclass, protocol } = descriptor.deviceClass;
  bytes.set([code, subclass, protocol, 1, 1, descriptor.interfaces.length], at + 18);
  return bytes;
};

const describeInterfaces = ({ device }: Attachment): Buffer =>
  Buffer.from(
    device.descriptor.interfaces.flatMap((face) => [face.classCode, face.subclassCode, face.protocolCode, 0]),
  );

const opReply = (code: number, failed: number, ...parts: readonly Buffer[]): Buffer => {
  const header = Buffer.alloc(OP_BYTES);
  header.writeUInt16BE(VERSION, 0);
  header.writeUInt16BE(code, 2);
  header.writeUInt32BE(failed, 4);
  return Buffer.concat([header, ...parts]);
};

const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};

const urbReply = (
  command: number,
  sequence: number,
  code: number,
  data: Uint8Array,
  moved: number,
): Buffer => {
  const header = Buffer.alloc(URB_BYTES);
  header.writeUInt32BE(command, 0);
  header.writeUInt32BE(sequence, 4);
  header.writeInt32BE(code, 20);
  header.writeUInt32BE(moved, 24);
  return Buffer.concat([header, data]);
};

const setupOf = (bytes: Buffer): UsbSetup => ({
  type: types[(bytes[0]! >> 5) & 3] ?? 'vendor',
  recipient: recipients[bytes[0]! & 0x1f] ?? 'device',
  request: bytes[1]!,
  value: bytes.readUInt16LE(2),
  index: bytes.readUInt16LE(4),
});

const control = async (device: UsbFunction, setup: UsbSetup, isIn: boolean, length: number, data: Buffer) => {
  if (setup.type === 'standard') return isIn ? standardIn(device.descriptor, setup) : new Uint8Array();
  if (isIn) return device.controlIn(setup, length);
  await device.controlOut(setup, data);
  return new Uint8Array();
};

/** One connection: questions about devices, then the transfers of the one that it imported. */
class Connection {
  readonly socket: Socket;
  imported: Attachment | undefined;
  readonly #server: UsbIpServer;
  readonly #held = new ByteQueue();
  readonly #open = new Set<number>();

  constructor(socket: Socket, server: UsbIpServer) {
    this.socket = socket;
    this.#server = server;
    socket.on('error', () => {});
    socket.on('data', (data) => {
      this.#held.push(data);
      while (this.imported ? this.#takeUrb() : this.#takeOp()) {}
    });
  }

  #takeOp(): boolean {
    const header = this.#held.peek(OP_BYTES);
    if (!header) return false;
    const code = header.readUInt16BE(2);
    if (header.readUInt16BE(0) !== VERSION || (code !== op.listRequest && code !== op.importRequest)) {
      this.socket.destroy();
      return false;
    }
    const request = this.#held.take(OP_BYTES + (code === op.importRequest ? BUSID_BYTES : 0));
    if (!request) return false;
    if (code === op.listRequest) this.#list();
    else this.#import(request.subarray(OP_BYTES).toString('latin1').replace(/\0.*$/s, ''));
    return true;
  }

  #list(): void {
    const all = this.#server.attached;
    const parts = all.flatMap((one) => [describeDevice(one), describeInterfaces(one)]);
    this.socket.end(opReply(op.listReply, status.ok, u32(all.length), ...parts));
  }

  #import(busid: string): void {
    const found = this.#server.attached.find(({ location }) => location === busid);
    if (!found || this.#server.isImported(found)) {
      return void this.socket.end(opReply(op.importReply, status.failed));
    }
    this.imported = found;
    this.socket.write(opReply(op.importReply, status.ok, describeDevice(found)));
  }

  #takeUrb(): boolean {
    const header = this.#held.peek(URB_BYTES);
    if (!header) return false;
    const isSubmit = header.readUInt32BE(0) === urb.submit;
    const isOut = header.readUInt32BE(12) === 0;
    const length = isSubmit ? header.readUInt32BE(24) : 0;
    if (length > TRANSFER_LIMIT) {
      this.socket.destroy();
      return false;
    }
    const message = this.#held.take(URB_BYTES + (isOut ? length : 0));
    if (!message) return false;
    if (isSubmit) void this.#submit(Buffer.from(message), isOut, length);
    else this.#unlink(message.readUInt32BE(4), message.readUInt32BE(20));
    return true;
  }

  /** The transfer stays with the device, as a real one would; only its answer is thrown away. */
  #unlink(sequence: number, unlinked: number): void {
    const code = this.#open.delete(unlinked) ? status.reset : status.ok;
    this.socket.write(urbReply(urb.unlinkReply, sequence, code, new Uint8Array(), 0));
  }

  async #submit(message: Buffer, isOut: boolean, length: number): Promise<void> {
    const sequence = message.readUInt32BE(4);
    const answer = (code: number, data: Uint8Array, moved: number) => {
      if (this.#open.delete(sequence))
        this.socket.write(urbReply(urb.submitReply, sequence, code, data, moved));
    };
    const { device } = this.imported!;
    this.#open.add(sequence);
    try {
      const data = await this.#transfer(device, message, isOut, length);
      answer(status.ok, data.subarray(0, length), isOut ? length : Math.min(length, data.length));
    } catch (error) {
      if (error instanceof Unplug) this.#server.detach(device);
      answer(statusOf(error), new Uint8Array(), 0);
    }
  }

  async #transfer(device: UsbFunction, message: Buffer, isOut: boolean, length: number): Promise<Uint8Array> {
    const endpoint = message.readUInt32BE(16);
    const data = message.subarray(URB_BYTES);
    if (endpoint === 0) return control(device, setupOf(message.subarray(40, 48)), !isOut, length, data);
    if (!isOut) return device.bulkIn(endpoint, length);
    await device.bulkOut(endpoint, data);
    return new Uint8Array();
  }
}

/** Devices by their places, which are their bus ids: `usbip attach -r HOST -b 1-1`. One that comes back is attached anew. */
export class UsbIpServer implements UsbSocket {
  readonly #server: Server;
  readonly #connections = new Set<Connection>();
  attached: readonly Attachment[] = [];
  #next = 2;

  constructor() {
    this.#server = createServer((socket) => {
      const connection = new Connection(socket, this);
      this.#connections.add(connection);
      socket.once('close', () => this.#connections.delete(connection));
    });
  }

  /** Where it listens: on this machine only. */
  async listen(port = USBIP_PORT): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, '127.0.0.1', resolve);
    });
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    for (const { socket } of this.#connections) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  attach(device: UsbFunction, location: string): void {
    this.attached = [...this.attached, { device, location, number: this.#next++ }];
  }

  /** Its connection ends, by which the importing kernel sees it unplugged. */
  detach(device: UsbFunction): void {
    for (const { imported, socket } of this.#connections)
      if (imported?.device === device) socket.destroySoon();
    this.attached = this.attached.filter((one) => one.device !== device);
  }

  isImported(one: Attachment): boolean {
    return [...this.#connections].some(({ imported }) => imported === one);
  }
}
