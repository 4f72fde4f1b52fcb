/** One tab of the browser, as a test uses it: open, wait for what is shown, press keys, look. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Params } from './chromium.ts';

type Send = (method: string, params?: Params) => Promise<Params>;

/** Generous: a loaded machine draws slowly. */
const WAIT_MS = 120_000;
const POLL_MS = 50;

const keys: Readonly<Record<string, { key: string; code: string; number: number; text?: string }>> = {
  enter: { key: 'Enter', code: 'Enter', number: 13, text: '\r' },
  space: { key: ' ', code: 'Space', number: 32, text: ' ' },
  tab: { key: 'Tab', code: 'Tab', number: 9 },
  left: { key: 'ArrowLeft', code: 'ArrowLeft', number: 37 },
  right: { key: 'ArrowRight', code: 'ArrowRight', number: 39 },
  up: { key: 'ArrowUp', code: 'ArrowUp', number: 38 },
  down: { key: 'ArrowDown', code: 'ArrowDown', number: 40 },
};

export class Page {
  readonly #send: Send;
  readonly #bindings = new Map<string, (payload: string) => void>();
  /** What went wrong in the page: exceptions, and errors on its console. */
  readonly problems: string[] = [];
  /** Every address that it asked for. */
  readonly requests: string[] = [];

  constructor(send: Send) {
    this.#send = send;
  }

  async prepare(): Promise<void> {
    for (const domain of ['Page', 'Runtime', 'Log', 'Network', 'DOM']) await this.#send(`${domain}.enable`);
    await this.size(1200, 900);
  }

  /** An event of the tab. */
  take(method: string, params: Params): void {
    const at = params as Record<string, Record<string, unknown>> & { name?: string; payload?: string };
    if (method === 'Runtime.exceptionThrown') this.problems.push(JSON.stringify(params).slice(0, 2000));
    if (method === 'Log.entryAdded' && at.entry?.level === 'error') this.problems.push(String(at.entry.text));
    if (method === 'Network.requestWillBeSent') this.requests.push(String(at.request?.url));
    if (method === 'Runtime.bindingCalled') this.#bindings.get(at.name!)?.(at.payload!);
  }

  size = (width: number, height: number) =>
    this.#send('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: false });

  colours = (value: 'light' | 'dark') =>
    this.#send('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value }] });

  /** Gives the page a function `name(text)` that calls back here. */
  async bind(name: string, listener: (payload: string) => void): Promise<void> {
    this.#bindings.set(name, listener);
    await this.#send('Runtime.addBinding', { name });
  }

  /** Runs before each page's own code. */
  beforeLoad = (source: string) => this.#send('Page.addScriptToEvaluateOnNewDocument', { source });

  async open(url: string): Promise<void> {
    await this.#send('Page.navigate', { url });
    await this.until(`document.readyState === 'complete' && location.href !== 'about:blank'`);
  }

  /** The value of an expression, after its promise. */
  async evaluate<T = unknown>(expression: string): Promise<T> {
    const answer = await this.#send('Runtime.evaluate', {
      expression,
      awaitPromise: true,
      returnByValue: true,
    });
    const { exceptionDetails, result } = answer as { exceptionDetails?: unknown; result: { value: T } };
    if (exceptionDetails)
      throw new Error(`${expression}: ${JSON.stringify(exceptionDetails).slice(0, 1000)}`);
    return result.value;
  }

  /** Whether the expression comes true in this time. */
  async within(ms: number, expression: string): Promise<boolean> {
    const deadline = Date.now() + ms;
    while (Date.now() < deadline) {
      if (await this.evaluate(`!!(${expression})`).catch(() => false)) return true;
      await sleep(POLL_MS);
    }
    return false;
  }

  /** Waits until the expression is true. @throws Error with what is shown instead */
  async until(expression: string): Promise<void> {
    if (await this.within(WAIT_MS, expression)) return;
    const seen = await this.evaluate<string>('document.body.innerText').catch(String);
    throw new Error(
      `the page never came to ${expression}; problems: ${this.problems.join('; ')}; it shows:\n${seen}`,
    );
  }

  text = (selector: string) =>
    this.evaluate<string>(`document.querySelector(${JSON.stringify(selector)}).textContent`);

  /** Waits until an element's text matches. */
  says = (selector: string, pattern: RegExp) =>
    this.until(`${pattern}.test(document.querySelector(${JSON.stringify(selector)})?.textContent ?? '')`);

  async key(name: keyof typeof keys | string): Promise<void> {
    const known = keys[name] ?? { key: name, code: '', number: name.toUpperCase().charCodeAt(0), text: name };
    const common = { key: known.key, code: known.code, windowsVirtualKeyCode: known.number };
    await this.#send('Input.dispatchKeyEvent', {
      type: known.text ? 'keyDown' : 'rawKeyDown',
      ...common,
      ...(known.text ? { text: known.text } : {}),
    });
    await this.#send('Input.dispatchKeyEvent', { type: 'keyUp', ...common });
  }

  /** Presses a button as a person without a mouse does: the focus goes there, then a key. Waits until it can be pressed. */
  async press(selector: string, key = 'enter'): Promise<void> {
    const element = `document.querySelector(${JSON.stringify(selector)})`;
    await this.until(`${element} && !${element}.disabled && ${element}.checkVisibility()`);
    await this.evaluate(`${element}.focus()`);
    await this.key(key);
  }

  /** Gives files to a file input. */
  async choose(selector: string, files: readonly string[]): Promise<void> {
    const { root } = (await this.#send('DOM.getDocument')) as { root: { nodeId: number } };
    const { nodeId } = await this.#send('DOM.querySelector', { nodeId: root.nodeId, selector });
    await this.#send('DOM.setFileInputFiles', { nodeId, files });
  }

  /** Role and name of everything that takes the focus, as assistive technology reads it. */
  async controls(): Promise<readonly { role: string; name: string }[]> {
    type Node = {
      role?: { value: string };
      name?: { value: string };
      ignored: boolean;
      properties?: { name: string }[];
    };
    const { nodes } = (await this.#send('Accessibility.getFullAXTree')) as unknown as { nodes: Node[] };
    return nodes
      .filter((node) => !node.ignored && node.properties?.some(({ name }) => name === 'focusable'))
      .map((node) => ({ role: node.role?.value ?? '', name: node.name?.value ?? '' }))
      .filter(({ role }) => role !== 'RootWebArea');
  }

  /** A picture of the whole page, as WebP: half of what PNG takes. */
  async picture(path: string): Promise<void> {
    await this.evaluate('scrollTo(0, 0)');
    const { data } = await this.#send('Page.captureScreenshot', {
      format: 'webp',
      quality: 70,
      captureBeyondViewport: true,
    });
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, Buffer.from(String(data), 'base64'));
  }
}
