/** A board in fastboot mode, whatever carries the packets: commands in, replies out (AOSP fastboot/README.md). */
import {
  SPARSE_CHUNK_HEADER_BYTES,
  SPARSE_HEADER_BYTES,
  SPARSE_MAGIC,
  sparseChunk,
} from '../../flasher/index.ts';

export type FastbootDeviceOptions = {
  readonly partitions?: Readonly<Record<string, number>>;
  readonly maxDownloadBytes?: number;
  /** What it says its limit is, where it lies. */
  readonly claimsLimit?: string;
  /** What it answers in place of the announced size of a download. */
  readonly claimsSize?: number;
  /** Reason that it refuses each write with. */
  readonly refusesWrites?: string;
  /** Replies with something that is no reply. */
  readonly babbles?: boolean;
  /** Unknown variables: newer devices fail, older ones answer with nothing. */
  readonly unknownVariable?: 'fail' | 'empty';
};

const hex8 = (value: number) => value.toString(16).padStart(8, '0');
const ok = (text = '') => `OKAY${text}`;
const fail = (text: string) => `FAIL${text}`;

export class FastbootDevice {
  readonly partitions = new Map<string, Buffer>();
  /** Image that it was told to start from memory. */
  started: Buffer | undefined;
  readonly commands: string[] = [];
  readonly #options: FastbootDeviceOptions;
  #wanted = 0;
  #parts: Buffer[] = [];
  #downloaded = Buffer.alloc(0);

  constructor(options: FastbootDeviceOptions = {}) {
    this.#options = options;
    for (const [name, bytes] of Object.entries(options.partitions ?? { boot: 1 << 20 })) {
      this.partitions.set(name, Buffer.alloc(bytes, 0xee));
    }
  }

  /** A packet from the host; the replies to it, in order. */
  input(packet: Uint8Array): string[] {
    if (this.#wanted > 0) return this.#data(Buffer.from(packet));
    const text = Buffer.from(packet).toString('latin1');
    this.commands.push(text);
    return this.#options.babbles ? ['hello?'] : this.#command(text);
  }

  #data(bytes: Buffer): string[] {
    this.#parts.push(bytes);
    this.#wanted -= bytes.length;
    if (this.#wanted > 0) return [];
    if (this.#wanted < 0) return [fail('more data than announced')];
    this.#downloaded = Buffer.concat(this.#parts);
    return [ok()];
  }

  #command(text: string): string[] {
    const colon = text.indexOf(':');
    const [verb, rest] = colon < 0 ? [text, ''] : [text.slice(0, colon), text.slice(colon + 1)];
    const handlers: Record<string, () => string[]> = {
      getvar: () => [this.#variable(rest)],
      download: () => [this.#download(Number.parseInt(rest, 16))],
      flash: () => this.#flash(rest),
      erase: () => [this.#erase(rest)],
      boot: () => [this.#boot()],
      continue: () => [ok()],
      reboot: () => [ok()],
      'reboot-bootloader': () => [ok()],
    };
    if (text.startsWith('oem ')) return [`INFO${text.slice(4)}`, ok()];
    return handlers[verb]?.() ?? [fail('unrecognized command')];
  }

  #variable(name: string): string {
    const [key = '', of = ''] = name.split(':');
    const size = this.partitions.get(of)?.length;
    const limit = this.#options.maxDownloadBytes ?? 1 << 16;
    const values: Record<string, string | undefined> = {
      version: '0.4',
      product: 'velocity-emulated',
      'max-download-size': this.#options.claimsLimit ?? `0x${hex8(limit)}`,
      'has-slot': size === undefined ? undefined : 'no',
      'is-logical': size === undefined ? undefined : 'no',
      'partition-type': size === undefined ? undefined : 'raw',
      'partition-size': size === undefined ? undefined : `0x${hex8(size)}`,
    };
    const value = values[key];
    if (value !== undefined) return ok(value);
    return this.#options.unknownVariable === 'empty' ? ok() : fail('unknown variable');
  }

  #download(bytes: number): string {
    const limit = this.#options.maxDownloadBytes ?? 1 << 16;
    if (!(bytes > 0 && bytes <= limit)) return fail('data too large');
    this.#wanted = bytes;
    this.#parts = [];
    return `DATA${hex8(this.#options.claimsSize ?? bytes)}`;
  }

  #flash(partition: string): string[] {
    const target = this.partitions.get(partition);
    if (!target) return [fail('partition does not exist')];
    if (this.#options.refusesWrites) return [fail(this.#options.refusesWrites)];
    const problem = writeImage(target, this.#downloaded);
    return problem ? [fail(problem)] : [`INFOwrote ${this.#downloaded.length} bytes`, ok()];
  }

  #erase(partition: string): string {
    const target = this.partitions.get(partition);
    if (!target) return fail('partition does not exist');
    target.fill(0xff);
    return ok();
  }

  #boot(): string {
    if (this.#downloaded.length === 0) return fail('no image');
    this.started = this.#downloaded;
    return ok();
  }
}

/** Writes a raw or sparse image; returns what is wrong with it. */
const writeImage = (target: Buffer, image: Buffer): string | undefined => {
  if (image.length >= SPARSE_HEADER_BYTES && image.readUInt32LE(0) === SPARSE_MAGIC)
    return unsparse(target, image);
  if (image.length > target.length) return 'image larger than the partition';
  image.copy(target);
  return undefined;
};

const unsparse = (target: Buffer, image: Buffer): string | undefined => {
  const block = image.readUInt32LE(12);
  const total = image.readUInt32LE(16);
  if (total * block > target.length) return 'image larger than the partition';
  let from = SPARSE_HEADER_BYTES;
  let to = 0;
  for (let chunk = image.readUInt32LE(20); chunk > 0; chunk--) {
    const type = image.readUInt16LE(from);
    const bytes = image.readUInt32LE(from + 4) * block;
    const data = image.subarray(from + SPARSE_CHUNK_HEADER_BYTES, from + image.readUInt32LE(from + 8));
    if (type === sparseChunk.raw && data.length !== bytes) return 'raw chunk of the wrong size';
    if (type === sparseChunk.raw) data.copy(target, to);
    else if (type === sparseChunk.fill) target.fill(data, to, to + bytes);
    else if (type !== sparseChunk.skip) return `unknown chunk ${type.toString(16)}`;
    from += image.readUInt32LE(from + 8);
    to += bytes;
  }
  if (from !== image.length) return 'bytes after the last chunk';
  return to === total * block ? undefined : 'chunks do not fill the image';
};
