/** Pins the adapter to the package: its shape, its error texts, and the timeout as an extra last argument. */
import { existsSync } from 'node:fs';
import test from 'ava';
import { usb } from 'usb';
import type { FlashError } from '../errors.ts';
import { serialIndex } from './device.ts';
import { nodeUsb, type PackageDevice, type PackageUsb, usbError } from './node-usb.ts';

/** Texts of usb 3.1 and of nusb below it, seen on Linux, but for the one of drivers; see the package's transferOut and open. */
const texts: readonly [text: string, code: string][] = [
  ['open error: permission denied (errno 13)', 'permission'],
  ['transferOut error: Unknown(12)', 'usb_memory'],
  ['transferOut error: Stall', 'stalled'],
  ['controlTransferOut error: endpoint stalled', 'stalled'],
  ['transferIn error: transfer was cancelled', 'timeout'],
  ['transferOut error: device disconnected', 'unplugged'],
  ['open error: no such device (errno 19)', 'unplugged'],
  ['transferIn error: invalid state', 'unplugged'],
  ['claimInterface error: interface is busy (errno 16)', 'port_busy'],
  ['claimInterface error: incompatible driver is installed for this interface', 'missing_tool'],
  ['something new', 'bad_device'],
];

for (const [text, code] of texts) {
  test(`"${text}" becomes ${code} and keeps its cause`, (t) => {
    const cause = new Error(text);
    const error = usbError('USB 0a5c:2711 on 1-1', 'sending data', 1000, cause);
    t.is(error.code, code);
    t.is(error.cause, cause);
    t.regex(error.message, /0a5c:2711 on 1-1/);
    t.truthy(error.hint);
  });
}

type Call = readonly [name: string, ...args: unknown[]];

const fake = (calls: Call[], more: Partial<PackageDevice> = {}): PackageDevice => ({
  vendorId: 0x0a5c,
  productId: 0x2711,
  bus: '001',
  address: 7,
  ports: [1, 2],
  serialNumber: null,
  configurations: [
    {
      interfaces: [
        {
          interfaceNumber: 0,
          alternate: {
            interfaceClass: 255,
            interfaceSubclass: 0,
            interfaceProtocol: 0,
            endpoints: [{ endpointNumber: 1, direction: 'out', type: 'bulk' }],
          },
        },
      ],
    },
  ],
  open: async () => void calls.push(['open']),
  close: async () => void calls.push(['close']),
  claimInterface: async (number) => void calls.push(['claim', number]),
  detachKernelDriver: async () => {
    throw new Error('no driver is bound');
  },
  controlTransferIn: async (...args) => {
    calls.push(['in', ...args]);
    const descriptor = new Uint8Array(18);
    descriptor[16] = 3;
    return { data: new DataView(descriptor.buffer), status: 'ok' };
  },
  controlTransferOut: async (...args) => {
    calls.push(['out', ...args]);
    return { bytesWritten: 0, status: 'ok' };
  },
  transferIn: async (...args) => {
    calls.push(['bulkIn', ...args]);
    return { data: new DataView(Uint8Array.of(1, 2).buffer), status: 'ok' };
  },
  transferOut: async (endpoint, data, timeout) => {
    calls.push(['bulkOut', endpoint, data.length, timeout]);
    return { bytesWritten: data.length, status: 'ok' };
  },
  ...more,
});

const only = async (device: PackageDevice) =>
  (await nodeUsb({ load: async () => ({ getDevices: async () => [device] }) }).list())[0]!;

test('a device keeps its location, and its attachment changes when it comes back', async (t) => {
  const first = await only(fake([]));
  const second = await only(fake([], { address: 8 }));
  t.is(first.location, '1-1.2');
  t.is(first.name, 'USB 0a5c:2711 on 1-1.2');
  t.is(second.location, first.location);
  t.not(second.attachment, first.attachment);
  t.deepEqual(first.interfaces[0]?.endpoints, [{ number: 1, direction: 'out', type: 'bulk' }]);
});

test('a bus that has a letter in its name keeps it', async (t) => {
  const place = async (bus: string) => {
    const load = async () => ({ getDevices: async () => [fake([], { bus })] }) as PackageUsb;
    return (await nodeUsb({ load }).list())[0]?.location;
  };
  t.deepEqual(await Promise.all(['001', '14', '1a', '1b'].map(place)), [
    '1-1.2',
    '14-1.2',
    '1a-1.2',
    '1b-1.2',
  ]);
});

test('every transfer hands its own timeout on', async (t) => {
  const calls: Call[] = [];
  const device = await only(fake(calls));
  const setup = { type: 'vendor', recipient: 'device', request: 0, value: 24, index: 0 } as const;
  await device.open(0);
  await device.controlOut(setup, new Uint8Array(), 1000);
  await device.controlIn(setup, 260, 20_000);
  await device.bulkOut(1, new Uint8Array(5), 5000);
  t.deepEqual([...(await device.bulkIn(2, 64, 7000))], [1, 2]);
  const { type, ...rest } = setup;
  t.deepEqual(calls, [
    ['open'],
    ['claim', 0],
    ['out', { ...rest, requestType: type }, new Uint8Array(), 1000],
    ['in', { ...rest, requestType: type }, 260, 20_000],
    ['bulkOut', 1, 5, 5000],
    ['bulkIn', 2, 64, 7000],
  ]);
});

test('the index of the serial number is byte 16 of the device descriptor', async (t) => {
  t.is(await serialIndex(await only(fake([]))), 3);
});

test('a transfer that takes less than all is an error', async (t) => {
  const device = await only(fake([], { transferOut: async () => ({ bytesWritten: 3, status: 'ok' }) }));
  const error = (await t.throwsAsync(device.bulkOut(1, new Uint8Array(5), 100))) as FlashError;
  t.is(error.code, 'bad_device');
  t.regex(error.message, /3 of 5/);
});

const garbled = async () => {
  throw new Error('transferIn error: hardware fault or protocol violation');
};

test('a wire that garbles is a plug that was pulled where the device is gone a moment later', async (t) => {
  const device = fake([], { controlTransferIn: garbled, transferOut: garbled });
  const lists = [[device], [device], [fake([], { address: 8 })]];
  const host = nodeUsb({ load: async () => ({ getDevices: async () => lists.shift() ?? [] }) });
  const [one] = await host.list();
  const error = await t.throwsAsync<FlashError>(one!.bulkOut(1, new Uint8Array(5), 100));
  t.is(error!.code, 'unplugged');
  t.is(lists.length, 0, 'another attachment is not this device');
});

test('a wire that garbles while the device stays is said to be the wire', async (t) => {
  const error = await t.throwsAsync<FlashError>(
    serialIndex(await only(fake([], { controlTransferIn: garbled }))),
  );
  t.is(error!.code, 'bad_device');
  t.regex(error!.hint!, /short cable/);
});

test('an interface is taken from a kernel driver, and from no other program', async (t) => {
  const opened = async (driver: string | undefined) => {
    const calls: Call[] = [];
    let isBound = true;
    const device = fake(calls, {
      detachKernelDriver: async () => {
        calls.push(['detach']);
        isBound = false;
      },
      claimInterface: async () => {
        calls.push(['claim']);
        if (isBound) throw new Error('claimInterface error: interface is busy (errno 16)');
      },
    });
    const host = nodeUsb({
      load: async () => ({ getDevices: async () => [device] }),
      driverOf: () => driver,
    });
    const code = await (await host.list())[0]!.open(0).then(
      () => 'ok',
      (error: FlashError) => error.code,
    );
    return [code, ...calls.map(([name]) => name)];
  };
  t.deepEqual(await opened('usb-storage'), ['ok', 'open', 'claim', 'detach', 'claim']);
  t.deepEqual(await opened('usbfs'), ['port_busy', 'open', 'claim']);
  t.deepEqual(await opened(undefined), ['port_busy', 'open', 'claim']);
});

test('whoever holds a device is named', async (t) => {
  const claimInterface = async () => {
    throw new Error('claimInterface error: interface is busy (errno 16)');
  };
  const asked: string[] = [];
  const named = (holders: string[]) =>
    nodeUsb({
      load: async () => ({ getDevices: async () => [fake([], { claimInterface })] }),
      holdersOf: (path) => {
        asked.push(path);
        return holders;
      },
    });
  const held = async (holders: string[]) => {
    const [device] = await named(holders).list();
    return (await t.throwsAsync<FlashError>(device!.open(0)))!;
  };
  const [known, unknown] = [await held(['process 47 (rpiboot -d msd)']), await held([])];
  t.is(known.code, 'port_busy');
  t.is(known.message, 'USB 0a5c:2711 on 1-1.2: is in use by process 47 (rpiboot -d msd)');
  t.regex(unknown.message, /by another program or a kernel driver$/);
  t.is(asked[0], '/dev/bus/usb/001/007');
});

test('a device that may not be opened, or left just now, is listed all the same', async (t) => {
  const closed = fake([]);
  const refuse = () => {
    throw new Error('open error: permission denied (errno 13)');
  };
  Object.defineProperty(closed, 'serialNumber', { get: refuse });
  Object.defineProperty(closed, 'configurations', { get: refuse });
  const device = await only(closed);
  t.is(device.serial, undefined);
  t.deepEqual(device.interfaces, []);
});

test('a machine without USB has no devices', async (t) => {
  const none: PackageUsb = {
    getDevices: async () => {
      throw new Error('getDevices error: /sys/bus/usb/devices/ not found (errno 2)');
    },
  };
  t.deepEqual(await nodeUsb({ load: async () => none }).list(), []);
});

test('the real package is loaded and lists devices, or says that there is no USB', async (t) => {
  t.is(typeof usb.getDevices, 'function');
  const devices = await nodeUsb().list();
  if (!existsSync('/sys/bus/usb/devices')) t.deepEqual(devices, []);
  for (const device of devices) t.regex(device.location, /^\d+-/);
});
