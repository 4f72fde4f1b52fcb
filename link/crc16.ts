/** CRC-16/XMODEM: polynomial 0x1021, initial value 0, not reflected. Check value of "123456789" is 0x31c3. */

const POLYNOMIAL = 0x1021;

const tableEntry = (byte: number) => {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ POLYNOMIAL : crc << 1;
  return crc & 0xffff;
};

const table = Uint16Array.from({ length: 256 }, (_, byte) => tableEntry(byte));

export const crc16 = (data: Uint8Array): number => {
  let crc = 0;
  for (const byte of data) crc = ((crc << 8) ^ table[((crc >> 8) ^ byte) & 0xff]!) & 0xffff;
  return crc;
};
