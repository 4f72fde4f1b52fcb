import { Random } from '../random.ts';

/** Inputs of differential runs. */
export class RandomInputs extends Random {
  /** Often a border, as bugs lie there. */
  byte(): number {
    return this.below(3) === 0 ? [0, 1, 0x7f, 0x80, 0xff][this.below(5)]! : this.below(256);
  }

  bytes(size: number): Uint8Array {
    const whole = this.below(8);
    if (whole < 2) return new Uint8Array(size).fill(whole === 0 ? 0 : 0xff);
    return Uint8Array.from({ length: size }, () => this.byte());
  }

  u64(): bigint {
    return Buffer.from(this.bytes(8)).readBigUInt64LE();
  }
}
