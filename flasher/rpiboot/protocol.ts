/** Messages between a Raspberry Pi in USB boot and its host. Source: Raspberry Pi usbboot, main.c. Little endian. */
import { BadDeviceError, UsbMemoryError } from '../errors.ts';
import type { UsbDevice, UsbInterface, UsbSetup } from '../usb/index.ts';

/** `boot_message_t`: int32 length, then 20 bytes of signature, zero on boards that are not locked. */
export const BOOT_MESSAGE_BYTES = 24;
/** `file_message`: int32 command, then the name in 256 bytes. */
export const FILE_MESSAGE_BYTES = 260;
const NAME_AT = 4;

export const fileCommands = ['size', 'read', 'done'] as const;
export type FileRequest = { readonly command: (typeof fileCommands)[number]; readonly name: string };

/** Length in the setup packet: low half in wValue, high half in wIndex. */
const request = (length: number): UsbSetup => ({
  type: 'vendor',
  recipient: 'device',
  request: 0,
  value: length & 0xffff,
  index: length >>> 16,
});

export type Limits = {
  /** Announcing a length, and status reads. */
  readonly controlMs: number;
  /** One chunk of a file; a slow device takes much less. */
  readonly bulkMs: number;
  /** The board's next request: it is silent while it starts what it was sent. */
  readonly requestMs: number;
  /** Re-enumeration between the stages. */
  readonly reappearMs: number;
};

export const defaultLimits: Limits = {
  controlMs: 1000,
  bulkMs: 5000,
  requestMs: 20_000,
  reappearMs: 10_000,
};

/** A smooth progress bar on a slow device; on a fast one turnaround would count, and what each transfer costs the host. */
const FIRST_CHUNK_BYTES = 256 * 1024;
const SMALLEST_CHUNK_BYTES = 16 * 1024;
const LARGEST_CHUNK_BYTES = 4 * 1024 * 1024;
/** A chunk that takes less is followed by one of twice the size. */
const SHORT_MS = 100;

/** One open device, and the endpoint that files go to. */
export class BootPort {
  readonly device: UsbDevice;
  readonly #endpoint: number;
  readonly #limits: Limits;
  #chunkBytes = FIRST_CHUNK_BYTES;
  #largest = LARGEST_CHUNK_BYTES;

  constructor(device: UsbDevice, endpoint: number, limits: Limits) {
    this.device = device;
    this.#endpoint = endpoint;
    this.#limits = limits;
  }

  /** The length by a control transfer, then the bytes; `onSent` is told after each chunk. */
  async write(bytes: Uint8Array, onSent: (sent: number) => void = () => {}): Promise<void> {
    await this.announce(bytes.length);
    for (let at = 0; at < bytes.length; onSent(at)) at += await this.#sendFrom(bytes, at);
  }

  /** One chunk; a smaller one where the system has no memory for it. @returns its length */
  async #sendFrom(bytes: Uint8Array, at: number): Promise<number> {
    const chunk = bytes.subarray(at, at + this.#chunkBytes);
    const from = performance.now();
    try {
      await this.device.bulkOut(this.#endpoint, chunk, this.#limits.bulkMs);
    } catch (error) {
      if (!(error instanceof UsbMemoryError) || chunk.length <= SMALLEST_CHUNK_BYTES) throw error;
      this.#chunkBytes = chunk.length >>> 1;
      this.#largest = this.#chunkBytes;
      return 0;
    }
    const isShort = performance.now() - from < SHORT_MS && chunk.length === this.#chunkBytes;
    if (isShort) this.#chunkBytes = Math.min(2 * this.#chunkBytes, this.#largest);
    return chunk.length;
  }

  /** The answer to a size request is a length with no bytes behind it; 0 also means "no such file". */
  announce(length: number): Promise<void> {
    return this.device.controlOut(request(length), new Uint8Array(), this.#limits.controlMs);
  }

  /** @throws BadDeviceError on a short answer */
  async read(length: number): Promise<Uint8Array> {
    const answer = await this.device.controlIn(request(length), length, this.#limits.requestMs);
    if (answer.length === length) return answer;
    throw new BadDeviceError(this.device.name, `answered ${answer.length} bytes where ${length} are due`);
  }
}

/** usbboot: one interface → number 0; else number 1, since a BCM2837 may show mass storage first. */
export const bootInterface = (device: UsbDevice): { number: number; endpoint: number } => {
  const { interfaces } = device;
  const wanted = interfaces.length <= 1 ? interfaces[0] : interfaces.find(({ number }) => number === 1);
  const endpoint = wanted?.endpoints.find(isBulkOut)?.number;
  if (wanted && endpoint !== undefined) return { number: wanted.number, endpoint };
  return interfaces.length <= 1 ? { number: 0, endpoint: 1 } : { number: 1, endpoint: 3 };
};

const isBulkOut = ({ type, direction }: UsbInterface['endpoints'][number]) =>
  type === 'bulk' && direction === 'out';

export const bootMessage = (length: number): Uint8Array => {
  const message = new Uint8Array(BOOT_MESSAGE_BYTES);
  new DataView(message.buffer).setInt32(0, length, true);
  return message;
};

/** @throws BadDeviceError on a command that does not exist or a name without end */
export const parseFileRequest = (device: string, message: Uint8Array): FileRequest => {
  const number = new DataView(message.buffer, message.byteOffset).getInt32(0, true);
  const command = fileCommands[number];
  if (!command) throw new BadDeviceError(device, `sent the command ${number}, which does not exist`);
  const name = message.subarray(NAME_AT);
  const end = name.indexOf(0);
  if (end < 0) throw new BadDeviceError(device, 'sent a file name without an end');
  return { command, name: Buffer.from(name.subarray(0, end)).toString('latin1') };
};
