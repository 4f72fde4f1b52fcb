/** Frames from a virtio network device reach the packet hook, and go back out when the module says so. */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { hooks } from '../../abi/index.ts';
import { assemble, type ModuleProgram } from '../../ebpf/index.ts';
import { onVirtualBoard } from './bench.ts';
import { install } from './programs.ts';

const TRANSMIT = 3;
const DROP = 1;

const folder = mkdtempSync(join(tmpdir(), 'velocity-network-'));
test.after.always(() => rmSync(folder, { recursive: true, force: true }));

const verdict = (value: number): ModuleProgram => ({
  name: 'verdict',
  section: 'packet',
  hook: 'packet',
  hookId: hooks.packet.id,
  code: assemble(`r0 = ${value}\nexit`),
  maps: [],
});

/** The cable: QEMU connects to it, and each frame comes and goes behind its length (net/stream.c: 32 bits, big endian). */
class Wire {
  readonly path: string;
  readonly #server: Server;
  readonly #received: Buffer[] = [];
  #socket: Socket | undefined;
  #held = Buffer.alloc(0);
  #look = () => {};

  constructor(name: string) {
    this.path = join(folder, name);
    this.#server = createServer((socket) => {
      this.#socket = socket;
      socket.on('data', (data) => this.#take(data));
      socket.on('error', () => {});
    });
  }

  async listen(): Promise<void> {
    this.#server.listen(this.path);
    await once(this.#server, 'listening');
  }

  close(): void {
    this.#socket?.destroy();
    this.#server.close();
  }

  #take(data: Buffer): void {
    this.#held = Buffer.concat([this.#held, data]);
    while (this.#held.length >= 4 && this.#held.length >= 4 + this.#held.readUInt32BE()) {
      const end = 4 + this.#held.readUInt32BE();
      this.#received.push(this.#held.subarray(4, end));
      this.#held = this.#held.subarray(end);
    }
    this.#look();
  }

  send(frame: Buffer): void {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(frame.length);
    this.#socket!.write(Buffer.concat([length, frame]));
  }

  /** The next frame from the board. */
  next(): Promise<Buffer> {
    return new Promise((resolve) => {
      this.#look = () => {
        const frame = this.#received.shift();
        if (frame) resolve(frame);
      };
      this.#look();
    });
  }

  get waiting(): number {
    return this.#received.length;
  }
}

const frameOf = (size: number, fill: number) =>
  Buffer.concat([Buffer.from('ffffffffffff02000000000108ff', 'hex'), Buffer.alloc(size - 14, fill)]);

const answerTo = (wire: Wire, frame: Buffer): Promise<Buffer> => {
  wire.send(frame);
  return wire.next();
};

const device = (legacy: boolean, { path }: Wire) => [
  '-global',
  `virtio-mmio.force-legacy=${legacy}`,
  '-netdev',
  `stream,id=wire,server=off,addr.type=unix,addr.path=${path}`,
  '-device',
  'virtio-net-device,netdev=wire',
];

for (const legacy of [false, true]) {
  const label = legacy ? 'virtio_legacy' : 'virtio';
  const wire = new Wire(label);
  test.before(() => wire.listen());
  test.after.always(() => wire.close());

  onVirtualBoard('qemu-virt', label, { extra: device(legacy, wire) }, (it) => {
    it('sends_nothing_back_without_a_module', async (t, { link }) => {
      wire.send(frameOf(64, 1));
      for (const text of ['seen', 'since']) await link.echo(text);
      t.is(wire.waiting, 0); // and the first answer below is to another frame
    });

    it('sends_back_what_the_module_transmits', async (t, { link }) => {
      await install(link, verdict(TRANSMIT));
      for (const size of [60, 61, 700, 1514]) {
        const frame = frameOf(size, size & 0xff);
        t.deepEqual((await answerTo(wire, frame)).subarray(0, size), frame, `${size} bytes`);
      }
    });

    it('goes_on_after_more_frames_than_the_queue_holds', async (t) => {
      for (let i = 0; i < 40; i++) {
        const frame = frameOf(100, i);
        t.deepEqual((await answerTo(wire, frame)).subarray(0, frame.length), frame);
      }
    });

    it('keeps_back_what_the_module_drops', async (t, { link }) => {
      await install(link, verdict(DROP));
      wire.send(frameOf(64, 2));
      while ((await link.telemetryAll())[0]!.calls === 0n);
      t.is(wire.waiting, 0);
      await install(link, verdict(TRANSMIT));
      const next = frameOf(64, 3);
      t.deepEqual((await answerTo(wire, next)).subarray(0, next.length), next, 'the dropped one never came');
      await link.remove('verdict');
    });
  });
}
