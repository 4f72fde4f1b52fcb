import test from 'ava';
import { PortBusyError, UnpluggedError } from './errors.ts';
import { openWebSerial, type WebSerialPort } from './web-serial.ts';

/** A port as Web Serial specifies it: streams while it is open, new ones after an error that it survives. */
class FakePort implements WebSerialPort {
  readable: ReadableStream<Uint8Array> | null = null;
  writable: WritableStream<Uint8Array> | null = null;
  readonly written: Uint8Array[] = [];
  readonly refuses: string | undefined;
  source!: ReadableStreamDefaultController<Uint8Array>;
  closed = 0;

  constructor(refuses?: string) {
    this.refuses = refuses;
  }

  getInfo = () => ({ usbVendorId: 0x0403, usbProductId: 0x6001 });

  async open() {
    if (this.refuses) throw Object.assign(new Error('no'), { name: this.refuses });
    this.#stream();
    this.writable = new WritableStream({ write: (data) => void this.written.push(data) });
  }

  async close() {
    this.readable = this.writable = null;
    this.closed += 1;
  }

  #stream() {
    this.readable = new ReadableStream({
      start: (controller) => {
        this.source = controller;
      },
      cancel: () => {
        this.readable = null;
      },
    });
  }

  /** A break on the line: the stream ends with an error, and another takes its place. */
  breaks() {
    const { source } = this;
    this.#stream();
    source.error(Object.assign(new Error('A break signal has been detected.'), { name: 'BreakError' }));
  }

  lost() {
    this.readable = this.writable = null;
    this.source.error(Object.assign(new Error('The device has been lost.'), { name: 'NetworkError' }));
  }
}

const turn = () => new Promise((resolve) => setTimeout(resolve, 0));

test('bytes go both ways, and those that come early are kept', async (t) => {
  const port = new FakePort();
  const line = await openWebSerial(port);
  t.is(line.describe(), 'serial adapter 0403:6001');
  port.source.enqueue(Uint8Array.of(1));
  await turn();
  const got: number[] = [];
  line.onData((data) => got.push(...data));
  port.source.enqueue(Uint8Array.of(2, 3));
  await Promise.all([line.write(Uint8Array.of(7)), line.write(Uint8Array.of(8))]);
  await turn();
  t.deepEqual(got, [1, 2, 3]);
  t.deepEqual(
    port.written.map(([byte]) => byte),
    [7, 8],
  );
  await line.close();
  t.is(port.closed, 1);
});

test('a break does not end it, a lost adapter does, once and with its cause', async (t) => {
  const port = new FakePort();
  const line = await openWebSerial(port);
  const got: number[] = [];
  const ends: (Error | undefined)[] = [];
  line.onData((data) => got.push(...data));
  line.onClose((cause) => ends.push(cause));
  port.breaks();
  await turn();
  port.source.enqueue(Uint8Array.of(5));
  await turn();
  t.deepEqual(got, [5]);
  port.lost();
  await turn();
  t.is(ends.length, 1);
  t.true(ends[0] instanceof UnpluggedError);
  await t.throwsAsync(line.write(Uint8Array.of(1)), { instanceOf: UnpluggedError });
});

test('closing it on this side has no cause', async (t) => {
  const line = await openWebSerial(new FakePort());
  const ends: (Error | undefined)[] = [];
  line.onClose((cause) => ends.push(cause));
  await line.close();
  t.deepEqual(ends, [undefined]);
});

test('a port that another page or program has is told so', async (t) => {
  for (const name of ['InvalidStateError', 'NetworkError'])
    await t.throwsAsync(openWebSerial(new FakePort(name)), { instanceOf: PortBusyError });
  await t.throwsAsync(openWebSerial(new FakePort('TypeError')), { instanceOf: UnpluggedError });
});
