import test from 'ava';
import type { FlashError } from '../errors.ts';
import { type WebUsbDevice, webUsb, webUsbError } from './web-usb.ts';

const named = (name: string, message: string) => Object.assign(new Error(message), { name });

/** Names by WebUSB, texts by Chromium. */
const table: readonly [name: string, message: string, code: string][] = [
  ['NotFoundError', 'The device was disconnected.', 'unplugged'],
  ['InvalidStateError', 'The device must be opened first.', 'unplugged'],
  ['AbortError', 'The transfer was cancelled.', 'unplugged'],
  ['SecurityError', 'Access denied.', 'permission'],
  ['NetworkError', 'Unable to claim interface.', 'port_busy'],
  ['NetworkError', 'The device was disconnected.', 'unplugged'],
  ['NetworkError', 'A transfer error has occurred.', 'bad_device'],
  ['TypeError', 'x is not a function', 'bad_device'],
];

for (const [name, message, code] of table) {
  test(`${name} “${message}” is told as ${code}`, (t) => {
    const error = webUsbError('USB 0a5c:2711', 'sending data', named(name, message));
    t.is(error.code, code);
    t.truthy(error.hint);
    t.is((error.cause as Error).message, message);
  });
}

const fake = (more: Partial<WebUsbDevice>): WebUsbDevice => ({
  vendorId: 0x0a5c,
  productId: 0x2711,
  configuration: {},
  configurations: [],
  open: async () => {},
  close: async () => {},
  selectConfiguration: async () => {},
  claimInterface: async () => {},
  controlTransferIn: async () => ({ status: 'ok' }),
  controlTransferOut: async () => ({ status: 'ok', bytesWritten: 0 }),
  transferIn: async () => ({ status: 'ok' }),
  transferOut: async (_endpoint, data) => ({ status: 'ok', bytesWritten: data.length }),
  ...more,
});

const only = async (device: WebUsbDevice) => (await webUsb({ getDevices: async () => [device] }).list())[0]!;
const setup = { type: 'vendor', recipient: 'device', request: 0, value: 0, index: 0 } as const;

test('a transfer that never ends reaches its limit, a stall and a short write are told', async (t) => {
  const silent = await only(fake({ controlTransferIn: () => new Promise(() => {}) }));
  const late = await t.throwsAsync<FlashError>(silent.controlIn(setup, 4, 10));
  t.is(late!.code, 'timeout');
  const stalled = await only(fake({ transferOut: async () => ({ status: 'stall', bytesWritten: 0 }) }));
  t.is((await t.throwsAsync<FlashError>(stalled.bulkOut(1, new Uint8Array(8), 60_000)))!.code, 'stalled');
  const short = await only(fake({ transferOut: async () => ({ status: 'ok', bytesWritten: 3 }) }));
  t.regex((await t.throwsAsync(short.bulkOut(1, new Uint8Array(8), 60_000)))!.message, /took 3 of 8 bytes/);
});

test('a transfer that fails on the wire is a plug that was pulled where the browser has the device no more', async (t) => {
  const garbled = async () => {
    throw named('NetworkError', 'A transfer error has occurred.');
  };
  const device = fake({ transferOut: garbled });
  const lists = [[device], [device], []];
  const [pulled] = await webUsb({ getDevices: async () => lists.shift()! }).list();
  const gone = await t.throwsAsync<FlashError>(pulled!.bulkOut(1, new Uint8Array(5), 60_000));
  t.is(gone!.code, 'unplugged');
  const stays = await t.throwsAsync<FlashError>((await only(device)).bulkOut(1, new Uint8Array(5), 60_000));
  t.is(stays!.code, 'bad_device');
});

test('a device keeps its identity as long as the browser keeps its object', async (t) => {
  const [a, b] = [fake({}), fake({})];
  const lists = [[a], [a, b], [b]];
  const host = webUsb({ getDevices: async () => lists.shift()! });
  const [first] = await host.list();
  const [same, other] = await host.list();
  t.is(same, first);
  t.not(other!.attachment, first!.attachment);
  t.is((await host.list())[0], other);
});
