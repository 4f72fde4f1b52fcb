/** Devices that go on for ever: each is left after a while, with its own error. */
import { createSocket } from 'node:dgram';
import { type AddressInfo, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import {
  BootRom,
  EmulatedBus,
  FastbootDevice,
  type ScriptStep,
  serveFastbootTcp,
} from '../rig/emulated/index.ts';
import {
  FastbootClient,
  type FlashError,
  memorySource,
  openFastbootTcp,
  openFastbootUdp,
  rpiboot,
  UDP_CONTINUES,
  u16s,
  udpId,
  udpPacket,
} from './index.ts';
import { type SerialLine, SerialReader } from './serial/port.ts';
import { sendYmodem, ymodem } from './serial/ymodem.ts';

const PATIENT_MS = 60_000;
const limits = { controlMs: PATIENT_MS, bulkMs: PATIENT_MS, requestMs: PATIENT_MS, reappearMs: PATIENT_MS };

test('a board that asks for files without end is left', async (t) => {
  t.timeout(2 * PATIENT_MS);
  const bus = new EmulatedBus();
  const script: ScriptStep[] = Array.from({ length: 20_000 }, () => ({ ask: 'size', name: 'config.txt' }));
  new BootRom('BCM2711', bus, { script }).plugInSecondStage();
  const source = memorySource('files', { 'config.txt': Buffer.from('a') });
  const error = await t.throwsAsync<FlashError>(rpiboot(bus, (await bus.list())[0]!, { source, limits }));
  t.is(error!.code, 'bad_device');
  t.regex(error!.message, /asked for files 10000 times/);
});

test('a board in fastboot mode that talks without end is left', async (t) => {
  t.timeout(2 * PATIENT_MS);
  class Talker extends FastbootDevice {
    override input(): string[] {
      return Array.from({ length: 20_000 }, () => 'INFOstill at it');
    }
  }
  const server = await serveFastbootTcp(new Talker());
  const client = new FastbootClient(await openFastbootTcp('127.0.0.1', server.port, PATIENT_MS), {
    limits: { replyMs: PATIENT_MS, dataMs: PATIENT_MS, workMs: PATIENT_MS },
  });
  const error = await t.throwsAsync<FlashError>(client.command('getvar:version'));
  t.is(error!.code, 'bad_device');
  t.regex(error!.message, /10000 lines/);
  await client.close();
  await server.close();
});

test('what a board says over TCP before anybody asks waits at the board', async (t) => {
  t.timeout(PATIENT_MS);
  const piece = Buffer.alloc(64 * 1024);
  const most = 32 * 1024 * 1024;
  let taken = 0;
  const server = createServer((socket) => {
    const flood = () =>
      socket.write(piece, (error) => {
        if (error) return;
        taken += piece.length;
        flood();
      });
    socket.on('error', () => {});
    socket.write('FB01', flood);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const transport = await openFastbootTcp('127.0.0.1', (server.address() as AddressInfo).port);
  for (let before = -1; taken !== before && taken < most; await sleep(500)) before = taken;
  t.true(taken < most, `${taken} bytes`);
  await transport.close();
  await new Promise((resolve) => server.close(resolve));
});

test('an answer over UDP that never comes to its last piece is left', async (t) => {
  t.timeout(PATIENT_MS);
  const device = createSocket('udp4');
  device.on('message', (message, { port }) => {
    const [id, sequence] = [message[0]!, message.readUInt16BE(2)];
    const says = { [udpId.query]: u16s(1), [udpId.init]: u16s(1, 1024) }[id] ?? Buffer.from('x');
    device.send(udpPacket(id, id === udpId.fastboot ? UDP_CONTINUES : 0, sequence, says), port);
  });
  await new Promise<void>((resolve) => device.bind(0, '127.0.0.1', resolve));
  const transport = await openFastbootUdp('127.0.0.1', device.address().port);
  const error = await t.throwsAsync<FlashError>(transport.send(Buffer.from('getvar:version'), PATIENT_MS));
  t.is(error!.code, 'bad_device');
  t.regex(error!.message, /more than 64 pieces/);
  await transport.close();
  device.close();
});

/** A line that says the same byte for ever, after the bytes given. */
const babbling = (first: readonly number[], byte: number): { line: SerialLine; end: () => void } => {
  let hear: (data: Uint8Array) => void = () => {};
  const timer = setInterval(() => hear(Uint8Array.of(byte)), 1);
  const line: SerialLine = {
    describe: () => 'a line',
    write: async () => {},
    onData: (listener) => {
      hear = listener;
      setTimeout(() => hear(Uint8Array.from(first)), 0);
    },
    onClose: () => {},
  };
  return { line, end: () => clearInterval(timer) };
};

test('a line that says other things without end gives no answer to a block', async (t) => {
  t.timeout(PATIENT_MS);
  const { line, end } = babbling([ymodem.crc], 'x'.charCodeAt(0));
  const sending = sendYmodem(new SerialReader(line), 'Image', Buffer.alloc(100), {
    limits: { startMs: PATIENT_MS, answerMs: 50 },
  });
  t.is((await t.throwsAsync<FlashError>(sending))!.code, 'timeout');
  end();
});

test('a line that acknowledges without end comes to the end of a transfer', async (t) => {
  t.timeout(PATIENT_MS);
  const { line, end } = babbling([ymodem.crc], ymodem.ack);
  await t.notThrowsAsync(
    sendYmodem(new SerialReader(line), 'Image', Buffer.alloc(100), {
      limits: { startMs: PATIENT_MS, answerMs: 5000 },
    }),
  );
  end();
});
