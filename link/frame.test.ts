import test from 'ava';
import { encode } from 'cborg';
import { SMP_BUFFER_BYTES } from '../abi/index.ts';
import { crc16 } from './crc16.ts';
import { encodeFrame, FrameDecoder } from './frame.ts';
import { encodeMessage } from './smp.ts';

const collect = () => {
  const messages: Buffer[] = [];
  const text: string[] = [];
  const damaged: string[] = [];
  const decoder = new FrameDecoder({
    message: (body) => messages.push(Buffer.from(body)),
    text: (line) => text.push(line),
    damaged: (reason) => damaged.push(reason),
  });
  return { decoder, messages, text, damaged };
};

const latin1 = (text: string) => Buffer.from(text, 'latin1');
/** Echo "hello", SMP v2 write, sequence 0x42; line computed from Zephyr's smp_transport.rst. */
const echo = encodeMessage({ op: 2, group: 0, seq: 0x42, id: 0, payload: encode({ d: 'hello' }) });
const echoLine = latin1('\x06\tABMKAAAJAABCAKFhZGVoZWxsb0YZ\n');
const long = Buffer.from(Array.from({ length: 1000 }, (_, i) => (i * 7) & 0xff));

test('crc16 has the check value of CRC-16/XMODEM', (t) => {
  t.is(crc16(latin1('123456789')), 0x31c3);
});

test('an echo request is framed byte for byte as other SMP clients do it', (t) => {
  t.is(Buffer.from(echo).toString('hex'), '0a00000900004200a161646568656c6c6f');
  t.deepEqual(Buffer.from(encodeFrame(echo)), echoLine);
});

test('a frame is found whatever pieces it arrives in', (t) => {
  for (let size = 1; size <= echoLine.length; size++) {
    const { decoder, messages } = collect();
    for (let at = 0; at < echoLine.length; at += size) decoder.push(echoLine.subarray(at, at + size));
    t.deepEqual(messages, [Buffer.from(echo)], `pieces of ${size}`);
  }
});

test('a long message takes lines of at most 127 bytes and comes back whole', (t) => {
  const frame = Buffer.from(encodeFrame(long));
  const lines = frame.toString('latin1').split('\n').slice(0, -1);
  t.true(lines.length > 10);
  t.true(lines.every((line) => line.length + 1 <= 127));
  const { decoder, messages } = collect();
  decoder.push(frame);
  t.deepEqual(messages, [long]);
});

test('the largest message fits and a larger claim is refused', (t) => {
  const { decoder, messages, damaged } = collect();
  decoder.push(encodeFrame(new Uint8Array(SMP_BUFFER_BYTES)));
  decoder.push(encodeFrame(new Uint8Array(SMP_BUFFER_BYTES + 1)));
  t.is(messages.length, 1);
  t.is(damaged[0], 'a message claims to be too long');
});

test('a frame cut at any byte loses only itself: the next message arrives', (t) => {
  const frame = Buffer.from(encodeFrame(long.subarray(0, 200)));
  for (let cut = 0; cut < frame.length; cut++) {
    const { decoder, messages } = collect();
    decoder.push(frame.subarray(0, cut));
    decoder.push(echoLine);
    t.deepEqual(messages, [Buffer.from(echo)], `cut at ${cut}`);
  }
});

test('a frame with any one byte lost is never taken for a message', (t) => {
  const frame = Buffer.from(encodeFrame(long.subarray(0, 200)));
  for (let lost = 0; lost < frame.length; lost++) {
    const { decoder, messages } = collect();
    decoder.push(Buffer.concat([frame.subarray(0, lost), frame.subarray(lost + 1)]));
    decoder.push(echoLine);
    const others = messages.filter((message) => !message.equals(Buffer.from(echo)));
    t.deepEqual(others, [], `lost ${lost}`);
    const echoes = messages.length - others.length;
    t.true(echoes === 1 || lost === frame.length - 1, `lost ${lost}`);
  }
});

test('a flipped bit anywhere in the data is noticed', (t) => {
  for (let at = 2; at < echoLine.length - 1; at++) {
    const { decoder, messages } = collect();
    const bad = Buffer.from(echoLine);
    bad[at] = bad[at]! ^ 0x01;
    decoder.push(bad);
    t.deepEqual(messages, [], `byte ${at}`);
  }
});

test('text lines before, between and after frames are console text', (t) => {
  const lines = Buffer.from(encodeFrame(long)).toString('latin1').split('\n');
  const { decoder, messages, text } = collect();
  decoder.push(latin1(`boot\r\n${lines[0]}\nin between\n${lines.slice(1).join('\n')}after\nprompt> `));
  decoder.flush();
  t.deepEqual(messages, [long]);
  t.deepEqual(text, ['boot', 'in between', 'after', 'prompt> ']);
});

test('a frame behind text without a line end is found', (t) => {
  const { decoder, messages, text } = collect();
  decoder.push(Buffer.concat([latin1('> '), echoLine]));
  t.deepEqual([messages.length, text], [1, ['> ']]);
});

test('noise between frames does no harm, also without line ends', (t) => {
  const { decoder, messages } = collect();
  const noise = Buffer.from(Array.from({ length: 5000 }, (_, i) => 0x80 | (i * 31)));
  decoder.push(Buffer.concat([echoLine, noise, latin1('\n'), echoLine]));
  t.is(messages.length, 2);
});

test('a continuation without a beginning is damage, not a message', (t) => {
  const { decoder, messages, damaged } = collect();
  decoder.push(latin1('\x04\x14ABMKAAAJAABCAKFhZGVoZWxsb0YZ\n'));
  t.deepEqual([messages.length, damaged.length], [0, 1]);
});
