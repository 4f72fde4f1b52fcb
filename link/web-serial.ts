/** A serial port in a browser (Web Serial, wicg.github.io/serial) as a transport. A person chose it; it has no name. */
import { PortBusyError, UnpluggedError } from './errors.ts';
import { DEFAULT_BAUD } from './serial.ts';
import type { Transport } from './transport.ts';

/** What is used of a browser's SerialPort. */
export type WebSerialPort = {
  readonly readable: ReadableStream<Uint8Array> | null;
  readonly writable: WritableStream<Uint8Array> | null;
  open(options: { readonly baudRate: number }): Promise<void>;
  close(): Promise<void>;
  getInfo(): { readonly usbVendorId?: number; readonly usbProductId?: number };
};

const hex4 = (value: number) => value.toString(16).padStart(4, '0');

/** All that a page knows of a port. */
export const webSerialName = (port: Pick<WebSerialPort, 'getInfo'>): string => {
  const { usbVendorId, usbProductId } = port.getInfo();
  if (usbVendorId === undefined || usbProductId === undefined) return 'serial line';
  return `serial adapter ${hex4(usbVendorId)}:${hex4(usbProductId)}`;
};

class WebSerialTransport implements Transport {
  readonly #port: WebSerialPort;
  readonly #name: string;
  #listener: ((data: Uint8Array) => void) | undefined;
  #kept: Uint8Array[] = [];
  #closeListeners: ((cause?: Error) => void)[] = [];
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  #writing: Promise<unknown> = Promise.resolve();
  #closing = false;
  #closed: { cause?: Error } | undefined;
  readonly #ended: Promise<void>;

  constructor(port: WebSerialPort, name: string) {
    this.#port = port;
    this.#name = name;
    this.#ended = this.#read();
  }

  describe(): string {
    return this.#name;
  }

  write(data: Uint8Array): Promise<void> {
    const written = this.#writing.then(() => this.#write(data));
    this.#writing = written.catch(() => {});
    return written;
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
    this.#closing = true;
    await this.#reader?.cancel().catch(() => {});
    await this.#ended;
  }

  async #write(data: Uint8Array): Promise<void> {
    if (this.#closed || !this.#port.writable) throw new UnpluggedError(this.#name, 'it is closed');
    const writer = this.#port.writable.getWriter();
    try {
      await writer.write(data);
    } catch (cause) {
      throw new UnpluggedError(this.#name, 'the connection went away', { cause });
    } finally {
      writer.releaseLock();
    }
  }

  /** A break or a wrong byte ends the stream, and the port has a new one; a port that is gone has none. */
  async #read(): Promise<void> {
    let cause: unknown;
    for (let last: unknown; this.#port.readable && this.#port.readable !== last && !this.#closing; ) {
      last = this.#port.readable;
      this.#reader = this.#port.readable.getReader();
      try {
        await this.#pump(this.#reader);
      } catch (error) {
        cause = error;
      } finally {
        this.#reader.releaseLock();
      }
    }
    await this.#writing;
    await this.#port.close().catch(() => {}); // gone already is fine
    this.#end(cause);
  }

  async #pump(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      if (this.#listener) this.#listener(value);
      else this.#kept.push(value);
    }
  }

  #end(cause: unknown): void {
    const lost = () => new UnpluggedError(this.#name, 'the connection went away', cause ? { cause } : {});
    this.#closed = this.#closing ? {} : { cause: lost() };
    for (const listener of this.#closeListeners) listener(this.#closed.cause);
  }
}

/** @throws PortBusyError when another page or program has it, UnpluggedError */
export const openWebSerial = async (
  port: WebSerialPort,
  { baudRate = DEFAULT_BAUD }: { readonly baudRate?: number } = {},
): Promise<Transport> => {
  const name = webSerialName(port);
  try {
    await port.open({ baudRate });
  } catch (cause) {
    const kind = (cause as Error).name;
    if (kind === 'InvalidStateError' || kind === 'NetworkError') throw new PortBusyError(name, { cause });
    throw new UnpluggedError(name, `cannot be opened: ${(cause as Error).message}`, { cause });
  }
  return new WebSerialTransport(port, name);
};
