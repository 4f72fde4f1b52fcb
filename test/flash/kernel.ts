/** A running kernel in this process that takes an image into its memory (SMP group 1) and starts it, with faults on demand. */
import { createHash } from 'node:crypto';
import { imageCommands, imageNumbers, SMP_GROUP_IMAGE, slotStates, statusNamed } from '../../abi/index.ts';
import type { RunningBoard, UpdateFile } from '../../flasher/index.ts';
import { type LinkOptions, VelocityLink } from '../../link/index.ts';
import { boardInfo, type FakeBoard, fakeBoard, Refusal } from '../../link/test/fake-board.ts';

export type KernelFault =
  /** The port vanishes at this request; nothing is said from it on; its answer is cut; it comes late. */
  | { readonly kind: 'unplug' | 'silent' | 'short' | 'slow'; readonly at: number }
  /** Says that it took more than it was sent. */
  | { readonly kind: 'lying-size' }
  /** The new image is not the one that was sent, or no new one at all; or nothing is heard of it. */
  | { readonly kind: 'other-build' | 'not-started' | 'mute' }
  | { readonly kind: 'wrong-board' }
  /** Took a newer image before. */
  | { readonly kind: 'older' };

const MODEL = 'Raspberry Pi 4 Model B';
const OS_GROUP = 0;
const OS_RESET = 5;
/** Later than a patient host waits for the answer to a chunk. */
const SLOW_MS = 1500;
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest();

export class EmulatedKernel {
  received = Buffer.alloc(0);
  /** Offset of each chunk that came. */
  readonly offsets: number[] = [];
  build = 'ab'.repeat(20);
  starts = 1;
  #wanted: { len: number; sha: Buffer } | undefined;
  #state = 'empty' as keyof typeof slotStates;
  #fault: KernelFault | undefined;
  #board!: FakeBoard;
  #reset: NodeJS.Timeout | undefined;
  /** Since it was plugged in. */
  requests = 0;

  /** What it becomes when it starts the image. */
  readonly next: string;

  constructor(next: string) {
    this.next = next;
  }

  /** Plugs it in again, with another fault or none: what it holds stays. */
  async open(fault?: KernelFault, options: LinkOptions = {}): Promise<VelocityLink> {
    return VelocityLink.over(this.plug(fault), { retries: 0, ...options });
  }

  /** Its end of the line. A restart that was asked for is over by then: nobody plugs it in again that quickly. */
  plug(fault?: KernelFault): FakeBoard['transport'] {
    if (this.#reset !== undefined) this.#restart();
    this.#fault = fault;
    this.requests = 0;
    const info = () => {
      const board = this.#fault?.kind === 'wrong-board' ? 'Raspberry Pi 3 Model B' : MODEL;
      return { ...boardInfo, board, build: this.build, boot: new Uint8Array(16).fill(this.starts) };
    };
    this.#board = fakeBoard(
      { info },
      { mangle: (frame) => this.#mangle(frame) },
      {
        [SMP_GROUP_IMAGE]: (id, value) => this.#image(id, value),
        [OS_GROUP]: (id) => this.#os(id) as object,
      },
    );
    return this.#board.transport;
  }

  async #mangle(frame: Uint8Array): Promise<Uint8Array> {
    const at = this.requests++;
    const fault = this.#fault;
    if (!fault || !('at' in fault) || at < fault.at) return frame;
    if (fault.kind === 'silent') return new Uint8Array();
    if (at > fault.at) return frame;
    if (fault.kind === 'unplug') await this.#board.line.close();
    if (fault.kind === 'slow') await new Promise((resolve) => setTimeout(resolve, SLOW_MS));
    return fault.kind === 'short' ? frame.subarray(0, -3) : frame;
  }

  #image(id: number, value: Record<string, unknown>): object {
    if (id === imageCommands.upload) return this.#upload(value as never);
    if (value.hash) this.#arm(value.hash as Uint8Array);
    if (this.#state === 'empty') return { images: [] };
    const hash = this.#wanted!.sha;
    return { images: [{ image: imageNumbers.memory, slot: 0, hash, state: slotStates[this.#state].value }] };
  }

  #upload({ off, data, len, sha }: { off: number; data: Buffer; len?: number; sha?: Buffer }): object {
    this.offsets.push(off);
    if (off === 0 && !this.#wanted?.sha.equals(Buffer.from(sha!))) {
      this.#wanted = { len: len!, sha: Buffer.from(sha!) };
      this.#state = 'empty';
      this.received = Buffer.alloc(0);
    }
    if (this.#fault?.kind === 'lying-size') return { off: this.#wanted!.len };
    if (off === this.received.length) this.received = Buffer.concat([this.received, data]);
    if (this.received.length === this.#wanted!.len) {
      if (!sha256(this.received).equals(this.#wanted!.sha)) throw new Refusal('stage_hash');
      if (this.#fault?.kind === 'older') throw new Refusal('older_sequence');
      this.#state = 'loaded';
    }
    return { off: this.received.length };
  }

  #arm(hash: Uint8Array): void {
    if (this.#state === 'empty' || !this.#wanted!.sha.equals(hash)) throw new Refusal('no_entry');
    this.#state = 'test';
  }

  #os(id: number): object | undefined {
    if (id !== OS_RESET) return undefined;
    this.#reset = setTimeout(() => this.#restart(), 0);
    return {};
  }

  #restart(): void {
    clearTimeout(this.#reset);
    this.#reset = undefined;
    const kind = this.#fault?.kind;
    this.#state = 'empty';
    if (kind === 'mute') return;
    const say = (line: string) => void this.#board.line.write(Buffer.from(`${line}\r\n`)).catch(() => {});
    if (kind === 'not-started') {
      say(`the image in memory is not started: status ${statusNamed('timeout').code}`);
      return;
    }
    this.starts += 1;
    if (kind !== 'other-build') this.build = this.next;
    say(`velocity 0.1.0 ${this.build} ready on ${MODEL}`);
  }
}

/** As the command makes it of a link, with short waits. */
export const runningOf = (link: VelocityLink, chunkMs: number): RunningBoard => ({
  describe: () => link.describe(),
  info: () => link.info(),
  state: () => link.images.state(),
  upload: (file, onProgress) => link.images.upload(file, onProgress, 'memory', { chunkMs, lastMs: chunkMs }),
  arm: (hash) => link.images.test(hash, 'memory'),
  reset: () => link.reset(),
  onConsole: (listener) => link.onConsole(listener),
});

export const updateOf = (bytes: Uint8Array, build: string): UpdateFile => ({
  bytes,
  hash: sha256(bytes),
  build,
});
