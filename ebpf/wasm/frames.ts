/** Ethernet frames as programs look for them: each protocol's headers, fields wrong now and then, ports near the program's constants. */
import type { RandomInputs } from './random-inputs.ts';

type Frame = { readonly out: Uint8Array; put(at: number, ...bytes: readonly number[]): void };

const LENGTHS = [13, 14, 34, 42, 50, 54, 60, 64, 74, 90, 128, 300] as const;
const ETHERTYPES = [0x0806, 0x8847, 0x88a8, 0x88f7, 0x0101] as const;

const framed = (random: RandomInputs): Frame => {
  const out = random.bytes(LENGTHS[random.below(LENGTHS.length)]!);
  const put = (at: number, ...bytes: readonly number[]) => {
    for (const [i, byte] of bytes.entries())
      if (at + i < out.length && random.below(24) !== 0) out[at + i] = byte;
  };
  return { out, put };
};

const word = (value: number) => [(value >> 8) & 255, value & 255] as const;

/** A port: a constant of the program in network order as it compares it (either order), or a small number. */
const port = (random: RandomInputs, hints: readonly number[]): readonly number[] => {
  const hint = hints.length > 0 ? hints[random.below(hints.length)]! : 0;
  const choice = random.below(4);
  if (choice === 0) return word(hint);
  if (choice === 1) return [hint & 255, (hint >> 8) & 255];
  return [0, random.below(4)];
};

const address = (random: RandomInputs) => [10, 0, 0, random.below(3)] as const;

/** Transport header at `at`; `length` bytes from there on. */
const transport = (
  f: Frame,
  at: number,
  protocol: number,
  random: RandomInputs,
  hints: readonly number[],
) => {
  const length = Math.max(8, f.out.length - at);
  if (protocol === 17) f.put(at, ...port(random, hints), ...port(random, hints), ...word(length));
  if (protocol === 6) {
    f.put(at, ...port(random, hints), ...port(random, hints));
    f.put(at + 12, random.below(4) === 0 ? 0x60 : 0x50, random.below(64));
  }
  if (protocol === 1) f.put(at, random.below(2) * 8, 0);
  if (protocol === 58) f.put(at, 128 + random.below(2), 0);
  if (protocol === 47) f.put(at, random.below(2) * 0x20, 0, 8, 0, 0, 0, 0, random.below(3));
};

const ipv4 = (f: Frame, at: number, random: RandomInputs, hints: readonly number[]) => {
  const protocol = [17, 17, 6, 6, 1, 47, random.below(256)][random.below(7)]!;
  const options = random.below(6) === 0 ? 1 : 0;
  f.put(at, 0x45 + options, random.below(256), ...word(Math.max(20, f.out.length - at)));
  f.put(at + 6, random.below(4) === 0 ? 0x20 : 0, 0, random.below(3) === 0 ? 255 : 64, protocol);
  f.put(at + 12, ...address(random), ...address(random));
  transport(f, at + 20 + 4 * options, protocol, random, hints);
};

const ipv6 = (f: Frame, at: number, random: RandomInputs, hints: readonly number[]) => {
  const protocol = [17, 6, 58, random.below(256)][random.below(4)]!;
  f.put(at, 0x60, 0, 0, 0, ...word(Math.max(0, f.out.length - at - 40)), protocol);
  f.put(at + 7, random.below(3) === 0 ? 255 : 64);
  for (const start of [at + 8, at + 24])
    f.put(start, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, random.below(3));
  transport(f, at + 40, protocol, random, hints);
};

const arp = (f: Frame, at: number, random: RandomInputs) => {
  f.put(at, 0, 1, 8, 0, 6, 4, 0, 1 + random.below(2));
  f.put(at + 14, ...address(random));
};

/** A frame, sometimes cut short. */
export const frame = (random: RandomInputs, hints: readonly number[]): Uint8Array => {
  const f = framed(random);
  const macs = random.below(4);
  if (macs < 2) f.put(0, 2, 0, 0, 0, 0, macs, 2, 0, 0, 0, 0, random.below(3));
  let at = 12;
  const tags = random.below(6) === 0 ? 1 + random.below(2) : 0;
  for (let i = 0; i < tags; i++, at += 4)
    f.put(at, ...(random.below(4) === 0 ? [0x88, 0xa8] : [0x81, 0]), 0, random.below(4));
  const kind = random.below(8);
  if (kind < 5) {
    f.put(at, 8, 0);
    ipv4(f, at + 2, random, hints);
  } else if (kind < 7) {
    f.put(at, 0x86, 0xdd);
    ipv6(f, at + 2, random, hints);
  } else {
    const type = ETHERTYPES[random.below(ETHERTYPES.length)]!;
    f.put(at, ...word(type));
    if (type === 0x0806) arp(f, at + 2, random);
  }
  return f.out;
};
