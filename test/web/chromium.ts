/**
 * A headless Chromium, driven over a pipe by its DevTools protocol (chromedevtools.github.io/devtools-protocol): JSON
 * messages that end with a zero byte, commands on file descriptor 3, answers and events on 4.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { findTool } from '../../firmware/index.ts';
import { Page } from './page.ts';

export type Params = Readonly<Record<string, unknown>>;
type Message = { id?: number; sessionId?: string; method?: string; params?: Params; result?: Params };
type Answer = Message & { error?: { message: string } };
type Listener = (method: string, params: Params) => void;

/** Ubuntu's `chromium-browser` may be a mere pointer to a snap: only what says its version counts. */
const works = (path: string | undefined) => {
  try {
    if (path) execFileSync(path, ['--version'], { stdio: 'ignore', timeout: 60_000 });
    return path;
  } catch {
    return undefined;
  }
};

export const chromium = works(findTool('chromium'));
if (!chromium) process.stderr.write('test: chromium is not installed; tests of web pages are skipped\n');

const flags = (profile: string) => [
  '--headless',
  '--no-sandbox', // root has none
  '--disable-gpu',
  '--disable-dev-shm-usage',
  '--disable-background-networking',
  '--hide-scrollbars',
  '--force-device-scale-factor=1',
  `--user-data-dir=${profile}`,
  '--remote-debugging-pipe',
  'about:blank',
];

export class Browser {
  readonly #child: ChildProcess;
  readonly #profile: string;
  readonly #waiting = new Map<number, { resolve(result: Params): void; reject(error: Error): void }>();
  readonly #listeners = new Map<string, Listener>();
  #next = 1;

  constructor(path: string) {
    this.#profile = mkdtempSync(join(tmpdir(), 'velocity-chromium-'));
    const stdio = ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] as const;
    this.#child = spawn(path, flags(this.#profile), { stdio: [...stdio] });
    this.#child.on('close', () => this.#ended());
    let rest = '';
    const answers = this.#child.stdio[4] as Readable;
    answers.setEncoding('utf8').on('data', (text: string) => {
      const messages = (rest + text).split('\0');
      rest = messages.pop()!;
      for (const message of messages) this.#take(JSON.parse(message) as Answer);
    });
  }

  send(method: string, params: Params = {}, sessionId?: string): Promise<Params> {
    const id = this.#next++;
    const pipe = this.#child.stdio[3] as Writable;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject: (error) => reject(new Error(`${method}: ${error.message}`)) });
      pipe.write(`${JSON.stringify({ id, method, params, ...(sessionId ? { sessionId } : {}) })}\0`);
    });
  }

  /** A tab of its own: nothing is shared with earlier ones. */
  async page(): Promise<Page> {
    const { browserContextId } = await this.send('Target.createBrowserContext');
    const { targetId } = await this.send('Target.createTarget', { url: 'about:blank', browserContextId });
    const { sessionId } = await this.send('Target.attachToTarget', { targetId, flatten: true });
    const session = String(sessionId);
    const page = new Page((method, params) => this.send(method, params, session));
    this.#listeners.set(session, (method, params) => page.take(method, params));
    await page.prepare();
    return page;
  }

  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once('close', resolve));
    if (this.#child.exitCode === null) {
      this.send('Browser.close').catch(() => {});
      await ended;
    }
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }

  #take({ id, sessionId, method, params, result, error }: Answer): void {
    if (method && sessionId) this.#listeners.get(sessionId)?.(method, params ?? {});
    const waiting = id === undefined ? undefined : this.#waiting.get(id);
    if (!waiting) return;
    this.#waiting.delete(id!);
    if (error) waiting.reject(new Error(error.message));
    else waiting.resolve(result ?? {});
  }

  #ended(): void {
    for (const { reject } of this.#waiting.values()) reject(new Error('chromium ended'));
    this.#waiting.clear();
  }
}
