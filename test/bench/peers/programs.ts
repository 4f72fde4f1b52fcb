/** The programs of the side-by-side benchmark and what each is given. Their sources are ../programs/NAME.c. */

/** Size of every program's memory, in bytes: the most that the `run` message carries. */
export const MEMORY_BYTES = 2048;

export type PeerProgram = {
  readonly name: string;
  /** What it does, with its size. */
  readonly title: string;
  /** The vector helper that does the same, for the programs of vectors.ts. */
  readonly helper?: string;
  /** Writes what it needs beyond random bytes. */
  readonly fill?: (memory: DataView) => void;
};

/** Marsaglia's xorshift32: the same bytes everywhere. */
const randomWords = (seed: number): (() => number) => {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
};

const writeBytes = (memory: DataView, offset: number, bytes: readonly number[]) => {
  bytes.forEach((byte, i) => void memory.setUint8(offset + i, byte));
};

const VLAN = [0x81, 0x00, 0x00, 0x2a];
const IPV4 = [0x08, 0x00];
const IPV6 = [0x86, 0xdd];
const TCP = 6;
const UDP = 17;

const ipv4 = (protocol: number, words = 5) => [0x40 | words, 0, 0, 60, 0, 1, 0, 0, 64, protocol];
const ipv6 = (next: number) => [0x60, 0, 0, 0, 0, 40, next, 64];

/** What follows the addresses of each of the eight frames: tags, type, and the start of the network header. */
const heads: readonly (readonly number[])[] = [
  [...IPV4, ...ipv4(TCP)],
  [...VLAN, ...IPV4, ...ipv4(UDP)],
  [...IPV6, ...ipv6(TCP)],
  [0x08, 0x06],
  [...IPV4, ...ipv4(UDP, 8)],
  [...VLAN, ...IPV6, ...ipv6(UDP)],
  [...IPV4, ...ipv4(1)],
  [...IPV4, ...ipv4(TCP, 15)],
];

const fillFrames = (memory: DataView) => {
  for (const [i, head] of heads.entries()) writeBytes(memory, i * 128 + 12, head);
};

/** A trie of 128 nodes: each of the first 63 has both children, a third of the rest one. */
const fillTrie = (memory: DataView) => {
  for (let node = 0; node < 128; node += 1) {
    const children =
      node < 63 ? [2 * node + 1, 2 * node + 2] : [0, node % 3 === 0 && node < 126 ? node + 1 : 0];
    memory.setUint16(node * 8, children[0]!, true);
    memory.setUint16(node * 8 + 2, children[1]!, true);
    memory.setUint32(node * 8 + 4, node % 2 === 0 ? 0 : node * 1000, true);
  }
};

/** What one byte does to a CRC-32 (IEEE 802.3, reflected). */
const crcOf = (byte: number): number => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  return crc >>> 0;
};

const fillCrcTable = (memory: DataView) => {
  for (let byte = 0; byte < 256; byte += 1) memory.setUint32(1024 + byte * 4, crcOf(byte), true);
};

const fillText = (memory: DataView) => {
  const word = [...Buffer.from('needle')];
  for (let i = 0; i < 512; i += 1) memory.setUint8(i, Buffer.from('needl xyz')[memory.getUint8(i) % 9]!);
  for (const at of [17, 200, 206, 411, 506]) writeBytes(memory, at, word);
  writeBytes(memory, 512, word);
};

const fillRing = (memory: DataView) => {
  memory.setUint32(16, 1000, true);
  memory.setUint32(20, 990, true);
};

export const programs: readonly PeerProgram[] = [
  { name: 'fibonacci', title: 'Fibonacci number 90', fill: (memory) => memory.setUint8(0, 90) },
  { name: 'loop_sum', title: 'sum of 1 to 1000, in a loop' },
  { name: 'fletcher32', title: 'Fletcher-32 of 512 bytes' },
  { name: 'fnv1a', title: 'FNV-1a of 256 bytes' },
  { name: 'crc32', title: 'CRC-32 of 256 bytes, by table', fill: fillCrcTable },
  { name: 'ip_checksum', title: 'IPv4 header checksum', fill: (memory) => memory.setUint8(0, 0x45) },
  { name: 'bubble_sort', title: 'bubble sort of 32 words' },
  { name: 'packet_parser', title: 'eight frames of five protocols', fill: fillFrames },
  {
    name: 'load_balancer',
    title: 'layer-4 load balancer',
    fill: (memory) => writeBytes(memory, 12, [...IPV4, ...ipv4(TCP)]),
  },
  { name: 'fir', title: 'FIR, 16 taps, 64 outputs' },
  { name: 'gemv', title: 'int8 GEMV, 64 × 64' },
  { name: 'histogram', title: 'histogram of 512 pixels' },
  { name: 'lpm', title: 'eight longest-prefix matches', fill: fillTrie },
  { name: 'ring_producer', title: 'ring buffer, 64 records', fill: fillRing },
  { name: 'string_search', title: 'a word in 512 letters', fill: fillText },
  { name: 'big_switch', title: 'switch of 32 cases, 128 times' },
];

/** Calling it costs what calling costs; every figure is net of that. */
export const empty: PeerProgram = { name: 'empty', title: 'nothing' };

/** What a program finds in its memory. */
export const memoryOf = (program: PeerProgram): Uint8Array => {
  const memory = new Uint8Array(MEMORY_BYTES);
  const view = new DataView(memory.buffer);
  const next = randomWords(0x2545f491);
  for (let i = 0; i < MEMORY_BYTES; i += 4) view.setUint32(i, next(), true);
  program.fill?.(view);
  return memory;
};
