import test from 'ava';
import { likelyPorts } from './ports.ts';

test('USB adapters and the UARTs of small computers are likely, the empty ports of a PC are not', async (t) => {
  const ports = await likelyPorts(async () => [
    { path: '/dev/ttyUSB1', vendorId: '0403' },
    { path: '/dev/ttyS0' },
    { path: '/dev/ttyAMA0' },
    { path: '/dev/tty1' },
    { path: '/dev/ttyACM0' },
    { path: 'COM7', vendorId: '10c4' },
    { path: 'COM1' },
  ]);
  t.deepEqual(ports, ['/dev/ttyACM0', '/dev/ttyAMA0', '/dev/ttyUSB1', 'COM7']);
});

test('looking at this machine fails nowhere', async (t) => {
  t.true((await likelyPorts()).every((path) => path.length > 0));
});
