import test from 'ava';
import {
  EmulatedBus,
  FastbootDevice,
  type FastbootDeviceOptions,
  type Fault,
  fastbootUsb,
  type NetworkFault,
  serveFastbootTcp,
  serveFastbootUdp,
} from '../../rig/emulated/index.ts';
import { memoryBlocks } from '../blocks.ts';
import type { FlashError } from '../errors.ts';
import {
  FastbootClient,
  type FastbootTransport,
  openFastbootTcp,
  openFastbootUdp,
  openFastbootUsb,
} from './index.ts';

/** Nothing that goes well ends by a limit, however loaded the machine is. */
const PATIENT_MS = 30_000;
const limits = { replyMs: PATIENT_MS, dataMs: PATIENT_MS, workMs: PATIENT_MS };
/** For waits that are to end. */
const QUICK_MS = 400;
const quick = { replyMs: QUICK_MS, dataMs: QUICK_MS, workMs: QUICK_MS };

/** Random blocks, a run of zeros and one of a pattern, and an end in the middle of a block. */
const image = (() => {
  const bytes = Buffer.alloc(200_000 + 123);
  for (let i = 0; i < 90_000; i++) bytes[i] = (i * i) >> 3;
  bytes.fill('abcd', 120_000, 180_000);
  return memoryBlocks('test image', bytes);
})();
const content = Buffer.from(image.read(0, image.bytes));

type Opened = { readonly transport: FastbootTransport; close(): Promise<void> };

const overUsb = async (device: FastbootDevice, fault?: Fault): Promise<Opened> => {
  const bus = new EmulatedBus();
  bus.attach(fastbootUsb(device, fault), '1-1');
  const transport = await openFastbootUsb((await bus.list())[0]!);
  return { transport, close: async () => {} };
};

const overTcp = async (
  device: FastbootDevice,
  fault?: NetworkFault,
  connectMs = PATIENT_MS,
): Promise<Opened> => {
  const server = await serveFastbootTcp(device, fault);
  const transport = await openFastbootTcp('127.0.0.1', server.port, connectMs).catch(async (error) => {
    await server.close();
    throw error;
  });
  return { transport, close: server.close };
};

const overUdp = async (
  device: FastbootDevice,
  fault?: NetworkFault,
  connectMs = PATIENT_MS,
): Promise<Opened> => {
  const server = await serveFastbootUdp(device, fault);
  const transport = await openFastbootUdp('127.0.0.1', server.port, { connectMs, resendMs: 50 }).catch(
    async (error) => {
      await server.close();
      throw error;
    },
  );
  return { transport, close: server.close };
};

const openers = { usb: overUsb, tcp: overTcp, udp: overUdp } as const;

const flash = async (opened: Opened, pace = limits) => {
  const client = new FastbootClient(opened.transport, { limits: pace });
  try {
    await client.flash('boot', image);
  } finally {
    await client.close();
    await opened.close();
  }
};

for (const [name, open] of Object.entries(openers)) {
  test(`an image arrives unchanged in pieces over ${name}`, async (t) => {
    const device = new FastbootDevice();
    await flash(await open(device));
    t.true(device.partitions.get('boot')!.subarray(0, content.length).equals(content));
    t.true(device.commands.filter((command) => command === 'flash:boot').length > 1);
  });

  test(`a device that refuses gives its reason over ${name}`, async (t) => {
    const device = new FastbootDevice({ refusesWrites: 'write protected' });
    const error = (await t.throwsAsync(flash(await open(device)))) as FlashError;
    t.is(error.code, 'refused');
    t.regex(error.message, /write protected/);
    const good = new FastbootDevice();
    await flash(await open(good));
    t.true(good.partitions.get('boot')!.subarray(0, content.length).equals(content));
  });
}

test('what lies behind the image is left alone', async (t) => {
  const device = new FastbootDevice();
  await flash(await overUsb(device));
  const blocks = Math.ceil(content.length / 4096) * 4096;
  t.true(
    device.partitions
      .get('boot')!
      .subarray(blocks)
      .every((byte) => byte === 0xee),
  );
});

test('runs of one value take next to nothing', async (t) => {
  const device = new FastbootDevice({ partitions: { data: 1 << 24 } });
  const { transport } = await overUsb(device);
  await new FastbootClient(transport, { limits }).flash('data', memoryBlocks('zeros', Buffer.alloc(1 << 24)));
  t.true(device.partitions.get('data')!.every((byte) => byte === 0));
  t.is(device.commands.filter((command) => command.startsWith('download')).length, 1);
});

test('an image is started from memory, unchanged', async (t) => {
  const device = new FastbootDevice({ maxDownloadBytes: 1 << 20 });
  const { transport } = await overUsb(device);
  await new FastbootClient(transport, { limits }).boot(image);
  t.true(device.started?.equals(content));
});

test('an unknown variable is undefined, in old and new devices', async (t) => {
  for (const unknownVariable of ['fail', 'empty'] as const) {
    const { transport } = await overUsb(new FastbootDevice({ unknownVariable }));
    t.is(await new FastbootClient(transport, { limits }).variable('nonsense'), undefined);
  }
});

test('lost datagrams cost time only', async (t) => {
  const device = new FastbootDevice();
  await flash(await overUdp(device, { loseEvery: 7 }));
  t.true(device.partitions.get('boot')!.subarray(0, content.length).equals(content));
});

/** Devices that lie: code and words of the error. */
const lies: readonly [name: string, options: FastbootDeviceOptions, code: string, words: RegExp][] = [
  ['another size than announced', { claimsSize: 0xfff }, 'bad_device', /00000fff bytes where/],
  ['a limit that is no number', { claimsLimit: 'plenty' }, 'bad_device', /"plenty"/],
  ['a limit of nothing', { claimsLimit: '0x0' }, 'bad_device', /"0x0"/],
  ['a limit larger than the true one', { claimsLimit: '0x8000000' }, 'refused', /too large/],
  ['no reply at all', { babbles: true }, 'bad_device', /hello/],
  ['no such partition', { partitions: { other: 4096 } }, 'refused', /does not exist/],
  ['a partition that is too small', { partitions: { boot: 4096 } }, 'refused', /larger than/],
];

for (const [name, options, code, words] of lies) {
  test(`fault: ${name}`, async (t) => {
    const error = (await t.throwsAsync(flash(await overUsb(new FastbootDevice(options))))) as FlashError;
    t.is(error.code, code);
    t.regex(error.message, words);
  });
}

const usbFaults = { unplug: 'unplugged', stall: 'stalled', silent: 'timeout', short: 'bad_device' } as const;

const transfersOf = async () => {
  const bus = new EmulatedBus();
  const usb = fastbootUsb(new FastbootDevice());
  bus.attach(usb, '1-1');
  await flash({ transport: await openFastbootUsb((await bus.list())[0]!), close: async () => {} });
  return usb.plan.transfers;
};

for (const kind of ['unplug', 'stall', 'silent'] as const) {
  test(`fault: ${kind} at any USB transfer ends with its own error`, async (t) => {
    const total = await transfersOf();
    for (let at = 0; at < total; at++) {
      const { transport } = await overUsb(new FastbootDevice(), { kind, at });
      const fast = { replyMs: 60, dataMs: 60, workMs: 60 };
      const client = new FastbootClient(transport, { limits: kind === 'silent' ? fast : limits });
      const error = (await t.throwsAsync(client.flash('boot', image))) as FlashError;
      t.is(error.code, usbFaults[kind], `transfer ${at} of ${total}`);
    }
    t.true(total > 10);
  });
}

test('fault: a short reply is told', async (t) => {
  // transfer 3 is the DATA reply to the first download
  const error = (await t.throwsAsync(
    flash(await overUsb(new FastbootDevice(), { kind: 'short', at: 3 })),
  )) as FlashError;
  t.is(error.code, 'bad_device');
});

const networkFaults: readonly ['tcp' | 'udp', NetworkFault, code: string][] = [
  ['tcp', { greeting: 'SSH-' }, 'bad_device'],
  ['tcp', { closeAfter: 3 }, 'unplugged'],
  ['tcp', { silentAfter: 3 }, 'timeout'],
  ['tcp', { claimsLength: 0xffff_ffff_ffffn }, 'bad_device'],
  ['udp', { silentAfter: 0 }, 'timeout'],
  ['udp', { silentAfter: 20 }, 'timeout'],
];

for (const [kind, fault, code] of networkFaults) {
  test(`fault: ${kind} ${Object.entries(fault).join(' ')}`, async (t) => {
    const device = new FastbootDevice();
    const ends = code === 'timeout';
    const open = kind === 'tcp' ? overTcp : overUdp;
    const run = async () =>
      flash(await open(device, fault, ends ? QUICK_MS : PATIENT_MS), ends ? quick : limits);
    t.is(((await t.throwsAsync(run())) as FlashError).code, code);
    const fresh = new FastbootDevice();
    await flash(await openers[kind](fresh));
    t.true(fresh.partitions.get('boot')!.subarray(0, content.length).equals(content));
  });
}

test('fault: nobody listens', async (t) => {
  const server = await serveFastbootTcp(new FastbootDevice());
  await server.close();
  t.is(
    ((await t.throwsAsync(openFastbootTcp('127.0.0.1', server.port, PATIENT_MS))) as FlashError).code,
    'unplugged',
  );
});

test('a command longer than the protocol allows is not sent', async (t) => {
  const device = new FastbootDevice();
  const { transport } = await overUsb(device);
  await t.throwsAsync(new FastbootClient(transport, { limits }).command(`erase:${'x'.repeat(60)}`));
  t.deepEqual(device.commands, []);
});

for (const [name, open] of Object.entries({ USB: overUsb, TCP: overTcp, UDP: overUdp }))
  test(`a board over ${name} takes commands after a download that was stopped`, async (t) => {
    const device = new FastbootDevice({ maxDownloadBytes: 1 << 20 });
    const before = Buffer.from(device.partitions.get('boot')!);
    const { transport, close } = await open(device);
    const stop = new AbortController();
    const inPieces = { ...transport, chunkBytes: 5000 };
    const client = new FastbootClient(inPieces, {
      limits,
      signal: stop.signal,
      onEvent: ({ event }) => event === 'send' && stop.abort(),
    });
    const error = await t.throwsAsync<FlashError>(client.flash('boot', image));
    t.is(error!.code, 'cancelled');
    t.true(device.partitions.get('boot')!.equals(before), 'nothing of it was written');
    const next = new FastbootClient(transport, { limits });
    await next.flash('boot', image);
    t.true(device.partitions.get('boot')!.subarray(0, content.length).equals(content));
    await next.close();
    await close();
  });

test('a board that waits for the rest of what another began is said to', async (t) => {
  const { transport, close } = await overUsb(new FastbootDevice());
  await transport.send(Buffer.from('download:00008000'), PATIENT_MS);
  await transport.receive(PATIENT_MS);
  const late = await t.throwsAsync<FlashError>(
    new FastbootClient(transport, { limits: quick }).flash('boot', image),
  );
  t.is(late!.code, 'timeout');
  t.regex(late!.hint!, /an earlier try was ended in the middle/);
  await close();
});
