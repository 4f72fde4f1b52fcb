/** A U-Boot prompt on a serial line, with `loady`, `crc32` and `booti`, and faults on demand. */
import { crc16, crc32, type SerialLine, ymodem } from '../../flasher/index.ts';

export type UBootFault = {
  /** Block that arrives damaged the first time. */
  readonly damagesBlock?: number;
  /** Every block arrives damaged. */
  readonly damagesAll?: boolean;
  /** Says nothing from this block on. */
  readonly silentAt?: number;
  /** Cancels at this block. */
  readonly cancelsAt?: number;
  /** The port vanishes at this block. */
  readonly unpluggedAt?: number;
  /** The port vanishes at this message from the host, whatever it is. */
  readonly leavesAt?: number;
  /** Counts other bytes than it received. */
  readonly claimsSize?: number;
  /** Keeps a wrong byte in its memory. */
  readonly corrupts?: boolean;
  readonly hasNoCrc32?: boolean;
  /** Empty lines that it prints before its CRC-32. */
  readonly chatter?: number;
  readonly refusesImage?: boolean;
  /** No fault: the loader before it handed it a device tree, as on a Jetson. */
  readonly wasHandedTree?: boolean;
  /** Is not at its prompt. */
  readonly isMute?: boolean;
  /** Each answer takes this long. */
  readonly delayMs?: number;
};

const PROMPT = '\r\n=> ';
const CTRL_C = 3;
const HEADER_BYTES = 3;
const CRC_BYTES = 2;
/** In a row, by which the sender cancels. */
const CANS = 3;

export class UBootBoard implements SerialLine {
  memory: Buffer = Buffer.alloc(0);
  started = false;
  /** Where it was told that the device tree lies. */
  tree: string | undefined;
  /** From the host. */
  messages = 0;
  readonly #fault: UBootFault;
  #input: Buffer = Buffer.alloc(0);
  #onData: (data: Uint8Array) => void = () => {};
  #onClose: (cause?: Error) => void = () => {};
  #receiver: YmodemReceiver | undefined;
  #gone = false;

  constructor(fault: UBootFault = {}) {
    this.#fault = fault;
  }

  /** Whether it waits for blocks, and takes no command. */
  get isReceiving(): boolean {
    return this.#receiver !== undefined;
  }

  describe(): string {
    return '/dev/ttyEMU0';
  }

  onData(listener: (data: Uint8Array) => void): void {
    this.#onData = listener;
  }

  onClose(listener: (cause?: Error) => void): void {
    this.#onClose = listener;
  }

  async write(data: Uint8Array): Promise<void> {
    if (this.#gone) throw new Error('closed');
    if (this.messages++ === this.#fault.leavesAt) return this.#unplug();
    this.#input = Buffer.concat([this.#input, data]);
    setTimeout(() => this.#work(), this.#fault.delayMs ?? 0);
  }

  #say(data: string | Uint8Array) {
    if (this.#gone || this.#fault.isMute) return;
    const bytes = typeof data === 'string' ? Buffer.from(data, 'latin1') : data;
    // A byte at a time, as on a line: nobody may take the beginning of a number for the whole.
    setTimeout(() => bytes.forEach((byte) => void this.#onData(Uint8Array.of(byte))), 0);
  }

  #work() {
    if (this.#receiver) {
      this.#input = this.#receiver.take(this.#input);
      return;
    }
    const interrupt = this.#input.lastIndexOf(CTRL_C);
    if (interrupt >= 0) {
      this.#input = this.#input.subarray(interrupt + 1); // what was typed before it is forgotten
      this.#say(`<INTERRUPT>${PROMPT}`);
    }
    const end = this.#input.indexOf(13);
    if (end < 0) return;
    const line = this.#input.subarray(0, end).toString('latin1');
    this.#input = this.#input.subarray(end + 1);
    this.#say(`${line}\r\n`); // U-Boot echoes
    this.#command(line);
  }

  #command(line: string) {
    const [verb = '', ...words] = line.split(' ');
    if (verb === 'loady') return this.#loady();
    if (verb === 'crc32' && !this.#fault.hasNoCrc32) return this.#crc32(Number.parseInt(words[1] ?? '', 16));
    if (verb === 'printenv') return this.#printenv(words[0] ?? '');
    if (verb === 'booti') return this.#booti(words[2]);
    this.#say(verb ? `Unknown command '${verb}' - try 'help'${PROMPT}` : PROMPT);
  }

  #loady() {
    this.#say('## Ready for binary (ymodem) download to 0x40400000 at 115200 bps...\r\n');
    this.#receiver = new YmodemReceiver(this.#fault, (bytes) => this.#say(bytes), {
      cancel: () => this.#cancelled(),
      unplug: () => this.#unplug(),
      done: (memory) => this.#loaded(memory),
    });
    this.#receiver.begin();
  }

  #cancelled() {
    this.#receiver = undefined;
    this.#say(`xyzModem - Cancelled(CAN)${PROMPT}`);
  }

  #loaded(memory: Buffer) {
    this.#receiver = undefined;
    this.memory = memory;
    if (this.#fault.corrupts) memory[100]! ^= 1;
    const size = this.#fault.claimsSize ?? memory.length;
    this.#say(`## Total Size      = 0x${size.toString(16).padStart(8, '0')} = ${size} Bytes${PROMPT}`);
  }

  #crc32(size: number) {
    const sum = crc32(this.memory.subarray(0, size)).toString(16).padStart(8, '0');
    this.#say('\n'.repeat(this.#fault.chatter ?? 0));
    this.#say(`crc32 for 40400000 ... ${(0x40400000 + size - 1).toString(16)} ==> ${sum}${PROMPT}`);
  }

  #printenv(name: string) {
    const known = name === 'fdt_addr' && this.#fault.wasHandedTree;
    this.#say(`${known ? 'fdt_addr=83100000' : `## Error: "${name}" not defined`}${PROMPT}`);
  }

  #booti(tree: string | undefined) {
    if (this.#fault.refusesImage) return this.#say(`Bad Linux ARM64 Image magic!${PROMPT}`);
    this.tree = tree;
    this.started = true;
    this.#say('\r\nStarting kernel ...\r\n\r\n');
  }

  #unplug() {
    this.#gone = true;
    this.#onClose(new Error('the port vanished'));
  }
}

type Ends = {
  readonly unplug: () => void;
  readonly cancel: () => void;
  readonly done: (memory: Buffer) => void;
};

class YmodemReceiver {
  readonly #fault: UBootFault;
  readonly #say: (bytes: Uint8Array) => void;
  readonly #ends: Ends;
  #size = 0;
  #expected = 0;
  #damaged = false;
  #ended = false;
  #cans = 0;
  #parts: Buffer[] = [];

  constructor(fault: UBootFault, say: (bytes: Uint8Array) => void, ends: Ends) {
    this.#fault = fault;
    this.#say = say;
    this.#ends = ends;
  }

  begin(): void {
    this.#say(Uint8Array.of(ymodem.crc));
  }

  /** @returns the bytes that it does not need yet */
  take(input: Buffer): Buffer {
    for (let rest = input; ; ) {
      const [kind] = rest;
      if (kind === ymodem.eot) {
        this.#ended = true;
        this.#say(Uint8Array.of(ymodem.ack, ymodem.crc));
        rest = rest.subarray(1);
        continue;
      }
      this.#cans = kind === ymodem.can ? this.#cans + 1 : 0;
      if (kind === ymodem.can && this.#cans < CANS) {
        rest = rest.subarray(1);
        continue;
      }
      if (kind === ymodem.can) {
        this.#ends.cancel();
        return Buffer.alloc(0);
      }
      if (kind !== ymodem.soh && kind !== ymodem.stx) return kind === undefined ? rest : Buffer.alloc(0);
      const length = HEADER_BYTES + (kind === ymodem.stx ? 1024 : 128) + CRC_BYTES;
      if (rest.length < length) return rest;
      this.#block(Buffer.from(rest.subarray(0, length)));
      rest = rest.subarray(length);
    }
  }

  #block(block: Buffer) {
    const number = this.#expected;
    if (this.#fault.unpluggedAt === number) return this.#ends.unplug();
    if (this.#fault.silentAt !== undefined && number >= this.#fault.silentAt) return;
    if (this.#fault.cancelsAt === number) return this.#say(new Uint8Array(3).fill(ymodem.can));
    const damages = this.#fault.damagesAll || (this.#fault.damagesBlock === number && !this.#damaged);
    if (damages) {
      this.#damaged = true;
      block[HEADER_BYTES]! ^= 0xff;
    }
    const data = block.subarray(HEADER_BYTES, -CRC_BYTES);
    if (crc16(data) !== block.readUInt16BE(block.length - CRC_BYTES))
      return this.#say(Uint8Array.of(ymodem.nak));
    if (this.#ended) return this.#end();
    this.#accept(block[1]!, data);
  }

  #accept(number: number, data: Buffer) {
    if (this.#expected === 0) {
      this.#size = Number.parseInt(data.toString('latin1').split('\0')[1] ?? '', 10);
      this.#expected = 1;
      return this.#say(Uint8Array.of(ymodem.ack, ymodem.crc));
    }
    if (number === (this.#expected & 0xff)) {
      this.#parts.push(data);
      this.#expected += 1;
    }
    this.#say(Uint8Array.of(ymodem.ack));
  }

  #end() {
    this.#say(Uint8Array.of(ymodem.ack));
    this.#ends.done(Buffer.concat(this.#parts).subarray(0, this.#size));
  }
}
