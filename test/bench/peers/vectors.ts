/** The programs of the vector benchmark: one for each helper of abi/vectors.ts, in ../programs/vectors.c. */
import { vectors } from '../../../abi/index.ts';
import type { PeerProgram } from './programs.ts';

const BYTES = 960;
const SECOND_AT = 1024;

const crcOf = (byte: number): number => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  return crc >>> 0;
};

/** What a helper needs of its memory beyond random bytes. */
const fills: Readonly<Record<string, (memory: DataView) => void>> = {
  mem_compare: (memory) => {
    for (let i = 0; i < BYTES; i += 1) memory.setUint8(SECOND_AT + i, memory.getUint8(i));
  },
  mem_find: (memory) => {
    for (let i = 0; i < 2 * BYTES; i += 1) memory.setUint8(i, memory.getUint8(i) & 0xa5);
  },
  crc32: (memory) => {
    for (let byte = 0; byte < 256; byte += 1) memory.setUint32(1024 + byte * 4, crcOf(byte), true);
  },
};

const titles: Readonly<Record<string, string>> = {
  mem_copy: '960 bytes',
  mem_fill: '960 bytes',
  mem_xor: '960 bytes',
  mem_compare: '960 bytes, all equal',
  mem_find: '1920 bytes, not found',
  checksum: '1500 bytes',
  crc32: '960 bytes; the loop goes by table',
  sum_u8: '1920',
  sum_u16: '960',
  sum_i32: '480',
  dot_i8: '960',
  dot_i16: '480',
  gemv_i8: '32 × 48',
  fir_i16: '128 outputs, 16 taps',
  min_u8: '1920',
  min_u16: '960',
  min_i32: '480',
  max_u8: '1920',
  max_u16: '960',
  max_i32: '480',
  argmax_u8: '1920',
  argmax_u16: '960',
  argmax_i32: '480',
  histogram_u8: '960 bytes',
};

/** Each computes the same as a loop and by its helper. */
export const vectorPrograms: readonly PeerProgram[] = Object.keys(vectors).map((helper) => {
  const short = helper.replace(/^vl_/, '');
  const fill = fills[short];
  return { name: `v_${short}`, title: titles[short] ?? '', helper, ...(fill ? { fill } : {}) };
});
