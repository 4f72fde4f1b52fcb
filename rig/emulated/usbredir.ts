/**
 * Carries emulated devices into a QEMU guest: we are the peer of `-device usb-redir`, so that a real Linux USB stack and
 * real programs meet them. Source: usbredirproto.h 0.13 and QEMU hw/usb/redirect.c. Little endian, packed.
 */
import type { Socket } from 'node:net';
import type { UsbSetup } from '../../flasher/index.ts';
import { ByteQueue } from './byte-queue.ts';
import { BULK, BULK_PACKET_BYTES, recipients, standardIn, types } from './descriptors.ts';
import type { UsbSocket } from './usb-bus.ts';
import { Garble, Stall, Unplug, type UsbDescriptor, type UsbFunction } from './usb-function.ts';

const packet = {
  hello: 0,
  deviceConnect: 1,
  deviceDisconnect: 2,
  interfaceInfo: 4,
  epInfo: 5,
  setConfiguration: 6,
  getConfiguration: 7,
  configurationStatus: 8,
  setAlt: 9,
  getAlt: 10,
  altStatus: 11,
  cancel: 21,
  control: 100,
  bulk: 101,
} as const;

const status = { ok: 0, cancelled: 1, ioError: 3, stall: 4 } as const;

/** connect_device_version, filter, ep_info_max_packet_size, 64bits_ids, 32bits_bulk_length: what xHCI needs. */
const CAPS = (1 << 1) | (1 << 2) | (1 << 4) | (1 << 5) | (1 << 6);
const HELLO_VERSION_BYTES = 64;
/** type u32, length u32, id: u32 in the hello, u64 afterwards. */
const HELLO_HEADER_BYTES = 12;
const HEADER_BYTES = 16;
const DATA_HEADER_BYTES = 10;
const HIGH_SPEED = 2;
const MAX_ENDPOINTS = 32;
const UNUSED = 255;

const endpointIndex = (number: number, direction: 'in' | 'out') => number | (direction === 'in' ? 16 : 0);

const epInfo = ({ interfaces }: UsbDescriptor): Buffer => {
  const info = Buffer.alloc(5 * MAX_ENDPOINTS);
  info.fill(UNUSED, 0, MAX_ENDPOINTS);
  info[0] = 0; // endpoint 0, both ways: control
  info[16] = 0;
  info.writeUInt16LE(64, 3 * MAX_ENDPOINTS);
  info.writeUInt16LE(64, 3 * MAX_ENDPOINTS + 2 * 16);
  for (const face of interfaces) {
    for (const { number, direction } of face.endpoints) {
      const at = endpointIndex(number, direction);
      info[at] = BULK;
      info[2 * MAX_ENDPOINTS + at] = face.number;
      info.writeUInt16LE(BULK_PACKET_BYTES, 3 * MAX_ENDPOINTS + 2 * at);
    }
  }
  return info;
};

const interfaceInfo = ({ interfaces }: UsbDescriptor): Buffer => {
  const info = Buffer.alloc(4 + 4 * MAX_ENDPOINTS);
  info.writeUInt32LE(interfaces.length, 0);
  for (const [at, face] of interfaces.entries()) {
    const values = [face.number, face.classCode, face.subclassCode, face.protocolCode];
    for (const [column, value] of values.entries()) info[4 + column * MAX_ENDPOINTS + at] = value;
  }
  return info;
};

const connectInfo = ({ ids, deviceClass }: UsbDescriptor): Buffer => {
  const info = Buffer.alloc(10);
  info.set([HIGH_SPEED, deviceClass.code, deviceClass.subclass, deviceClass.protocol]);
  info.writeUInt16LE(ids.vendor, 4);
  info.writeUInt16LE(ids.product, 6);
  info.writeUInt16LE(0x0100, 8);
  return info;
};

/** One QEMU `usb-redir` device: at most one emulated device is plugged into it at a time. */
export class UsbRedirPort implements UsbSocket {
  readonly #socket: Socket;
  readonly #held = new ByteQueue();
  #greeted = false;
  #device: UsbFunction | undefined;
  readonly #open = new Set<bigint>();

  constructor(socket: Socket) {
    this.#socket = socket;
    const hello = Buffer.alloc(HELLO_VERSION_BYTES + 4);
    hello.write('velocity', 'latin1');
    hello.writeUInt32LE(CAPS, HELLO_VERSION_BYTES);
    const header = Buffer.alloc(HELLO_HEADER_BYTES);
    header.writeUInt32LE(hello.length, 4);
    socket.write(Buffer.concat([header, hello]));
    socket.on('error', () => {});
    socket.on('data', (data) => {
      this.#held.push(data);
      this.#read();
    });
  }

  attach(device: UsbFunction): void {
    this.#device = device;
    if (this.#greeted) this.#announce(device);
  }

  detach(device: UsbFunction): void {
    if (this.#device !== device) return;
    this.#device = undefined;
    this.#open.clear();
    if (this.#greeted) this.#send(packet.deviceDisconnect, 0n, Buffer.alloc(0));
  }

  #announce({ descriptor }: UsbFunction): void {
    this.#send(packet.epInfo, 0n, epInfo(descriptor));
    this.#send(packet.interfaceInfo, 0n, interfaceInfo(descriptor));
    this.#send(packet.deviceConnect, 0n, connectInfo(descriptor));
  }

  #send(type: number, id: bigint, body: Uint8Array): void {
    const header = Buffer.alloc(HEADER_BYTES);
    header.writeUInt32LE(type, 0);
    header.writeUInt32LE(body.length, 4);
    header.writeBigUInt64LE(id, 8);
    this.#socket.write(Buffer.concat([header, body]));
  }

  #read(): void {
    for (;;) {
      const headerBytes = this.#greeted ? HEADER_BYTES : HELLO_HEADER_BYTES;
      const header = this.#held.peek(headerBytes);
      const message = header && this.#held.take(headerBytes + header.readUInt32LE(4));
      if (!message) return;
      const type = message.readUInt32LE(0);
      const id = this.#greeted ? message.readBigUInt64LE(8) : 0n;
      const body = message.subarray(headerBytes);
      this.#packet(type, id, body);
    }
  }

  #packet(type: number, id: bigint, body: Buffer): void {
    if (type === packet.hello) {
      this.#greeted = true;
      if (this.#device) this.#announce(this.#device);
    } else if (type === packet.setConfiguration || type === packet.getConfiguration) {
      this.#send(packet.configurationStatus, id, Buffer.from([status.ok, 1]));
    } else if (type === packet.setAlt || type === packet.getAlt) {
      this.#send(packet.altStatus, id, Buffer.from([status.ok, body[0] ?? 0, 0]));
    } else if (type === packet.cancel) this.#cancel(id);
    else if (type === packet.control) void this.#control(id, Buffer.from(body));
    else if (type === packet.bulk) void this.#bulk(id, Buffer.from(body));
    // A reset is not a new session: QEMU sends several at the start.
  }

  /** The transfer stays with the device, as a real one would; only its answer is thrown away. */
  #cancel(id: bigint): void {
    if (!this.#open.delete(id)) return;
    this.#send(packet.bulk, id, Buffer.from([0, status.cancelled, 0, 0, 0, 0, 0, 0, 0, 0]));
  }

  async #answer(
    id: bigint,
    work: (device: UsbFunction) => Promise<Uint8Array>,
    send: (code: number, data: Uint8Array) => void,
  ) {
    const device = this.#device;
    if (!device) return;
    this.#open.add(id);
    try {
      const data = await work(device);
      if (this.#open.delete(id)) send(status.ok, data);
    } catch (error) {
      if (error instanceof Unplug) return this.detach(device);
      const code = error instanceof Stall ? status.stall : status.ioError;
      if (code === status.ioError && !(error instanceof Garble)) throw error;
      if (this.#open.delete(id)) send(code, new Uint8Array());
    }
  }

  #control(id: bigint, body: Buffer) {
    const requestType = body[2]!;
    const isIn = (requestType & 0x80) !== 0;
    const length = body.readUInt16LE(8);
    const setup: UsbSetup = {
      type: types[(requestType >> 5) & 3] ?? 'vendor',
      recipient: recipients[requestType & 0x1f] ?? 'device',
      request: body[1]!,
      value: body.readUInt16LE(4),
      index: body.readUInt16LE(6),
    };
    const work = async (device: UsbFunction) => {
      if (setup.type === 'standard') {
        return isIn ? standardIn(device.descriptor, setup).subarray(0, length) : new Uint8Array();
      }
      if (isIn) return (await device.controlIn(setup, length)).subarray(0, length);
      await device.controlOut(setup, body.subarray(DATA_HEADER_BYTES));
      return new Uint8Array();
    };
    return this.#answer(id, work, (code, data) => {
      const header = Buffer.from(body.subarray(0, DATA_HEADER_BYTES));
      header[3] = code;
      header.writeUInt16LE(isIn ? data.length : length, 8);
      this.#send(packet.control, id, Buffer.concat([header, data]));
    });
  }

  #bulk(id: bigint, body: Buffer) {
    const endpoint = body[0]!;
    const isIn = (endpoint & 0x80) !== 0;
    const length = body.readUInt16LE(2) | (body.readUInt16LE(8) << 16);
    const work = async (device: UsbFunction) => {
      if (isIn) return (await device.bulkIn(endpoint & 15, length)).subarray(0, length);
      await device.bulkOut(endpoint & 15, body.subarray(DATA_HEADER_BYTES));
      return new Uint8Array();
    };
    return this.#answer(id, work, (code, data) => {
      const header = Buffer.from(body.subarray(0, DATA_HEADER_BYTES));
      const moved = isIn ? data.length : length;
      header[1] = code;
      header.writeUInt16LE(moved & 0xffff, 2);
      header.writeUInt16LE(moved >>> 16, 8);
      this.#send(packet.bulk, id, Buffer.concat([header, data]));
    });
  }
}
