/** Fastboot: client, sparse images, and the three transports. */
export { FastbootClient, type FastbootEvent, type FastbootLimits, fastbootLimits } from './client.ts';
export {
  SPARSE_BLOCK_BYTES,
  SPARSE_CHUNK_HEADER_BYTES,
  SPARSE_HEADER_BYTES,
  SPARSE_MAGIC,
  sparseChunk,
  sparsePieces,
} from './sparse.ts';
export { openFastbootTcp } from './tcp.ts';
export { FASTBOOT_PORT, type FastbootTransport } from './transport.ts';
export {
  openFastbootUdp,
  UDP_CONTINUES,
  UDP_HEADER_BYTES,
  UDP_VERSION,
  u16s,
  udpId,
  udpPacket,
} from './udp.ts';
export { fastbootInterface, openFastbootUsb } from './usb.ts';
