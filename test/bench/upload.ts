/**
 * An image over the serial line into a board's memory, beside what the line could carry. QEMU's UART takes bytes as fast as
 * they come, so this side keeps the pace of a UART, in both directions, by the clock of this machine: what is measured is
 * the protocol, with all its headers, answers and waits, and the emulated board's work; not a wire.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { BOARD_CLASS, signImage, updateFile } from '../../firmware/index.ts';
import { chosenKey } from '../../firmware/sign.ts';
import { openTransport, type Transport, VelocityLink } from '../../link/index.ts';
import { atMost, type Metric } from './metric.ts';

const BAUD = 115_200;
/** Start bit, eight of data, stop bit. */
const BITS = 10;
const BOOT_TIMEOUT_MS = 60_000;
const IMAGE_BYTES = 128 * 1024;
/** 0.85 of the rate that is left after base64, as a share of its time. */
const GOAL_PERCENT = 100 / 0.85;

/** A board works on what has come while the rest is still on the line. */
const PIECE_BYTES = 128;

/** Passes bytes on when a line of this speed would have carried them. */
const pacer = (pass: (data: Uint8Array) => void) => {
  let free = 0; // when the line is idle again, ms
  let before: Promise<void> = Promise.resolve();
  const carry = async (data: Uint8Array) => {
    free = Math.max(free, performance.now());
    for (let at = 0; at < data.length; at += PIECE_BYTES) {
      const piece = data.slice(at, at + PIECE_BYTES);
      free += (piece.length * BITS * 1000) / BAUD;
      await sleep(Math.max(0, free - performance.now()));
      pass(piece);
    }
  };
  return (data: Uint8Array): Promise<void> => {
    before = before.then(() => carry(data));
    return before;
  };
};

const paced = (line: Transport): Transport => {
  const out = pacer((data) => void line.write(data).catch(() => {}));
  return {
    write: (data) => out(data),
    close: () => line.close(),
    onData: (listener) => line.onData(pacer(listener)),
    onClose: (listener) => line.onClose(listener),
    describe: () => line.describe(),
  };
};

/** Sent, checked, and not started. */
export const uploadMetric = async (address: string): Promise<Metric> => {
  const link = await VelocityLink.over(paced(await openTransport(address, {})), {
    readyTimeoutMs: BOOT_TIMEOUT_MS,
  });
  const image = randomBytes(IMAGE_BYTES);
  const facts = {
    board_class: BOARD_CLASS,
    memory_bytes: 1 << 22,
    build: '0'.repeat(40),
    version: '0',
    sequence: 1n,
  };
  const file = updateFile(image, signImage(image, facts, chosenKey()));
  const from = performance.now();
  try {
    await link.images.upload(file, undefined, 'memory');
  } finally {
    await link.close();
  }
  const took_ms = performance.now() - from;
  const base64_ms = (((file.length * 4) / 3) * BITS * 1000) / BAUD;
  return atMost('smp_upload', (100 * took_ms) / base64_ms, '% of its base64 at 115200 baud', GOAL_PERCENT);
};
