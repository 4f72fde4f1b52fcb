/** A pair of byte streams to a board: the only thing the link needs from the outside world. */

export interface Transport {
  /** Resolves when the bytes were handed to the operating system. @throws UnpluggedError when the other side is gone */
  write(data: Uint8Array): Promise<void>;
  /** Idempotent; no listener is called with a cause afterwards. */
  close(): Promise<void>;
  /** One listener; bytes that arrive before it is set are kept. */
  onData(listener: (data: Uint8Array) => void): void;
  /** Called once, at once when it is closed already. `cause` is absent when close() was called on this side. */
  onClose(listener: (cause?: Error) => void): void;
  /** What a person would call it, e.g. `/dev/ttyUSB0` or `tcp:localhost:4444`. */
  describe(): string;
}
