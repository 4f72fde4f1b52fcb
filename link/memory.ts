/** Two transports joined back to back, for tests and for emulated boards in the same process. */
import { UnpluggedError } from './errors.ts';
import type { Transport } from './transport.ts';

class MemoryTransport implements Transport {
  readonly #name: string;
  #peer: MemoryTransport | undefined;
  #listener: ((data: Uint8Array) => void) | undefined;
  #closeListeners: ((cause?: Error) => void)[] = [];
  #kept: Uint8Array[] = [];
  #closed: { cause?: Error } | undefined;

  constructor(name: string) {
    this.#name = name;
  }

  join(peer: MemoryTransport): void {
    this.#peer = peer;
  }

  async write(data: Uint8Array): Promise<void> {
    if (this.#closed) throw new UnpluggedError(this.#name, 'it is closed');
    const copy = Uint8Array.from(data);
    setImmediate(() => this.#peer?.receive(copy));
  }

  receive(data: Uint8Array): void {
    if (this.#closed) return;
    if (this.#listener) this.#listener(data);
    else this.#kept.push(data);
  }

  onData(listener: (data: Uint8Array) => void): void {
    this.#listener = listener;
    for (const data of this.#kept.splice(0)) listener(data);
  }

  onClose(listener: (cause?: Error) => void): void {
    if (this.#closed) listener(this.#closed.cause);
    else this.#closeListeners.push(listener);
  }

  async close(): Promise<void> {
    this.end();
    this.#peer?.end(new UnpluggedError(this.#name, 'the other side closed it'));
  }

  end(cause?: Error): void {
    if (this.#closed) return;
    this.#closed = cause ? { cause } : {};
    for (const listener of this.#closeListeners) listener(cause);
  }

  describe(): string {
    return this.#name;
  }
}

/** What one side writes, the other receives, in a later turn of the event loop. */
export const memoryPair = (name = 'memory'): [Transport, Transport] => {
  const [a, b] = [new MemoryTransport(name), new MemoryTransport(`${name} (board)`)];
  a.join(b);
  b.join(a);
  return [a, b];
};
