/** The board's serial line: its console text, and what it says of itself once it runs. */
import type { Board } from '../../../boards/index.ts';
import { FlashError, RefusedError } from '../../../flasher/index.ts';
import {
  RefusedError as LinkRefusal,
  openWebSerial,
  SmpClient,
  VelocityLink,
  type WebSerialPort,
  webSerialName,
} from '../../../link/index.ts';
import type { LoadedImage } from './image.ts';

/** A board that starts takes some seconds; firmware that tries other media first, longer. */
const START_MS = 90_000;

/** What the kernel says once, when the link is up. */
const READY = /^velocity \S+ \S+ ready on /;

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
    onClose: (cause?: Error) => void,
  ): Promise<Line> {
    const client = new SmpClient(await openWebSerial(port));
    const line = new Line(port, new VelocityLink(client));
    client.onConsole((text) => {
      if (READY.test(text)) line.#isUp = true;
      onText(text);
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
