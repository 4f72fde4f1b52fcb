/** Emulated devices over USB/IP: listed, imported, flashed; and what a client sees of their faults. */
import { connect } from 'node:net';
import test from 'ava';
import { type FlashError, memorySource, rpiboot } from '../../flasher/index.ts';
import { BootRom, type BootRomOptions, FastbootDevice, fastbootUsb, UsbIpServer } from './index.ts';
import { usbIpHost } from './usbip-client.ts';

const bytes = (length: number, seed: number) => Uint8Array.from({ length }, (_, i) => (i * 7 + seed) & 0xff);
const files = {
  'bootcode4.bin': bytes(3000, 1),
  'config.txt': bytes(20, 2),
  'start4.elf': bytes(9000, 3),
  'kernel8.img': bytes(300_001, 4),
};
const source = memorySource('test files', files);
const limits = { controlMs: 30_000, bulkMs: 30_000, requestMs: 30_000, reappearMs: 30_000 };

const served = async (options: BootRomOptions = {}) => {
  const server = new UsbIpServer();
  const port = await server.listen(0);
  const rom = new BootRom('BCM2711', server, options);
  rom.plugIn('1-1');
  return { server, port, rom };
};

const boot = async (port: number, more = limits) => {
  const host = usbIpHost(port);
  const [device] = await host.list();
  return rpiboot(host, device!, { source, limits: more, required: ['kernel8.img'] });
};

test('a board boots through both stages, each imported anew, and what arrives is unchanged', async (t) => {
  const { server, port, rom } = await served();
  await boot(port);
  t.true(Buffer.from(files['kernel8.img']).equals(rom.received.get('kernel8.img')!));
  t.true(rom.booted);
  await server.close();
});

const faults: readonly [BootRomOptions, string][] = [
  [{ fault: { kind: 'unplug', at: 9 } }, 'unplugged'],
  [{ fault: { kind: 'stall', at: 2 } }, 'stalled'],
  [{ fault: { kind: 'silent', at: 6 } }, 'timeout'],
];

for (const [options, code] of faults) {
  test(`a fault over USB/IP ends as ${code}`, async (t) => {
    const { server, port } = await served(options);
    const pace = code === 'timeout' ? { ...limits, controlMs: 300, bulkMs: 300, requestMs: 300 } : limits;
    t.is(((await t.throwsAsync(boot(port, pace))) as FlashError).code, code);
    await server.close();
  });
}

test('a list names ids, places and interfaces; what is imported is not given away twice', async (t) => {
  const { server, port } = await served();
  server.attach(fastbootUsb(new FastbootDevice()), '1-2');
  const [rom, fastboot] = await usbIpHost(port).list();
  t.deepEqual([rom!.location, rom!.ids.product, fastboot!.location], ['1-1', 0x2711, '1-2']);
  t.like(fastboot!.interfaces[0], { classCode: 0xff, subclassCode: 0x42, protocolCode: 3 });
  await rom!.open(0);
  const again = (await usbIpHost(port).list())[0]!;
  t.is(((await t.throwsAsync(again.open(0))) as FlashError).code, 'unplugged');
  await rom!.close();
  await server.close();
});

/** OP_REQ_DEVLIST and its reply for no device, byte for byte as usbip_protocol.rst has them. */
test('an empty list has the bytes of the protocol, and nonsense is cut off', async (t) => {
  const server = new UsbIpServer();
  const port = await server.listen(0);
  const talk = (hex: string) =>
    new Promise<string>((resolve) => {
      const socket = connect(port, '127.0.0.1');
      const heard: Buffer[] = [];
      socket.on('data', (data) => heard.push(data));
      socket.on('error', () => {});
      socket.once('close', () => resolve(Buffer.concat(heard).toString('hex')));
      socket.write(Buffer.from(hex, 'hex'));
    });
  t.is(await talk('0111800500000000'), '011100050000000000000000');
  t.is(await talk(`0111800300000000${'31'.repeat(32)}`), '0111000300000001', 'no such bus id');
  t.is(await talk('0106800500000000'), '', 'another version');
  t.is(await talk('0111999900000000'), '', 'no such request');
  await server.close();
});
