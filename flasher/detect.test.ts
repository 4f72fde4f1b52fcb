import test from 'ava';
import { boards } from '../boards/index.ts';
import {
  BootRom,
  EmulatedBus,
  FastbootDevice,
  fastbootUsb,
  Stall,
  type UsbFunction,
} from '../rig/emulated/index.ts';
import { listAttached, type UsbMode, udevRules } from './index.ts';

const refuse = () => Promise.reject(new Stall());

const plain = (vendor: number, product: number): UsbFunction => ({
  descriptor: {
    ids: { vendor, product },
    serialIndex: 0,
    deviceClass: { code: 0, subclass: 0, protocol: 0 },
    interfaces: [],
  },
  controlOut: refuse,
  controlIn: refuse,
  bulkOut: refuse,
  bulkIn: refuse,
});

const ids: readonly [
  vendor: number,
  product: number,
  mode: string,
  board: string | undefined,
  step: RegExp,
][] = [
  [0x0955, 0x7f21, 'jetson-recovery', 'jetson-nano', /flash\.sh/],
  [0x0955, 0x7523, 'jetson-recovery', 'jetson-orin-nano', /QSPI/],
  [0x0955, 0x7623, 'jetson-recovery', 'jetson-orin-nano', /QSPI/],
  [0x0955, 0x7323, 'jetson-recovery', 'jetson-orin-nx', /QSPI/],
  [0x0955, 0x7423, 'jetson-recovery', 'jetson-orin-nx', /QSPI/],
  [0x0955, 0x7020, 'jetson-linux', undefined, /--to/],
  [0x0a5c, 0x0001, 'mass-storage', undefined, /--to/],
  [0x0525, 0xa4a5, 'mass-storage', undefined, /--to/],
];

for (const [vendor, product, mode, board, step] of ids) {
  test(`${vendor.toString(16)}:${product.toString(16)} is ${mode} and says what to do`, async (t) => {
    const bus = new EmulatedBus();
    bus.attach(plain(vendor, product), '1-1');
    const [found] = await listAttached(bus);
    t.is(found?.mode, mode as UsbMode);
    t.is(found?.boards[0]?.name, board);
    t.regex(found?.steps.join('\n') ?? '', step);
  });
}

test('only whole ids count: a mouse of the same vendor is no board', async (t) => {
  const bus = new EmulatedBus();
  for (const product of [0x7f20, 0x2711, 0x0021]) bus.attach(plain(0x0955, product), `1-${product}`);
  t.deepEqual(await listAttached(bus), []);
});

test('boot ROMs and fastboot devices are found beside each other, with the boards they may be', async (t) => {
  const bus = new EmulatedBus();
  new BootRom('BCM2712', bus).plugIn('1-1');
  bus.attach(fastbootUsb(new FastbootDevice()), '1-2');
  const found = await listAttached(bus);
  t.deepEqual(
    found.map(({ mode, device }) => [mode, device.location]),
    [
      ['rpiboot', '1-1'],
      ['fastboot', '1-2'],
    ],
  );
  t.deepEqual(
    found[0]?.boards.map(({ name }) => name),
    ['rpi5', 'cm5'],
  );
});

test('a chip without AArch64 is told so', async (t) => {
  const bus = new EmulatedBus();
  new BootRom('BCM2835', bus).plugIn();
  t.regex((await listAttached(bus))[0]?.steps[0] ?? '', /32-bit/);
});

test('the udev rules name the vendor of every board once', (t) => {
  const rules = udevRules(Object.values(boards));
  for (const vendor of ['0a5c', '0955', '18d1']) {
    t.is(rules.split(`ATTR{idVendor}=="${vendor}", MODE="0660", TAG+="uaccess"`).length, 2, vendor);
  }
});
