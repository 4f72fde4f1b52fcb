/** A serial line in the rig's hands: it keeps what went over it, and makes noise when it is told to. */

import { Random } from '../ebpf/random.ts';
import type { Transport } from '../link/index.ts';

export type Noise = {
  /** Of a million bytes, both ways. */
  readonly drop_per_million?: number;
  readonly flip_per_million?: number;
  readonly seed?: number;
};

export type Traffic = { sent: number; received: number; dropped: number; flipped: number };

export type Line = Transport & {
  readonly traffic: Readonly<Traffic>;
  /** Changes the noise from now on. */
  readonly setNoise: (noise: Noise) => void;
  /** Calls back with every byte that arrives, noise included; returns a function that stops it. */
  readonly onRaw: (listener: (data: Uint8Array) => void) => () => void;
};

const PER = 1_000_000;

const disturb = (data: Uint8Array, noise: Noise, random: Random, traffic: Traffic): Uint8Array => {
  const { drop_per_million: drop = 0, flip_per_million: flip = 0 } = noise;
  if (drop === 0 && flip === 0) return data;
  const out: number[] = [];
  for (const byte of data) {
    const chance = random.unit() * PER;
    if (chance < drop) traffic.dropped += 1;
    else if (chance < drop + flip) {
      traffic.flipped += 1;
      out.push(byte ^ (1 << random.below(8)));
    } else out.push(byte);
  }
  return Uint8Array.from(out);
};

/** Stands between a transport and whoever speaks over it. */
export const lineOver = (transport: Transport, noise: Noise = {}): Line => {
  const traffic: Traffic = { sent: 0, received: 0, dropped: 0, flipped: 0 };
  const listeners = new Set<(data: Uint8Array) => void>();
  let now = noise;
  let random = new Random(noise.seed ?? 1);
  return {
    traffic,
    setNoise: (next) => {
      if (next.seed !== undefined) random = new Random(next.seed);
      now = next;
    },
    onRaw: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    write: (data) => {
      traffic.sent += data.length;
      return transport.write(disturb(data, now, random, traffic));
    },
    close: () => transport.close(),
    onData: (listener) =>
      transport.onData((data) => {
        const arrived = disturb(data, now, random, traffic);
        traffic.received += arrived.length;
        for (const each of listeners) each(arrived);
        listener(arrived);
      }),
    onClose: (listener) => transport.onClose(listener),
    describe: () => transport.describe(),
  };
};
