import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { parseDescriptors, sysfsDriver, sysfsInterfaces } from './descriptors.ts';

/** A composite device: storage with one endpoint each way, and a vendor's interface in two settings; then a second configuration. */
const bytes = Buffer.from(
  [
    '12010002000000405c0a1127000100000001', // device 0a5c:2711
    '09023c00020100a0fa', // configuration
    '090400000208065000', // interface 0, mass storage
    '07058102000200', // bulk in
    '07050102000200', // bulk out
    '0524000110', // a class's own descriptor
    '0904010001ff420300', // interface 1, setting 0
    '07058203080008', // interrupt in
    '0904010102ff420300', // interface 1, setting 1
    '07050302000200',
    '0902120001020080fa', // another configuration
    '0904050000ff000000',
  ].join(''),
  'hex',
);

const interfaces = [
  {
    number: 0,
    classCode: 8,
    subclassCode: 6,
    protocolCode: 0x50,
    endpoints: [
      { number: 1, direction: 'in', type: 'bulk' },
      { number: 1, direction: 'out', type: 'bulk' },
    ],
  },
  {
    number: 1,
    classCode: 0xff,
    subclassCode: 0x42,
    protocolCode: 3,
    endpoints: [{ number: 2, direction: 'in', type: 'interrupt' }],
  },
];
const ids = { vendor: 0x0a5c, product: 0x2711 };

test('interfaces_are_those_of_the_first_configuration_in_their_first_settings', (t) => {
  t.deepEqual(parseDescriptors(bytes), { ids, interfaces } as never);
});

test('descriptors_cut_at_any_byte_give_what_is_whole', (t) => {
  for (let length = 0; length < bytes.length; length++) {
    const cut = parseDescriptors(bytes.subarray(0, length)).interfaces;
    t.true(cut.length <= 2);
    for (const [at, one] of cut.entries()) t.is(one.number, interfaces[at]!.number);
  }
  t.deepEqual(parseDescriptors(Buffer.alloc(64)).interfaces, [], 'a length of zero ends it');
});

test('another_device_at_the_same_place_is_not_taken_for_it', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'velocity-sysfs-'));
  mkdirSync(join(folder, '1-1.2'));
  writeFileSync(join(folder, '1-1.2/descriptors'), bytes);
  t.deepEqual(sysfsInterfaces('1-1.2', ids, folder), interfaces as never);
  t.is(sysfsInterfaces('1-1.2', { vendor: 0x0a5c, product: 0x2712 }, folder), undefined);
  t.is(sysfsInterfaces('1-9', ids, folder), undefined);
});

test('the_driver_of_an_interface_is_told_and_that_there_is_none', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'velocity-sysfs-'));
  for (const [name, driver] of [
    ['1-1:1.0', 'usb-storage'],
    ['1-1.2:1.0', 'usbfs'],
    ['1-1.2:1.1', undefined],
  ] as const) {
    mkdirSync(join(folder, name));
    if (driver) symlinkSync(`../../../../bus/usb/drivers/${driver}`, join(folder, name, 'driver'));
  }
  t.is(sysfsDriver('1-1', 0, folder), 'usb-storage');
  t.is(sysfsDriver('1-1.2', 0, folder), 'usbfs');
  t.is(sysfsDriver('1-1.2', 1, folder), undefined);
  t.is(sysfsDriver('1-1.2', 0, join(folder, 'none')), undefined);
});
