/** The board's serial line: its console text, and what it says of itself once it runs. */
import { READY } from '../../../abi/index.ts';
import type { Board } from '../../../boards/index.ts';
import { FlashError, type MemoryOptions, RefusedError, startFromMemory } from '../../../flasher/index.ts';
import {
  RefusedError as LinkRefusal,
  LinkTimeoutError,
  openWebSerial,
  SmpClient,
  VelocityLink,
  type WebSerialPort,
  webSerialName,
} from '../../../link/index.ts';
import { runningOf, updateOf } from '../../flash/running.ts';
import type { LoadedImage } from './image.ts';

/** A board that starts takes some seconds; firmware that tries other media first, longer. */
const START_MS = 90_000;
/** Some lines lose a frame now and then. */
const RETRIES = 3;

/** A kernel that runs answers at once; one that starts says when it is up. */
const ANSWER_MS = 5000;

export type Running = {
  readonly build: string;
  /** Whether what the board measured of itself is what the manifest says; undefined where it cannot. */
  readonly measured: boolean | undefined;
};

export class Line {
  readonly port: WebSerialPort;
  readonly #link: VelocityLink;
  /** It said that it is up, since it was last to start. */
  #isUp = false;

  private constructor(port: WebSerialPort, link: VelocityLink) {
    this.port = port;
    this.#link = link;
  }

  /** @throws PortBusyError, UnpluggedError */
  static async open(
    port: WebSerialPort,
    onText: (line: string) => void,
    onUp: () => void,
    onClose: (cause?: Error) => void,
  ): Promise<Line> {
    const client = new SmpClient(await openWebSerial(port), { retries: RETRIES });
    const line = new Line(port, new VelocityLink(client));
    client.onConsole((text) => {
      const comesUp = READY.test(text);
      if (comesUp) line.#isUp = true;
      onText(text);
      if (comesUp) onUp();
    });
    client.onClose(onClose);
    return line;
  }

  get name(): string {
    return webSerialName(this.port);
  }

  close(): Promise<void> {
    return this.#link.close();
  }

  /** What it said before does not count any more. */
  expectStart(): void {
    this.#isUp = false;
  }

  /** Whether it said that it is up. */
  get isUp(): boolean {
    return this.#isUp;
  }

  /**
   * Replaces the kernel that runs by this image, from memory. @returns what the board calls itself
   * @throws FlashError, LinkError; the running kernel goes on then
   */
  async replace(loaded: LoadedImage, options: Pick<MemoryOptions, 'signal' | 'onEvent'>): Promise<string> {
    const { board } = await this.#running();
    const file = updateOf(await loaded.update(), loaded.image.build);
    await startFromMemory(runningOf(this.#link), file, options).catch((error: unknown) => {
      if (error instanceof LinkRefusal) loaded.refused();
      throw error;
    });
    return board;
  }

  /** The kernel may be of another release: what an upload takes is the same in all. */
  async #running() {
    try {
      return await this.#link.handshake(ANSWER_MS, true);
    } catch (cause) {
      if (!(cause instanceof LinkTimeoutError)) throw cause;
      throw new FlashError('timeout', this.name, 'no running velocity kernel answers', {
        hint: 'restart the board; at a U-Boot prompt choose that above; for a first start write its card by `velocity flash --to DISK`, or put it into USB boot mode',
        cause,
      });
    }
  }

  async #measure({ manifest }: LoadedImage): Promise<boolean | undefined> {
    try {
      const { root } = await this.#link.measured();
      return Buffer.from(root).toString('hex') === manifest.measured?.root;
    } catch (error) {
      if (error instanceof LinkRefusal) return undefined; // an older kernel
      throw error;
    }
  }

  /** Waits until the board is up and compares what it runs with what it was sent. @throws LinkError, FlashError */
  async follow(board: Pick<Board, 'name'>, loaded: LoadedImage): Promise<Running> {
    const { build } = await this.#link.handshake(this.#isUp ? 0 : START_MS);
    if (build !== loaded.image.build) {
      throw new RefusedError(board.name, `runs build ${build}, and ${loaded.image.build} was written`, {
        hint: 'it started from something else: take other cards and disks out, and restart it',
      });
    }
    const measured = await this.#measure(loaded);
    if (measured !== false) return { build, measured };
    throw new FlashError(
      'verify_failed',
      board.name,
      'measures other bytes of itself than the manifest says',
      {
        hint: 'flash it again; if it stays so, its memory or the cable damages what it was sent',
      },
    );
  }
}
