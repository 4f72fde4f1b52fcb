/** Frames from a virtio network device reach the packet hook, and go back out when the module says so. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import test from 'ava';
import { hooks } from '../../abi/index.ts';
import { assemble, type ModuleProgram } from '../../ebpf/index.ts';
import { onVirtualBoard } from './bench.ts';
import { install } from './programs.ts';

const TRANSMIT = 3;
const DROP = 1;
const QUIET_MS = 300;

const verdict = (value: number): ModuleProgram => ({
  name: 'verdict',
  section: 'packet',
  hook: 'packet',
  hookId: hooks.packet.id,
  code: assemble(`r0 = ${value}\nexit`),
  maps: [],
});

const bound = async (): Promise<Socket> => {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return socket;
};

/** Ports that nobody listens on just now. */
const freePorts = async (count: number): Promise<number[]> => {
  const sockets = await Promise.all(Array.from({ length: count }, bound));
  const ports = sockets.map((socket) => socket.address().port);
  for (const socket of sockets) socket.close();
  return ports;
};

const host = await bound();
const [currentPort, legacyPort] = (await freePorts(2)) as [number, number];
const received: Buffer[] = [];
host.on('message', (frame) => received.push(frame));
test.after.always(() => host.close());

const frameOf = (size: number, fill: number) =>
  Buffer.concat([Buffer.from('ffffffffffff02000000000108ff', 'hex'), Buffer.alloc(size - 14, fill)]);

const answersTo = async (boardPort: number, frame: Buffer, wanted: number) => {
  received.length = 0;
  host.send(frame, boardPort, '127.0.0.1');
  for (let waited = 0; waited < 5000 && received.length < wanted; waited += 10) await delay(10);
  if (wanted === 0) await delay(QUIET_MS);
  return [...received];
};

const device = (legacy: boolean, boardPort: number) => [
  '-global',
  `virtio-mmio.force-legacy=${legacy}`,
  '-netdev',
  `dgram,id=wire,local.type=inet,local.host=127.0.0.1,local.port=${boardPort},` +
    `remote.type=inet,remote.host=127.0.0.1,remote.port=${host.address().port}`,
  '-device',
  'virtio-net-device,netdev=wire',
];

for (const legacy of [false, true]) {
  const label = legacy ? 'virtio_legacy' : 'virtio';
  const port = legacy ? legacyPort : currentPort;
  onVirtualBoard('qemu-virt', label, { extra: device(legacy, port) }, (it) => {
    it('sends_nothing_back_without_a_module', async (t) => {
      t.deepEqual(await answersTo(port, frameOf(64, 1), 0), []);
    });

    it('sends_back_what_the_module_transmits', async (t, { link }) => {
      await install(link, verdict(TRANSMIT));
      for (const size of [60, 61, 700, 1514]) {
        const frame = frameOf(size, size & 0xff);
        const [answer] = await answersTo(port, frame, 1);
        t.deepEqual(answer?.subarray(0, size), frame, `${size} bytes`);
      }
    });

    it('goes_on_after_more_frames_than_the_queue_holds', async (t) => {
      for (let i = 0; i < 40; i++) t.is((await answersTo(port, frameOf(100, i), 1)).length, 1);
    });

    it('keeps_back_what_the_module_drops', async (t, { link }) => {
      await install(link, verdict(DROP));
      t.deepEqual(await answersTo(port, frameOf(64, 2), 0), []);
      await link.remove('verdict');
    });
  });
}
