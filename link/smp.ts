/** SMP messages (Zephyr smp_protocol.rst): an 8-byte header, big endian, and a CBOR map. */

export const SMP_VERSION_2 = 1;
export const SMP_HEADER_BYTES = 8;

export const smpGroups = { os: 0, image: 1, stat: 2 } as const;
export const osCommands = { echo: 0, taskstat: 2, mpstat: 3, reset: 5, params: 6 } as const;
export const statCommands = { show: 0, list: 1 } as const;
/** Operations; the reply to one is that number + 1. */
export const smpOps = { read: 0, write: 2 } as const;

export type SmpMessage = {
  readonly op: number;
  readonly group: number;
  readonly seq: number;
  readonly id: number;
  readonly payload: Uint8Array;
  /** SMP defines none; the board answers with those of the request. Default 0. */
  readonly flags?: number;
};

/** Header as in smp_protocol.rst: `res:3 ver:2 op:3 | flags | len u16 | group u16 | seq u8 | cmd u8`. */
export const encodeMessage = (message: SmpMessage): Uint8Array => {
  const out = Buffer.alloc(SMP_HEADER_BYTES + message.payload.length);
  out.writeUInt8((SMP_VERSION_2 << 3) | message.op, 0);
  out.writeUInt8(message.flags ?? 0, 1);
  out.writeUInt16BE(message.payload.length, 2);
  out.writeUInt16BE(message.group, 4);
  out.writeUInt8(message.seq, 6);
  out.writeUInt8(message.id, 7);
  out.set(message.payload, SMP_HEADER_BYTES);
  return out;
};

/** Undefined when the bytes are no SMP message. */
export const decodeMessage = (bytes: Uint8Array): SmpMessage | undefined => {
  if (bytes.length < SMP_HEADER_BYTES) return undefined;
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.readUInt16BE(2) !== view.length - SMP_HEADER_BYTES) return undefined;
  return {
    op: view.readUInt8(0) & 7,
    flags: view.readUInt8(1),
    group: view.readUInt16BE(4),
    seq: view.readUInt8(6),
    id: view.readUInt8(7),
    payload: view.subarray(SMP_HEADER_BYTES),
  };
};
