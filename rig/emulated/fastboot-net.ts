/** The emulated fastboot device on the network, so that any fastboot client can talk to it. */
import { createSocket } from 'node:dgram';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { UDP_CONTINUES, UDP_HEADER_BYTES, UDP_VERSION, u16s, udpId, udpPacket } from '../../flasher/index.ts';
import type { FastbootDevice } from './fastboot-device.ts';

export type NetworkFault = {
  /** Says nothing after this many packets. */
  readonly silentAfter?: number;
  /** Ends the connection after this many packets. */
  readonly closeAfter?: number;
  /** Loses every n-th datagram that comes in. */
  readonly loseEvery?: number;
  /** Greets with this in place of FB01. */
  readonly greeting?: string;
  /** Announces replies of this length. */
  readonly claimsLength?: bigint;
};

export type NetworkServer = {
  readonly port: number;
  /** That came so far. */
  readonly packets: () => number;
  close(): Promise<void>;
};

const framed = (text: string, length = BigInt(text.length)) => {
  const header = Buffer.alloc(8);
  header.writeBigUInt64BE(length);
  return Buffer.concat([header, Buffer.from(text, 'latin1')]);
};

type Count = { packets: number };

const serveSocket = (device: FastbootDevice, socket: Socket, fault: NetworkFault, count: Count) => {
  let held = Buffer.alloc(0);
  let greeted = false;
  const onPacket = (packet: Buffer) => {
    count.packets += 1;
    const { packets } = count;
    if (packets > (fault.closeAfter ?? Number.POSITIVE_INFINITY)) return void socket.destroy();
    if (packets > (fault.silentAfter ?? Number.POSITIVE_INFINITY)) return;
    for (const reply of device.input(packet)) socket.write(framed(reply, fault.claimsLength));
  };
  socket.on('error', () => {});
  socket.on('data', (data) => {
    held = Buffer.concat([held, data]);
    if (!greeted && held.length >= 4) {
      greeted = true;
      held = held.subarray(4);
      socket.write(fault.greeting ?? 'FB01');
    }
    while (greeted && held.length >= 8) {
      const end = 8 + Number(held.readBigUInt64BE());
      if (held.length < end) return;
      const packet = held.subarray(8, end);
      held = held.subarray(end);
      onPacket(packet);
    }
  });
};

export const serveFastbootTcp = async (
  device: FastbootDevice,
  fault: NetworkFault = {},
  port = 0,
): Promise<NetworkServer> => {
  const sockets = new Set<Socket>();
  const count: Count = { packets: 0 };
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    serveSocket(device, socket, fault, count);
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    packets: () => count.packets,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
};

/** U-Boot's packet size. */
const PACKET_BYTES = 1024;

/** The protocol's state: each packet is answered once, and its answer repeated when it comes again. */
class UdpSession {
  #expected = 0x1234;
  #last: Buffer | undefined;
  #replies: string[] = [];
  #parts: Buffer[] = [];
  readonly #device: FastbootDevice;

  constructor(device: FastbootDevice) {
    this.#device = device;
  }

  answer(message: Buffer): Buffer | undefined {
    if (message.length < UDP_HEADER_BYTES) return undefined;
    const id = message[0]!;
    const sequence = message.readUInt16BE(2);
    if (id === udpId.query) return udpPacket(id, 0, sequence, u16s(this.#expected));
    if (sequence === ((this.#expected - 1) & 0xffff)) return this.#last;
    if (sequence !== this.#expected) return undefined;
    this.#expected = (this.#expected + 1) & 0xffff;
    this.#last = this.#new(id, message[1]!, sequence, message.subarray(UDP_HEADER_BYTES));
    return this.#last;
  }

  #new(id: number, flags: number, sequence: number, data: Buffer): Buffer {
    if (id === udpId.init) return udpPacket(id, 0, sequence, u16s(UDP_VERSION, PACKET_BYTES));
    if (id !== udpId.fastboot) return udpPacket(udpId.error, 0, sequence, Buffer.from('unknown packet id'));
    if (data.length === 0) {
      return udpPacket(id, 0, sequence, Buffer.from(this.#replies.shift() ?? '', 'latin1'));
    }
    this.#parts.push(data);
    if ((flags & UDP_CONTINUES) === 0)
      this.#replies.push(...this.#device.input(Buffer.concat(this.#parts.splice(0))));
    return udpPacket(id, 0, sequence, new Uint8Array());
  }
}

export const serveFastbootUdp = async (
  device: FastbootDevice,
  fault: NetworkFault = {},
  port = 0,
): Promise<NetworkServer> => {
  const session = new UdpSession(device);
  const socket = createSocket('udp4');
  let packets = 0;
  socket.on('message', (message, from) => {
    packets += 1;
    if (packets > (fault.silentAfter ?? Number.POSITIVE_INFINITY)) return;
    if (fault.loseEvery && packets % fault.loseEvery === 0) return;
    const answer = session.answer(message);
    if (answer) socket.send(answer, from.port, from.address);
  });
  await new Promise<void>((resolve) => socket.bind(port, '127.0.0.1', resolve));
  return {
    port: socket.address().port,
    packets: () => packets,
    close: () => new Promise<void>((resolve) => socket.close(() => resolve())),
  };
};
