/**
 * The USB boot ROM of a Raspberry Pi, and the second stage that it starts, as a host sees them.
 * Source: Raspberry Pi usbboot (main.c); which files a board asks for: strings in its firmware, see `defaultScript`.
 */
import { type Chip, chips, type UsbSetup } from '../../flasher/index.ts';
import { type Fault, FaultPlan, withFaults } from './faults.ts';
import type { UsbSocket } from './usb-bus.ts';
import { bulk, Stall, Unplug, type UsbFunction } from './usb-function.ts';

export type ChipName = Chip['name'];

/** What the second stage asks for: sizes and contents of files, in this order; `raw` is sent as it is. */
export type ScriptStep =
  | { readonly ask: 'size' | 'read'; readonly name: string }
  | { readonly ask: 'raw'; readonly message: Uint8Array }
  | { readonly ask: 'done' };

export type BootRomOptions = {
  readonly fault?: Fault;
  /** Port it comes back on after the first stage, where that is another one. */
  readonly reappearsAt?: string;
  /** Time it is gone between the stages. */
  readonly awayMs?: number;
  /** Comes back with the ids of this chip. */
  readonly reappearsAs?: ChipName;
  /** Never comes back after the first stage. */
  readonly staysAway?: boolean;
  /** What the ROM answers to the second stage; 0 is "ok". */
  readonly status?: number;
  readonly script?: readonly ScriptStep[];
  /** Leaves USB after the script, in place of sending "done". */
  readonly leaves?: boolean;
  /** Told each file when its last byte came, the second stage as `bootcode`. */
  readonly onFile?: (name: string, bytes: Uint8Array) => void;
  /** Told when it has asked for everything. */
  readonly onEnd?: () => void;
};

const fileCommands = { size: 0, read: 1, done: 2 } as const;
const BOOT_MESSAGE_BYTES = 24;

const both = (name: string): ScriptStep[] => [
  { ask: 'size', name },
  { ask: 'read', name },
];

/** A kernel that starts from RAM. The true order is not known: it has to be taken from a board. */
export const defaultScript = (chip: ChipName): ScriptStep[] => {
  const metadata: ScriptStep[] =
    chip === 'BCM2711' || chip === 'BCM2712' ? [{ ask: 'size', name: '*BOARD_REV*b03115' }] : [];
  const start = { BCM2835: 'start.elf', BCM2837: 'start.elf', BCM2711: 'start4.elf', BCM2712: 'bcm2712.dtb' };
  return [
    ...metadata,
    { ask: 'size', name: 'autoboot.txt' },
    ...both('config.txt'),
    ...both(start[chip]),
    ...both('kernel8.img'),
    { ask: 'done' },
  ];
};

export const fileMessage = (command: number, name: string): Uint8Array => {
  const message = new Uint8Array(260);
  new DataView(message.buffer).setInt32(0, command, true);
  message.set(Buffer.from(name, 'latin1').subarray(0, 256), 4);
  return message;
};

const toMessage = (step: ScriptStep): Uint8Array => {
  if (step.ask === 'raw') return step.message;
  return fileMessage(fileCommands[step.ask], step.ask === 'done' ? '' : step.name);
};

const announced = ({ value, index }: UsbSetup) => value | (index << 16);

/** Collects the bytes that a control transfer announced. */
class Inbox {
  #left = 0;
  #parts: Uint8Array[] = [];
  #done: (bytes: Uint8Array) => void = () => {};

  announce(length: number, done: (bytes: Uint8Array) => void): void {
    this.#left = length;
    this.#parts = [];
    this.#done = done;
  }

  take(data: Uint8Array): void {
    if (data.length > this.#left) throw new Stall(); // more than was announced
    this.#parts.push(data.slice());
    this.#left -= data.length;
    if (this.#left === 0) this.#done(Buffer.concat(this.#parts));
  }
}

/** Both stages of one board: plug it in with `plugIn`; what it was sent stands in `received`. */
export class BootRom {
  readonly chip: Chip;
  readonly received = new Map<string, Uint8Array>();
  readonly sizes = new Map<string, number>();
  #finished = false;
  readonly #options: BootRomOptions;
  readonly #socket: UsbSocket;
  readonly #plan: FaultPlan;
  #location = '';
  #current: UsbFunction | undefined;

  constructor(chip: ChipName, socket: UsbSocket, options: BootRomOptions = {}) {
    this.chip = chips.find(({ name }) => name === chip)!;
    this.#socket = socket;
    this.#options = options;
    this.#plan = new FaultPlan(options.fault, () => this.unplug());
  }

  /** Whether it got a kernel and ended the conversation by itself. */
  get booted(): boolean {
    return this.#finished && this.received.has('kernel8.img');
  }

  /** Transfers so far, over both stages. */
  get transfers(): number {
    return this.#plan.transfers;
  }

  plugIn(location = '1-1'): void {
    this.#location = location;
    this.#attach(this.#stage(this.chip, this.#romSerialIndex(), this.#rom()), location);
  }

  /** A board that was sent its second stage earlier, by whomever. */
  plugInSecondStage(location = '1-1'): void {
    this.#attach(this.#stage(this.chip, 1, this.#fileClient()), location);
  }

  /** usbboot accepts 0 and 3; balena's notes say 3 for the CM4. */
  #romSerialIndex(): number {
    return this.chip.name === 'BCM2711' ? 3 : 0;
  }

  #stage(
    chip: Chip,
    serialIndex: number,
    behaviour: Omit<UsbFunction, 'descriptor' | 'bulkIn'>,
  ): UsbFunction {
    const endpoints = [bulk(1, 'out'), bulk(2, 'in')];
    const descriptor = {
      ids: chip.ids,
      serialIndex,
      serial: serialIndex === 0 ? undefined : '0123456789abcdef',
      deviceClass: { code: 0, subclass: 0, protocol: 0 },
      interfaces: [{ number: 0, classCode: 0xff, subclassCode: 0, protocolCode: 0, endpoints }],
    };
    const bulkIn = () => Promise.reject(new Stall()); // the IN endpoint is never used
    const { serial, ...rest } = descriptor;
    return withFaults({ descriptor: serial ? { ...rest, serial } : rest, bulkIn, ...behaviour }, this.#plan);
  }

  #rom() {
    const inbox = new Inbox();
    let length: number | undefined;
    let taken = false;
    const onHeader = (header: Uint8Array) => {
      length = new DataView(header.buffer, header.byteOffset).getInt32(0, true);
    };
    const onCode = (code: Uint8Array) => {
      if (code.length !== length) throw new Stall();
      this.#keep('bootcode', code);
      taken = true;
    };
    return {
      controlOut: async (setup: UsbSetup) => {
        const bytes = announced(setup);
        if (length === undefined && bytes !== BOOT_MESSAGE_BYTES) throw new Stall();
        inbox.announce(bytes, length === undefined ? onHeader : onCode);
      },
      bulkOut: async (_endpoint: number, data: Uint8Array) => inbox.take(data),
      controlIn: async () => {
        if (!taken) throw new Stall();
        const status = new Uint8Array(4);
        new DataView(status.buffer).setInt32(0, this.#options.status ?? 0, true);
        if (!this.#options.status) setTimeout(() => this.#startSecondStage(), 0);
        return status;
      },
    };
  }

  #keep(name: string, bytes: Uint8Array): void {
    this.received.set(name, bytes);
    this.#options.onFile?.(name, bytes);
  }

  #end(): void {
    this.#finished = true;
    this.#options.onEnd?.();
  }

  #startSecondStage(): void {
    this.unplug();
    if (this.#options.staysAway) return;
    const { reappearsAs, reappearsAt, awayMs = 5 } = this.#options;
    const chip = reappearsAs ? chips.find(({ name }) => name === reappearsAs)! : this.chip;
    setTimeout(() => {
      this.#attach(this.#stage(chip, 1, this.#fileClient()), reappearsAt ?? this.#location);
    }, awayMs);
  }

  #fileClient() {
    const script = [...(this.#options.script ?? defaultScript(this.chip.name))];
    const inbox = new Inbox();
    let asked: ScriptStep | undefined;
    return {
      controlIn: async () => {
        asked = script.shift();
        if (!asked && this.#options.leaves) {
          this.#end();
          throw new Unplug();
        }
        if (!asked) return new Promise<never>(() => {});
        if (asked.ask === 'done') this.#end();
        return toMessage(asked);
      },
      controlOut: async (setup: UsbSetup) => {
        const step = asked;
        const bytes = announced(setup);
        if (step?.ask === 'size') this.sizes.set(step.name, bytes);
        if (step?.ask !== 'read') return;
        if (bytes > 0) inbox.announce(bytes, (data) => this.#keep(step.name, data));
      },
      bulkOut: async (_endpoint: number, data: Uint8Array) => inbox.take(data),
    };
  }

  /** Pulls the plug, whatever stage it is in. */
  unplug(): void {
    if (this.#current) this.#socket.detach(this.#current);
    this.#current = undefined;
  }

  #attach(device: UsbFunction, location: string): void {
    this.#current = device;
    this.#socket.attach(device, location);
  }
}
