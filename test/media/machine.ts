/** An emulated machine with a boot loader of its own: edk2 or U-Boot instead of QEMU's -kernel. */
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { READY } from '../../abi/index.ts';
import { requireTool } from '../../firmware/index.ts';
import { VelocityLink } from '../../link/index.ts';
import { release, spawnLeashed } from '../../rig/child.ts';
import { patience } from '../board/patience.ts';

/** Boots take 2 to 6 s on an idle machine. */
const BOOT_MS = 180_000;

const common = ['-display', 'none', '-monitor', 'none', '-nodefaults'];

/** A console of the machine: what it said, and a way to type. */
export class Console {
  text = '';
  readonly path: string;
  #socket: Socket | undefined;
  constructor(path: string) {
    this.path = path;
  }

  async open(): Promise<void> {
    for (let waited = 0; ; waited += 20) {
      try {
        this.#socket = await dial(this.path);
        break;
      } catch (error) {
        if (waited >= BOOT_MS) throw error;
        await sleep(20);
      }
    }
    this.#socket.on('data', (chunk: Buffer) => {
      this.text += chunk.toString('latin1');
    });
    this.#socket.on('error', () => {});
  }

  type(text: string): void {
    this.#socket?.write(text);
  }

  close(): void {
    this.#socket?.destroy();
  }

  /** Waits until the console has said something like this. */
  async said(pattern: RegExp): Promise<RegExpExecArray> {
    for (let waited = 0; waited < BOOT_MS; waited += 20) {
      const found = pattern.exec(this.text);
      if (found) return found;
      await sleep(20);
    }
    throw new Error(`no ${pattern} in ${BOOT_MS} ms; the console said:\n${this.text.slice(-2000)}`);
  }
}

const dial = (path: string) =>
  new Promise<Socket>((resolve, reject) => {
    const socket = connect(path);
    socket.once('connect', () => resolve(socket));
    socket.once('error', reject);
  });

export type Machine = { readonly consoles: readonly Console[]; readonly stop: () => Promise<void> };

/** Starts QEMU with these arguments and `count` serial ports; it runs from when all of them are connected to. */
export const startMachine = async (args: readonly string[], count = 1): Promise<Machine> => {
  const folder = mkdtempSync(join(tmpdir(), 'velocity-media-'));
  const consoles = Array.from({ length: count }, (_, i) => new Console(join(folder, `serial${i}`)));
  const serials = consoles.flatMap(({ path }, i) => [
    '-chardev',
    `socket,id=c${i},path=${path},server=on,wait=on`,
    '-serial',
    `chardev:c${i}`,
  ]);
  const child = spawnLeashed(requireTool('qemu'), [...common, ...serials, ...args]);
  const exited = new Promise((resolve) => {
    child.once('close', resolve);
    child.once('error', resolve);
  });
  const stop = async () => {
    for (const console of consoles) console.close();
    await release(child, exited);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    for (const console of consoles) await console.open();
  } catch (error) {
    await stop();
    throw error;
  }
  return { consoles, stop };
};

export type Answer = { readonly build: string; readonly echo: string; readonly cores: number };

/** Waits for the kernel's banner without typing, which would stop a boot loader; then asks it to echo. */
export const echoAfterBoot = async (console: Console): Promise<Answer> => {
  const [, build] = await console.said(READY);
  console.close();
  const link = await VelocityLink.open(`unix:${console.path}`, { retries: patience.retries });
  try {
    return { build: build!, echo: await link.echo('hello'), cores: (await link.info()).cores };
  } finally {
    await link.close();
  }
};
