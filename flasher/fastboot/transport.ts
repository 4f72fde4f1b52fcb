/** What carries fastboot packets: USB, TCP or UDP. */

export interface FastbootTransport {
  readonly name: string;
  /** Largest piece of data that is handed over at once. */
  readonly chunkBytes: number;
  /** One command, or one piece of a download. */
  send(packet: Uint8Array, timeoutMs: number): Promise<void>;
  /** One reply. */
  receive(timeoutMs: number): Promise<Uint8Array>;
  /** Idempotent, never throws. */
  close(): Promise<void>;
}

/** AOSP's port; U-Boot's is the same. */
export const FASTBOOT_PORT = 5554;
/** Longest reply: AOSP 256 bytes, U-Boot 64. */
export const REPLY_BYTES = 256;
/** Longest command, without a NUL. */
export const COMMAND_BYTES = 64;

export const networkCauses = [
  'the board is not in fastboot mode (U-Boot: `fastboot udp` or `fastboot tcp`)',
  'the address is wrong',
  'a firewall lies between',
] as const;
