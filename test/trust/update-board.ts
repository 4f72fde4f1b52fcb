/** A virtual board with a boot medium, its images and its keys: what the tests of kernel updates share. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { doors, merkleRoot } from '../../abi/index.ts';
import { boardNamed } from '../../boards/index.ts';
import { buildFor } from '../../cli/virtual.ts';
import { type Policy, requireTool, signImage, updateFile } from '../../firmware/index.ts';
import { slotDisk, writeImage } from '../../firmware/media/index.ts';
import { type SigningKey, signCommand } from '../../firmware/sign.ts';
import { VelocityLink } from '../../link/index.ts';
import { startVirtualBoard, type VirtualBoard } from '../../rig/index.ts';
import { patience } from '../board/patience.ts';
import { strangersKey } from '../board/programs.ts';
import { hexOf, imageWith } from './policy-board.ts';
import { recordedDisk } from './recorded-disk.ts';

/** As long as an image under test takes to give up, and more. */
const RESTART_MS = 380_000;

/** Signs patches and images. */
export const owner = strangersKey();
/** Signs patches only. */
export const loop = strangersKey();

/** Images of different policies are different images. */
export const policyWith = (swaps: number): Policy => ({
  open: ['upload', 'image', 'reset', 'timer'],
  keys: [
    { key: hexOf(owner), roles: ['patch', 'image'], doors: Object.keys(doors) as (keyof typeof doors)[] },
    { key: hexOf(loop), roles: ['patch'], swaps_per_hour: swaps },
  ],
});

export const image = (swaps: number): Buffer => imageWith(policyWith(swaps));

export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
export const rootOf = (bytes: Uint8Array): string => hex(merkleRoot(bytes));

type Powered = { readonly link: VelocityLink; readonly console: string[]; readonly board: VirtualBoard };

export class UpdateBoard {
  readonly #name: string;
  readonly #folder = mkdtempSync(join(tmpdir(), 'velocity-update-'));
  readonly #build: Awaited<ReturnType<typeof buildFor>>;
  #powered: Powered | undefined;

  private constructor(name: string, build: Awaited<ReturnType<typeof buildFor>>) {
    this.#name = name;
    this.#build = build;
  }

  /** Started, with an empty medium. */
  static async open(name: string): Promise<UpdateBoard> {
    const made = new UpdateBoard(name, await buildFor(boardNamed(name), () => {}));
    await writeImage(made.disk, slotDisk());
    await made.power();
    return made;
  }

  get disk(): string {
    return join(this.#folder, 'disk.img');
  }

  /** Beside the disk. */
  file(name: string): string {
    return join(this.#folder, name);
  }

  get measured() {
    return this.#build.manifest.measured;
  }

  get #now(): Powered {
    if (!this.#powered) throw new Error('the board is off');
    return this.#powered;
  }

  get link(): VelocityLink {
    return this.#now.link;
  }

  get console(): readonly string[] {
    return this.#now.console;
  }

  /** `record`: a file that takes every write to the medium, see recorded-disk.ts. */
  async power(record?: string): Promise<void> {
    const file = join(this.#folder, 'Image');
    writeFileSync(file, image(1));
    const { dtb } = this.#build;
    if (record) writeFileSync(record, ''); // QEMU fills it, and does not make it
    const facts = boardNamed(this.#name);
    const kind = facts.bootPath === 'raspberry-pi' ? 'sd' : 'virtio';
    const board = await startVirtualBoard({
      board: facts,
      image: file,
      ...(dtb ? { dtb } : {}),
      qemu: requireTool('qemu'),
      ...(record ? { extra: recordedDisk(kind, this.disk, record) } : { disk: this.disk }),
    });
    const console: string[] = [];
    const link = await VelocityLink.open(board.address, {
      ...patience,
      onConsole: (line) => console.push(line),
      signer: (command) => signCommand(command, owner),
    }).catch(async (cause) => {
      await board.stop();
      throw cause;
    });
    this.#powered = { link, console, board };
  }

  /** The power fails; what waits for an answer fails with it. */
  cut(): Promise<void> {
    return this.#now.board.stop();
  }

  async off(): Promise<void> {
    const { link, board } = this.#now;
    this.#powered = undefined;
    await link.close();
    await board.stop();
  }

  async close(): Promise<void> {
    if (this.#powered) await this.off();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  starts(): number {
    return this.console.filter((line) => line.includes(' ready on ')).length;
  }

  async ready(before: number): Promise<void> {
    for (const deadline = Date.now() + RESTART_MS; this.starts() === before; await delay(20)) {
      if (Date.now() > deadline) throw new Error(`no start:\n${this.console.join('\n')}`);
    }
  }

  async restart(): Promise<void> {
    const before = this.starts();
    await this.link.reset();
    await this.ready(before);
  }

  async slots(): Promise<string[]> {
    return (await this.link.images.state()).map(({ slot, state }) => `${slot} ${state}`);
  }

  /** What a signed manifest says of an image. */
  facts(sequence: bigint) {
    return {
      board_class: 'aarch64',
      memory_bytes: this.#build.manifest.image.memory_bytes,
      build: '0'.repeat(40),
      version: `1.0.${sequence}`,
      sequence,
    };
  }

  update(bytes: Uint8Array, sequence: bigint, key: SigningKey = owner): Uint8Array {
    return updateFile(bytes, signImage(bytes, this.facts(sequence), key));
  }
}
