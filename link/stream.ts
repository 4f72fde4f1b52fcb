/** A transport over a Node duplex stream: what sockets and serial ports have in common. */
import type { Duplex } from 'node:stream';
import { UnpluggedError } from './errors.ts';
import type { Transport } from './transport.ts';

export class StreamTransport implements Transport {
  readonly #stream: Duplex;
  readonly #name: string;
  readonly #shut: () => Promise<void>;
  #closing = false;
  #closed: { cause?: Error } | undefined;
  #closeListeners: ((cause?: Error) => void)[] = [];

  /** `shut` closes the stream; what it rejects with is of no use to anyone any more. */
  constructor(stream: Duplex, name: string, shut: () => Promise<void>) {
    this.#stream = stream;
    this.#name = name;
    this.#shut = shut;
    stream.on('error', (cause) => this.#end(cause));
    stream.on('close', (cause?: Error | boolean) => this.#end(cause instanceof Error ? cause : undefined));
    stream.on('end', () => this.#end());
  }

  write(data: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(new UnpluggedError(this.#name, 'it is closed'));
      this.#stream.write(data, (cause) => (cause ? reject(this.#lost(cause)) : resolve()));
    });
  }

  async close(): Promise<void> {
    this.#closing = true;
    await this.#shut().catch(() => {});
    this.#end();
  }

  onData(listener: (data: Uint8Array) => void): void {
    this.#stream.on('data', listener);
  }

  onClose(listener: (cause?: Error) => void): void {
    if (this.#closed) listener(this.#closed.cause);
    else this.#closeListeners.push(listener);
  }

  describe(): string {
    return this.#name;
  }

  #lost(cause?: Error) {
    return new UnpluggedError(this.#name, 'the connection went away', cause ? { cause } : {});
  }

  #end(cause?: Error): void {
    if (this.#closed) return;
    this.#closed = this.#closing ? {} : { cause: this.#lost(cause) };
    if (!this.#closing) this.#shut().catch(() => {});
    for (const listener of this.#closeListeners) listener(this.#closed.cause);
  }
}
