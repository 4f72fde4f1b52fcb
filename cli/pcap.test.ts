import test from 'ava';
import { CaptureError, framesOf } from './pcap.ts';

const frame = Buffer.from(Array.from({ length: 61 }, (_, i) => i));

/** A capture of two frames, the second cut by the capture. */
const classic = (magic: number, little: boolean, link = 1): Buffer => {
  const u32 = (value: number) => {
    const bytes = Buffer.alloc(4);
    if (little) bytes.writeUInt32LE(value);
    else bytes.writeUInt32BE(value);
    return bytes;
  };
  const record = (size: number) => [u32(1), u32(2), u32(size), u32(frame.length), frame.subarray(0, size)];
  const header = [u32(magic), u32(0), u32(0), u32(0), u32(65535), u32(link)];
  return Buffer.concat([...header, ...record(frame.length), ...record(20)]);
};

const block = (type: number, body: Buffer): Buffer => {
  const padded = Buffer.concat([body, Buffer.alloc((4 - (body.length % 4)) % 4)]);
  const out = Buffer.alloc(12 + padded.length);
  out.writeUInt32LE(type, 0);
  out.writeUInt32LE(out.length, 4);
  out.set(padded, 8);
  out.writeUInt32LE(out.length, out.length - 4);
  return out;
};

const words = (...values: number[]) => Buffer.from(new Uint32Array(values).buffer);

const nextGeneration = Buffer.concat([
  block(0x0a0d0d0a, words(0x1a2b3c4d, 1, 0xffffffff, 0xffffffff)),
  block(1, words(1, 65535)),
  block(5, words(0, 0, 0)), // interface statistics: not a frame
  block(6, Buffer.concat([words(0, 0, 0, frame.length, frame.length), frame])),
  block(3, Buffer.concat([words(frame.length), frame])),
]);

test('classic captures are read in both byte orders and both resolutions', (t) => {
  for (const little of [true, false]) {
    for (const magic of [0xa1b2c3d4, 0xa1b23c4d]) {
      const frames = [...framesOf(classic(magic, little))];
      t.deepEqual(
        frames.map(({ bytes, wireLength }) => [bytes.length, wireLength]),
        [
          [61, 61],
          [20, 61],
        ],
      );
      t.deepEqual(Buffer.from(frames[0]!.bytes), frame);
    }
  }
});

test('pcapng packets are read and other blocks are passed over', (t) => {
  const frames = [...framesOf(nextGeneration)];
  t.deepEqual(
    frames.map(({ bytes }) => Buffer.from(bytes)),
    [frame, frame],
  );
});

test('a capture cut anywhere but between records is said to be cut', (t) => {
  for (const [file, whole] of [
    [classic(0xa1b2c3d4, true), [24, 24 + 16 + 61]],
    [nextGeneration, [28, 48, 72, 168]],
  ] as const) {
    for (let size = 0; size < file.length; size++) {
      if ((whole as readonly number[]).includes(size)) continue;
      t.throws(() => [...framesOf(file.subarray(0, size))], { instanceOf: CaptureError }, `${size} bytes`);
    }
  }
});

test('a packet does not reach over the end of its block', (t) => {
  const section = nextGeneration.subarray(0, 48);
  const reaching = block(6, Buffer.concat([words(0, 0, 0, frame.length + 4, frame.length + 4), frame]));
  const file = Buffer.concat([section, reaching, reaching]);
  t.throws(() => [...framesOf(file)], {
    instanceOf: CaptureError,
    message: /the frame at byte 76 is cut short/,
  });
  t.throws(() => [...framesOf(Buffer.concat([section, block(3, words())]))], { instanceOf: CaptureError });
});

test('other links than Ethernet, and other files, are refused', (t) => {
  t.throws(() => [...framesOf(classic(0xa1b2c3d4, true, 113))], { message: /link type is 113/ });
  t.throws(() => [...framesOf(Buffer.from('hello world'))], { message: /neither pcap nor pcapng/ });
});
