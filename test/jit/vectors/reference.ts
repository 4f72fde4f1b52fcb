/** The vector helpers once more, from their documentation (abi/vectors.ts), on bytes and offsets: independent of the C. */

/** Memory before the call in, memory after it out; the result is undefined for helpers without one. */
export type Reference = (memory: Uint8Array, args: readonly bigint[]) => bigint | undefined;

type Element = 'u8' | 'u16' | 'i8' | 'i16' | 'i32' | 'u32';
const size: Record<Element, number> = { u8: 1, i8: 1, u16: 2, i16: 2, i32: 4, u32: 4 };

const elements = (memory: Uint8Array, type: Element, at: bigint, n: bigint): number[] => {
  const view = new DataView(memory.buffer, memory.byteOffset);
  const read = {
    u8: (o: number) => view.getUint8(o),
    i8: (o: number) => view.getInt8(o),
    u16: (o: number) => view.getUint16(o, true),
    i16: (o: number) => view.getInt16(o, true),
    i32: (o: number) => view.getInt32(o, true),
    u32: (o: number) => view.getUint32(o, true),
  }[type];
  return Array.from({ length: Number(n) }, (_, i) => read(Number(at) + i * size[type]));
};

const bytesOf = (memory: Uint8Array, at: bigint, n: bigint) => memory.slice(Number(at), Number(at + n));
const total = (values: readonly number[]) => values.reduce((sum, v) => sum + BigInt(v), 0n);
const products = (a: readonly number[], b: readonly number[]) =>
  a.reduce((sum, v, i) => sum + BigInt(v) * BigInt(b[i]!), 0n);
const u64 = (value: bigint) => BigInt.asUintN(64, value);

const CRC_TABLE = Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  return crc >>> 0;
});

const checksum: Reference = (m, [data, n, seed]) => {
  let sum = BigInt.asUintN(32, seed!);
  const bytes = bytesOf(m, data!, n!);
  for (let i = 0; i < bytes.length; i += 2) sum += BigInt(bytes[i]! | ((bytes[i + 1] ?? 0) << 8));
  return sum === 0n ? 0n : ((sum - 1n) % 65535n) + 1n;
};

const fir: Reference = (m, [out, samples, weights, n, taps]) => {
  const w = elements(m, 'i16', weights!, taps!);
  const s = elements(m, 'i16', samples!, n! + taps! - 1n);
  const view = new DataView(m.buffer, m.byteOffset);
  for (let i = 0; i < Number(n); i++) {
    const sum = BigInt.asIntN(32, products(w, s.slice(i, i + w.length)));
    const rounded = Number((sum + 16384n) >> 15n);
    view.setInt16(Number(out) + 2 * i, Math.min(32767, Math.max(-32768, rounded)), true);
  }
  return undefined;
};

const gemv: Reference = (m, [out, matrix, vector, rows, columns]) => {
  const v = elements(m, 'i8', vector!, columns!);
  const results = Array.from({ length: Number(rows) }, (_, r) =>
    products(elements(m, 'i8', matrix! + BigInt(r) * columns!, columns!), v),
  );
  const view = new DataView(m.buffer, m.byteOffset);
  for (const [r, sum] of results.entries())
    view.setInt32(Number(out) + 4 * r, Number(BigInt.asIntN(32, sum)), true);
  return undefined;
};

const memory: Record<string, Reference> = {
  vl_mem_copy: (m, [to, from, n]) => void m.set(bytesOf(m, from!, n!), Number(to)),
  vl_mem_fill: (m, [to, byte, n]) => void m.fill(Number(byte! & 255n), Number(to), Number(to! + n!)),
  vl_mem_xor: (m, [to, from, n]) => {
    const b = bytesOf(m, from!, n!);
    m.set(
      bytesOf(m, to!, n!).map((v, i) => v ^ b[i]!),
      Number(to),
    );
    return undefined;
  },
  vl_mem_compare: (m, [a, b, n]) => {
    const right = bytesOf(m, b!, n!);
    const differs = [...bytesOf(m, a!, n!)].map((v, i) => v - right[i]!).find((d) => d !== 0);
    return u64(BigInt(differs ?? 0));
  },
  vl_mem_find: (m, [data, n, byte]) => u64(BigInt(bytesOf(m, data!, n!).indexOf(Number(byte! & 255n)))),
  vl_histogram_u8: (m, [bins, data, n]) => {
    const view = new DataView(m.buffer, m.byteOffset);
    for (const value of bytesOf(m, data!, n!)) {
      const at = Number(bins) + 4 * value;
      view.setUint32(at, (view.getUint32(at, true) + 1) >>> 0, true);
    }
    return undefined;
  },
};

const sums: Record<string, Reference> = {
  vl_checksum: checksum,
  vl_crc32: (m, [data, n, crc]) => {
    let state = ~Number(BigInt.asUintN(32, crc!)) >>> 0;
    for (const byte of bytesOf(m, data!, n!)) state = (state >>> 8) ^ CRC_TABLE[(state ^ byte) & 255]!;
    return BigInt(~state >>> 0);
  },
  vl_dot_i8: (m, [a, b, n]) =>
    u64(BigInt.asIntN(32, products(elements(m, 'i8', a!, n!), elements(m, 'i8', b!, n!)))),
  vl_dot_i16: (m, [a, b, n]) => u64(products(elements(m, 'i16', a!, n!), elements(m, 'i16', b!, n!))),
  vl_gemv_i8: gemv,
  vl_fir_i16: fir,
};

const typed = (type: 'u8' | 'u16' | 'i32'): Record<string, Reference> => {
  const all = (m: Uint8Array, args: readonly bigint[]) => elements(m, type, args[0]!, args[1]!);
  return {
    [`vl_sum_${type}`]: (m, args) => u64(total(all(m, args))),
    [`vl_min_${type}`]: (m, args) => u64(BigInt(Math.min(...all(m, args)))),
    [`vl_max_${type}`]: (m, args) => u64(BigInt(Math.max(...all(m, args)))),
    [`vl_argmax_${type}`]: (m, args) => {
      const values = all(m, args);
      return BigInt(values.indexOf(Math.max(...values)));
    },
  };
};

export const references: Readonly<Record<string, Reference>> = {
  ...memory,
  ...sums,
  ...typed('u8'),
  ...typed('u16'),
  ...typed('i32'),
};
