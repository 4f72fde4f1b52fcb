/** Bytes of a stream that are waiting to make a whole message: each is copied once, however long the message is. */
export class ByteQueue {
  #parts: Buffer[] = [];
  length = 0;

  push(data: Buffer): void {
    this.#parts.push(data);
    this.length += data.length;
  }

  /** The first bytes, left where they are; undefined until there are as many. */
  peek(bytes: number): Buffer | undefined {
    if (this.length < bytes) return undefined;
    if (this.#parts.length > 1 && this.#parts[0]!.length < bytes) this.#parts = [Buffer.concat(this.#parts)];
    return this.#parts[0]?.subarray(0, bytes) ?? Buffer.alloc(0);
  }

  take(bytes: number): Buffer | undefined {
    if (this.length < bytes) return undefined;
    const taken: Buffer[] = [];
    for (let left = bytes; left > 0; ) {
      const part = this.#parts[0]!;
      const piece = part.subarray(0, left);
      taken.push(piece);
      left -= piece.length;
      if (piece.length === part.length) this.#parts.shift();
      else this.#parts[0] = part.subarray(piece.length);
    }
    this.length -= bytes;
    return taken.length === 1 ? taken[0]! : Buffer.concat(taken);
  }
}
